const SHARD_COUNT = 1024;

/**
 * The slot of each key. Many small maps instead of one: a map that grows re-hashes itself in one go, which for a million
 * keys would hold up everything for a tenth of a second. Keys are spread by a few of their characters; a bad spread costs
 * only that.
 */
export class SlotByKey {
  readonly #shards: (Map<string, number> | undefined)[] = Array.from({ length: SHARD_COUNT });

  get(key: string): number | undefined {
    const shard = this.#shards[shardOf(key)];
    return shard === undefined ? undefined : shard.get(key);
  }

  set(key: string, slot: number): void {
    const index = shardOf(key);
    let shard = this.#shards[index];
    if (shard === undefined) {
      shard = new Map();
      this.#shards[index] = shard;
    }
    shard.set(key, slot);
  }

  delete(key: string): void {
    this.#shards[shardOf(key)]?.delete(key);
  }
}

function shardOf(key: string): number {
  const length = key.length;
  if (length < 4) return length;
  // Names mostly differ near their end, and some in the middle.
  let hash = key.charCodeAt(length - 1);
  hash = hash * 33 + key.charCodeAt(length - 2);
  hash = hash * 33 + key.charCodeAt(length - 3);
  hash = hash * 33 + key.charCodeAt(length >>> 1);
  return (hash ^ (hash >>> 10)) & (SHARD_COUNT - 1);
}
