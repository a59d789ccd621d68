import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, jest } from "@jest/globals";
import { EtcdClient, RPC } from "@quorate/client";
import { EtcdNode, missingPeers, type PeerName, peersAreRequired, requirePeer } from "@quorate/testkit";
import { type CapturedRun, capturedRun } from "../captured-run.ts";
import { BUCKETS, etcdctl, fillPeer, hashOfPeer, prepareQuorate, scratch } from "./support/peer-tools.ts";

jest.setTimeout(60_000);

const CTL: PeerName = "etcdctl-3.5";

/** Maintenance.Hash of a member, over all it holds. */
async function wholeHash(endpoint: string): Promise<number> {
  await using client = new EtcdClient({ endpoints: endpoint });
  return (await client.unary(RPC.Maintenance.Hash, {})).hash;
}

function dump(...words: readonly string[]): Promise<CapturedRun> {
  return capturedRun(["dump-db", ...words]);
}

async function linesOf(...words: readonly string[]): Promise<string[]> {
  const run = await dump(...words);
  expect([words, run.code, run.stderr]).toEqual([words, 0, ""]);
  return run.stdout.split("\n").slice(0, -1);
}

/** What both kinds of member hold alike. */
async function checkBuckets(path: string, revision: number): Promise<void> {
  expect(await linesOf("list-bucket", path)).toEqual(BUCKETS);
  const keys = await linesOf("iterate-bucket", path, "key", "--decode");
  expect(keys[0]).toMatch(
    new RegExp(
      `^rev=\\{Revision:\\{Main:${revision} Sub:0\\} tombstone:false\\}, value=\\[key "leased" \\| val "z" \\| `,
    ),
  );
  expect(keys.filter((line) => line.includes("tombstone:true")).length).toBe(1);
  const mains = keys.map((line) => Number(/Main:(\d+) /.exec(line)?.[1]));
  expect(mains).toEqual([...mains].sort((a, b) => b - a));
  expect(await linesOf("iterate-bucket", path, "key", "--decode", "--limit=2")).toEqual(keys.slice(0, 2));
  const [plain] = await linesOf("iterate-bucket", path, "key", "--limit=1");
  expect(plain).toMatch(/^key="\\x00\\x00\\x00\\x00\\x00\\x00\\x00.+_\\x00.+", value="\\n\\x06leased.+z0.+"$/);
  const [lease, ...noMore] = await linesOf("iterate-bucket", path, "lease", "--decode");
  expect([lease, noMore]).toEqual([expect.stringMatching(/^lease ID=[0-9a-f]{16}, TTL=6000s, remaining TTL=0s$/), []]);
  expect(await linesOf("iterate-bucket", path, "authUsers", "--decode")).toEqual([
    'user="anna", roles=["reader"], option=',
  ]);
  expect(await linesOf("iterate-bucket", path, "authRoles", "--decode")).toEqual([
    'role="reader", keyPermission=[key:"key" range_end:"kez"]',
  ]);
  expect(await linesOf("iterate-bucket", path, "auth", "--decode")).toContain('key="authRevision", value=5');
  const meta = await linesOf("iterate-bucket", path, "meta", "--decode");
  expect(meta).toContain('key="scheduledCompactRev", value={15 0}');
  expect(meta).toContainEqual(expect.stringMatching(/^key="consistent_index", value=\d+$/));
  const [member] = await linesOf("iterate-bucket", path, "members");
  expect(member).toMatch(/^key="[0-9a-f]+", value="\{\\"id\\":\d+,\\"peerURLs\\":/);
}

const missing = missingPeers(["etcd-3.5", CTL]);
if (missing.length > 0) {
  it(`needs ${missing.join(", ")}`, () => {
    process.stderr.write(`skipped: dumping databases needs ${missing.join(", ")}\n`);
    expect(peersAreRequired() ? missing : []).toEqual([]);
  });
} else {
  describe("dump-db", () => {
    it("shows what is in the database of etcd, and hashes it as the member does", async () => {
      const node = await EtcdNode.start({ program: [requirePeer("etcd-3.5")] });
      try {
        fillPeer(CTL, node.endpoint);
        etcdctl(CTL, node.endpoint, "compaction", "15", "--physical");
        const { revision } = hashOfPeer(CTL, node.endpoint);
        const hash = await wholeHash(node.endpoint);
        const database = join(node.dataDirectory, "member/snap/db");
        const used = await dump("list-bucket", database, "--timeout=50ms");
        expect([used.code, used.stderr]).toEqual([
          1,
          `Error: process ${node.process.pid} uses ${database}; stop it first\n`,
        ]);
        await node.terminate();
        for (const path of [node.dataDirectory, database]) await checkBuckets(path, revision);
        expect(await linesOf("hash", node.dataDirectory)).toEqual([`db path: ${database}`, `Hash: ${hash}`]);
        const scanned = await dump("scan-keys", database, String(revision - 1));
        expect(scanned.code).toBe(0);
        expect(scanned.stdout).toMatch(/^pageID=\d+, index=\d+\/\d+, rev=\{Revision:\{Main:\d+ Sub:0\} tombstone:/);
        expect(scanned.stdout).toContain(`Main:${revision} Sub:0}`);
        expect(scanned.stdout).not.toContain("Main:20 ");
      } finally {
        await node.close();
      }
    });

    it("shows what is in the data directory of Quorate", async () => {
      const node = await prepareQuorate();
      try {
        await node.restart();
        fillPeer(CTL, node.endpoint);
        etcdctl(CTL, node.endpoint, "compaction", "15", "--physical");
        const expected = hashOfPeer(CTL, node.endpoint);
        const { revision } = expected;
        const used = await dump("list-bucket", node.dataDirectory);
        expect([used.code, used.stderr]).toEqual([
          1,
          expect.stringMatching(new RegExp(`^Error: process ${node.process.pid} uses this data directory: .+\\n$`)),
        ]);
        const hash = await wholeHash(node.endpoint);
        await node.terminate();
        await checkBuckets(node.dataDirectory, revision);
        expect(await linesOf("hash", node.dataDirectory)).toEqual([
          `db path: ${node.dataDirectory}/member/db`,
          `Hash: ${hash}`,
        ]);
        const hashKv = await capturedRun(["hashkv", node.dataDirectory, "-w=json"]);
        expect(hashKv).toEqual({
          code: 0,
          stderr: "",
          stdout: `{"hash":${expected.hash},"hashRevision":${revision},"compactRevision":15}\n`,
        });
        const scan = await dump("scan-keys", node.dataDirectory, "0");
        expect([scan.code, scan.stderr]).toEqual([
          1,
          "Error: a data directory of Quorate has no pages to scan; use iterate-bucket\n",
        ]);
        await node.restart();
        expect(await wholeHash(node.endpoint)).toBe(hash);
      } finally {
        await node.close();
      }
    });

    it("refuses what is not there, and shows damaged files as far as they can be read", async () => {
      using directory = scratch();
      const node = await EtcdNode.start({ program: [requirePeer("etcd-3.5")] });
      let database: Uint8Array;
      try {
        fillPeer(CTL, node.endpoint);
        await node.terminate();
        database = readFileSync(join(node.dataDirectory, "member/snap/db"));
      } finally {
        await node.close();
      }
      const path = join(directory.path, "db");
      writeFileSync(path, database);
      const failure = async (...words: readonly string[]): Promise<readonly [number, string]> => {
        const run = await dump(...words);
        return [run.code, run.stderr];
      };
      const none = join(directory.path, "none");
      expect(await failure("list-bucket")).toEqual([1, "Error: Must provide at least 1 argument (got [])\n"]);
      expect(await failure("iterate-bucket", path)).toEqual([1, `Error: Must provide 2 arguments (got [${path}])\n`]);
      expect(await failure("hash", none)).toEqual([1, `Error: "${none}/member/snap/db" does not exist\n`]);
      expect(await failure("iterate-bucket", path, "nope")).toEqual([1, "Error: got nil bucket for nope\n"]);
      expect(await failure("scan-keys", path, "x")).toEqual([
        1,
        'Error: strconv.ParseInt: parsing "x": invalid syntax\n',
      ]);
      const holed = Uint8Array.from(database).fill(0, 3 * 4096, 4 * 4096);
      writeFileSync(path, holed);
      const scanned = await dump("scan-keys", path, "0");
      expect([scanned.code, scanned.stdout.includes("rev={Revision:")]).toEqual([0, true]);
      expect(scanned.stderr).toMatch(/^Reading page \d+ failed: .+\. Continuing\.\.\.\n/);
      writeFileSync(path, "not a database");
      for (const words of [["list-bucket"], ["hash"]]) {
        expect(await failure(...words, path)).toEqual([1, expect.stringMatching(/^Error: not a bbolt file: .+\n$/)]);
      }
      expect((await failure("scan-keys", path, "0"))[1]).toMatch(/^Error: the Meta Page has wrong/);
    });
  });

  describe("defrag of a stopped member", () => {
    it("gives space back and changes nothing else", async () => {
      const node = await prepareQuorate();
      try {
        await node.restart();
        for (let i = 0; i < 40; i++) etcdctl(CTL, node.endpoint, "put", `key${i % 2}`, "x".repeat(100_000));
        const { revision } = hashOfPeer(CTL, node.endpoint);
        etcdctl(CTL, node.endpoint, "compaction", String(revision), "--physical");
        const hash = hashOfPeer(CTL, node.endpoint);
        const running = await capturedRun(["defrag", "--data-dir", node.dataDirectory]);
        expect([running.code, running.stderr]).toEqual([
          1,
          expect.stringMatching(
            /^Error: Failed to defragment etcd data\[.+\] \(process \d+ uses this data directory: /,
          ),
        ]);
        await node.terminate();
        const run = await capturedRun(["defrag", "--data-dir", node.dataDirectory]);
        expect([run.code, run.stdout]).toEqual([0, ""]);
        const told = /"bytes-before":(\d+),"bytes-after":(\d+)/.exec(run.stderr);
        expect(Number(told?.[1])).toBeGreaterThan(3_500_000);
        expect(Number(told?.[2])).toBeLessThan(1_000_000);
        await node.restart();
        expect(hashOfPeer(CTL, node.endpoint)).toEqual(hash);
      } finally {
        await node.close();
      }
    });

    it("refuses what is no data directory of Quorate", async () => {
      using directory = scratch();
      const run = await capturedRun(["defrag", "--data-dir", directory.path]);
      expect(run).toEqual({
        code: 1,
        stdout: "",
        stderr: `Error: Failed to defragment etcd data[${directory.path}] (no data directory of Quorate: ${directory.path}; give another)\n`,
      });
    });
  });
}
