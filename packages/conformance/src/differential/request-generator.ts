import type { SeededChoice } from "@quorate/testkit";
import type { Message } from "../etcd-api.ts";
import { KeySpace } from "./key-space.ts";
import type { World } from "./world.ts";

const FAR_FUTURE = "9223372036854775807";
const UNKNOWN_LEASE = "777000777";

/** Draws key-value requests, valid ones mostly, that fit what the servers hold. */
export class RequestGenerator {
  readonly #choice: SeededChoice;
  readonly #world: World;
  readonly keys: KeySpace;

  constructor(choice: SeededChoice, world: World) {
    this.#choice = choice;
    this.#world = world;
    this.keys = new KeySpace(choice);
  }

  range(): Message {
    const choice = this.#choice;
    const filter = (): string => (choice.oneIn(8) ? this.recentRevision() : "0");
    return {
      ...(choice.oneIn(200) ? { key: Buffer.alloc(0) } : this.keys.range()),
      limit: choice.weighted({ none: 60, few: 30, many: 8, negative: 2 }) === "none" ? 0 : this.#limit(),
      revision: choice.oneIn(3) ? this.readRevision() : 0,
      sort_order: choice.oneIn(3) ? choice.below(3) : 0,
      sort_target: choice.oneIn(3) ? choice.below(5) : 0,
      serializable: choice.oneIn(3),
      keys_only: choice.oneIn(8),
      count_only: choice.oneIn(10),
      min_mod_revision: filter(),
      max_mod_revision: filter(),
      min_create_revision: filter(),
      max_create_revision: filter(),
    };
  }

  put(): Message {
    const choice = this.#choice;
    const kind = choice.weighted({ plain: 75, ignoreValue: 8, ignoreLease: 8, ignoreBoth: 2, wrong: 4, empty: 1 });
    const plain = {
      key: kind === "empty" ? Buffer.alloc(0) : this.keys.key(),
      value: this.keys.value(),
      lease: this.#lease(),
      prev_kv: choice.oneIn(3),
    };
    switch (kind) {
      case "ignoreValue":
        return { ...plain, value: Buffer.alloc(0), ignore_value: true };
      case "ignoreLease":
        return { ...plain, lease: "0", ignore_lease: true };
      case "ignoreBoth":
        return { ...plain, value: Buffer.alloc(0), lease: "0", ignore_value: true, ignore_lease: true };
      case "wrong":
        return { ...plain, ignore_value: choice.oneIn(2), ignore_lease: choice.oneIn(2) };
      default:
        return plain;
    }
  }

