import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, jest } from "@jest/globals";
import { SeededPrng } from "@quorate/base";
import { EtcdNode, missingPeers, peersAreRequired, requirePeer } from "@quorate/testkit";
import { capturedRun } from "../captured-run.ts";
import { etcdctl, scratch } from "./support/peer-tools.ts";

jest.setTimeout(180_000);

const CTL = "etcdctl-3.5";
const PAGE = 4096;
const ROUNDS = 60;

/** A file cut short, or with bits, bytes, pages or stretches of it changed. */
function mutated(original: Uint8Array, prng: SeededPrng): Uint8Array {
  const bytes = Uint8Array.from(original);
  const kind = prng.below(6);
  if (kind === 0) return bytes.subarray(0, prng.below(bytes.length));
  for (let changes = 1 + prng.below(5); changes > 0; changes--) {
    const at = prng.below(bytes.length);
    const page = at - (at % PAGE);
    if (kind === 1) bytes[at] = (bytes[at] ?? 0) ^ (1 << prng.below(8));
    else if (kind === 2) bytes[page + prng.below(80)] = prng.below(256);
    else if (kind === 3) bytes.copyWithin(page, prng.below(Math.max(1, bytes.length / PAGE)) * PAGE, page + PAGE);
    else if (kind === 4) bytes.fill(0, at, at + prng.below(600));
    else for (let i = at; i < Math.min(bytes.length, at + 40); i++) bytes[i] = prng.below(256);
  }
  return bytes;
}

const missing = missingPeers(["etcd-3.5", CTL]);
if (missing.length > 0) {
  it(`needs ${missing.join(", ")}`, () => {
    process.stderr.write(`skipped: mutated files need ${missing.join(", ")}\n`);
    expect(peersAreRequired() ? missing : []).toEqual([]);
  });
} else {
  // An error that nobody catches would end the run; what is refused must be so in one line of text.
  describe("mutated files of etcd", () => {
    async function check(words: readonly string[], seed: number): Promise<number> {
      const run = await capturedRun(words);
      if (run.code === 0) return 0;
      expect([seed, words[0], run.code]).toEqual([seed, words[0], 1]);
      const errors = run.stderr.split("\n").filter((line) => !/^(\S+T\S+\tinfo\t|Reading page )/.test(line));
      const isOne = errors.length === 2 || /integrity check failed/.test(errors[0] ?? "");
      expect([seed, words[0], errors, isOne]).toEqual([seed, words[0], errors, true]);
      expect(run.stderr).not.toMatch(/undefined|TypeError|RangeError|InvariantError/);
      return 1;
    }

    it("are read or refused by every command, and restored only with their digest", async () => {
      using directory = scratch();
      const node = await EtcdNode.start({ program: [requirePeer("etcd-3.5")] });
      const saved = join(directory.path, "saved.db");
      let log: Uint8Array;
      let database: Uint8Array;
      try {
        // No large values: a changed byte is to meet structure, not content.
        for (let i = 0; i < 40; i++) etcdctl(CTL, node.endpoint, "put", `key${i % 13}`, `value${i}`);
        etcdctl(CTL, node.endpoint, "del", "key3");
        etcdctl(CTL, node.endpoint, "lease", "grant", "6000");
        etcdctl(CTL, node.endpoint, "compaction", "12");
        etcdctl(CTL, node.endpoint, "snapshot", "save", saved);
        await node.terminate();
        const wal = join(node.dataDirectory, "member/wal");
        const [segment] = readdirSync(wal).filter((name) => name.endsWith(".wal"));
        const preallocated = readFileSync(join(wal, segment ?? ""));
        log = preallocated.subarray(0, 8 + preallocated.findLastIndex((byte) => byte !== 0));
        database = readFileSync(join(node.dataDirectory, "member/snap/db"));
      } finally {
        await node.close();
      }
      const whole = readFileSync(saved);
      const path = join(directory.path, "db");
      const data = join(directory.path, "data");
      const from = join(directory.path, "from");
      let refused = 0;
      for (let seed = 1; seed <= ROUNDS; seed++) {
        const bytes = mutated(whole, new SeededPrng(seed));
        writeFileSync(path, bytes);
        refused += await check(["snapshot", "status", path], seed);
        refused += await check(["hashkv", path], seed);
        for (const bucket of ["key", "meta", "members"]) {
          refused += await check(["dump-db", "iterate-bucket", path, bucket, "--decode"], seed);
        }
        refused += await check(["dump-db", "scan-keys", path, "0"], seed);
        refused += await check(["dump-db", "hash", path], seed);
        if (Buffer.compare(bytes, whole) === 0) continue;
        const restored = await check(["snapshot", "restore", path, `--data-dir=${data}`], seed);
        expect([seed, restored]).toEqual([seed, 1]);
      }
      expect(refused).toBeGreaterThan(ROUNDS);
      for (let seed = ROUNDS + 1; seed <= 5 * ROUNDS; seed++) {
        writeFileSync(path, mutated(whole, new SeededPrng(seed)));
        refused += await check(["hashkv", path], seed);
      }
      const member = join(directory.path, "from/member");
      const wal = join(member, "wal");
      for (const path of [wal, join(member, "snap")]) mkdirSync(path, { recursive: true });
      let migrated = 0;
      for (let seed = 1; seed <= ROUNDS; seed++) {
        const prng = new SeededPrng(seed);
        const isLog = seed % 2 === 0;
        writeFileSync(join(wal, "0000000000000000-0000000000000000.wal"), isLog ? mutated(log, prng) : log);
        writeFileSync(join(member, "snap/db"), isLog ? database : mutated(database, prng));
        if (isLog) {
          for (const mode of ["-raw", "-start-index=0"]) refused += await check(["dump-logs", mode, from], seed);
        }
        const outcome = await check(["migrate", "--from", from, "--data-dir", data], seed);
        expect([seed, existsSync(data)]).toEqual([seed, outcome === 0]);
        migrated += 1 - outcome;
        rmSync(data, { recursive: true, force: true });
      }
      // A log carries checksums; of a database only the structure can be checked, and much of both files is empty.
      expect(migrated).toBeGreaterThan(5);
      expect(migrated).toBeLessThan(ROUNDS - 10);
    });
  });
}
