import { compareBytes, crc32c, latin1FromBytes, type Prng } from "@quorate/base";
import { BboltReader, type BboltRecord, NODE_FILE_SYSTEM, writeBboltFile } from "@quorate/storage";

/** The content of a database: buckets by name, in order. */
export type Content = ReadonlyMap<string, readonly BboltRecord[]>;

/** Records with keys of up to `keyBytes` and values mostly small, sometimes of several pages. */
export function randomRecords(prng: Prng, count: number, keyBytes: number, valueBytes: number): BboltRecord[] {
  const keys = new Map<string, Uint8Array>();
  for (let i = 0; i < count; i++) {
    const key = Uint8Array.from({ length: 1 + prng.below(keyBytes) }, () => prng.below(256));
    keys.set(key.join(), key);
  }
  return [...keys.values()]
    .sort(compareBytes)
    .map((key) => ({ key, value: new Uint8Array(randomSize(prng, valueBytes)).fill(prng.below(256)) }));
}

function randomSize(prng: Prng, valueBytes: number): number {
  const kind = prng.below(20);
  if (kind === 0) return 4096 + prng.below(20_000);
  return kind < 4 ? 0 : prng.below(valueBytes);
}

export function writeContent(path: string, content: Content): Promise<number> {
  const sources = [...content].map(([name, records]) => ({ name, records: () => inLists(records) }));
  return writeBboltFile(NODE_FILE_SYSTEM, path, sources);
}

function* inLists(records: readonly BboltRecord[]): Generator<readonly BboltRecord[]> {
  for (let at = 0; at < records.length; at += 37) yield records.slice(at, at + 37);
}

/** Everything a file holds, in short. */
export function readContent(path: string): string {
  const reader = BboltReader.open(NODE_FILE_SYSTEM, path);
  try {
    const content = new Map<string, BboltRecord[]>();
    for (const bucket of reader.buckets()) content.set(bucket.name, [...reader.records(bucket)].flat());
    return shown(content);
  } finally {
    reader.close();
  }
}

export function shown(content: Content): string {
  return [...content]
    .map(([name, records]) => {
      const lines = records.map(({ key, value }) => `${latin1FromBytes(key)}=${value.length}:${crc32c(0, value)}`);
      return `${name}\n${lines.join("\n")}\n`;
    })
    .join("");
}