  deleteRange(): Message {
    const range = this.#choice.oneIn(200) ? { key: Buffer.alloc(0) } : this.keys.smallRange();
    return { ...range, prev_kv: this.#choice.oneIn(3) };
  }

  txn(): Message {
    const txn = this.#txn(0);
    return deletesFromKey(txn) ? withoutIgnores(txn) : txn;
  }

  #txn(depth: number): Message {
    const choice = this.#choice;
    const several = (most: number): readonly undefined[] => Array.from({ length: choice.below(most + 1) });
    return {
      compare: several(2).map(() => this.#compare()),
      success: several(4).map(() => this.#operation(depth)),
      failure: several(3).map(() => this.#operation(depth)),
    };
  }

  /** A transaction as the Kubernetes API server sends it: create, update, delete. */
  kubernetesTxn(): Message {
    const key = this.keys.key();
    const put = { request_put: { key, value: this.keys.value(), lease: this.#lease() } };
    const read = { request_range: { key, limit: 1 } };
    const kind = this.#choice.weighted({ create: 1, update: 2, delete: 1 });
    const expected = kind === "create" ? "0" : this.recentRevision();
    return {
      compare: [{ result: 0, target: 2, key, mod_revision: expected }],
      success: [kind === "delete" ? { request_delete_range: { key, prev_kv: true } } : put],
      failure: kind === "create" ? [] : [read],
    };
  }

  /** A revision among the last few dozen. */
  recentRevision(): string {
    return String(Math.max(1, this.#world.revision - this.#choice.below(60)));
  }

  /** A revision to read at: readable mostly, sometimes compacted, in the future or negative. */
  readRevision(): string {
    const { revision, compactRevision } = this.#world;
    const oldest = Math.max(1, compactRevision);
    switch (this.#choice.weighted({ recent: 50, any: 30, oldest: 6, gone: 5, future: 6, far: 1, negative: 2 })) {
      case "recent":
        return this.recentRevision();
      case "any":
        return String(this.#choice.between(oldest, revision));
      case "oldest":
        return String(oldest);
      case "gone":
        return String(Math.max(0, oldest - this.#choice.between(1, 20)));
      case "future":
        return String(revision + this.#choice.between(1, 3));
      case "far":
        return FAR_FUTURE;
      default:
        return String(-this.#choice.between(1, 3));
    }
  }

  #limit(): number {
    return this.#choice.oneIn(12) ? -this.#choice.between(1, 5) : this.#choice.between(1, 12);
  }

  #lease(): string {
    const known = [...this.#world.leases];
    if (known.length > 0 && this.#choice.oneIn(4)) return this.#choice.pick(known);
    return this.#choice.oneIn(40) ? UNKNOWN_LEASE : "0";
  }

  #compare(): Message {
    const choice = this.#choice;
    const range = choice.oneIn(4) ? this.keys.range() : { key: this.keys.key() };
    const compare = {
      ...range,
      ...(choice.oneIn(150) ? { key: Buffer.alloc(0) } : {}),
      result: choice.below(4),
      target: choice.below(5),
    };
    // Once in a while the value is one for another target: the target's own then counts as unset.
    const union = choice.oneIn(25) ? choice.below(6) : compare.target;
    switch (union) {
      case 0:
        return { ...compare, version: String(choice.below(4)) };
      case 1:
        return { ...compare, create_revision: choice.oneIn(2) ? "0" : this.recentRevision() };
      case 2:
        return { ...compare, mod_revision: choice.oneIn(2) ? "0" : this.recentRevision() };
      case 3:
        return { ...compare, value: this.keys.value() };
      case 4:
        return { ...compare, lease: this.#lease() };
      default:
        return compare;
    }
  }

  #operation(depth: number): Message {
    const kind = this.#choice.weighted({ range: 35, put: 40, delete: 14, txn: depth < 3 ? 10 : 0, none: 1 });
    switch (kind) {
      case "range":
        return { request_range: this.range() };
      case "put":
        return { request_put: this.put() };
      case "delete":
        return { request_delete_range: this.deleteRange() };
      case "txn":
        return { request_txn: this.#txn(depth + 1) };
      default:
        // An operation that sets none of the alternatives; rare, for it refuses the whole transaction.
        return this.#choice.oneIn(5) ? {} : { request_range: this.range() };
    }
  }
}

/** The operations of a transaction and of all transactions in it. */
function operations(txn: Message): readonly Message[] {
  const own = [...(txn["success"] as readonly Message[]), ...(txn["failure"] as readonly Message[])];
  return own.flatMap((one) => [
    one,
    ...(one["request_txn"] === undefined ? [] : operations(one["request_txn"] as Message)),
  ]);
}

function deletesFromKey(txn: Message): boolean {
  return operations(txn).some((one) => {
    const end = (one["request_delete_range"] as Message | undefined)?.["range_end"];
    return end instanceof Uint8Array && end.length === 1 && end[0] === 0;
  });
}

/**
 * Every etcd up to 3.5.30 at least ends with a panic when a put that keeps the value or lease finds its key deleted by an
 * earlier from-key delete of the same transaction, which the check for duplicates does not see.
 */
function withoutIgnores(txn: Message): Message {
  const branch = (list: unknown): readonly Message[] => (list as readonly Message[]).map(withoutIgnore);
  return { ...txn, success: branch(txn["success"]), failure: branch(txn["failure"]) };
}

function withoutIgnore(operation: Message): Message {
  const { request_put: put, request_txn: txn } = operation as { request_put?: Message; request_txn?: Message };
  if (put !== undefined) return { request_put: { ...put, ignore_value: false, ignore_lease: false } };
  return txn === undefined ? operation : { request_txn: withoutIgnores(txn) };
}
