import { readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, jest } from "@jest/globals";
import { utf8Bytes } from "@quorate/base";
import {
  createCompactionRequest,
  createInternalRaftRequest,
  createLeaseGrantRequest,
  createPutRequest,
  createRaftConfChange,
  createRangeRequest,
  createRequestHeader,
  createRequestOp,
  createTxnRequest,
  encodeInternalRaftRequest,
  encodeRaftConfChange,
  type InternalRaftRequest,
} from "@quorate/protocol";
import { encodeWalMetadata, NODE_FILE_SYSTEM, WriteAheadLog } from "@quorate/storage";
import { EtcdNode, missingPeers, peersAreRequired, requirePeer } from "@quorate/testkit";
import { capturedRun } from "../captured-run.ts";
import { etcdctl, fillPeer, prepareQuorate, scratch } from "./support/peer-tools.ts";

jest.setTimeout(60_000);

const CLOCK = { nowMs: () => performance.now(), wallMs: () => 0 };
const ROWS = [
  "   1\t         1\tconf\tmethod=ConfChangeAddNode id=2",
  "   1\t         2\tconf\tmethod=ConfChangeAddLearnerNode id=abc",
  '   2\t         3\tnorm\tID:5 range:<key:"1" range_end:"hi" limit:6 sort_order:ASCEND > ',
  '   2\t         4\tnorm\theader:<ID:6 > put:<key:"foo1" value:"\\000\\n\\"\\377" lease:1 ignore_lease:true > ',
  '   2\t         5\tnorm\tID:8 txn:<success:<request_put:<key:"a" > > failure:<request_range:<key:"b" > > > ',
  "   2\t         6\tnorm\tID:9 compaction:<physical:true > ",
  "   2\t         7\tnorm\tID:10 lease_grant:<TTL:1 ID:1 > ",
  '   2\t         8\tnorm\tID:18 auth_user_change_password:<name:"name1" password:"<value removed>" > ',
  "   3\t         9\tnorm\t",
  "   3\t        10\tnorm\t???",
];
const HEAD = [
  "Snapshot:",
  "empty",
  "Start dumping log entries from snapshot.",
  "WAL metadata:",
  "nodeID=8e9e clusterID=cdf8 term=3 commitIndex=9 vote=8e9e",
];

/** A data directory with a log of one entry of each kind; the rows above are what is in it. */
async function writeLog(directory: string): Promise<string> {
  const wal = join(directory, "member/wal");
  const request = (fields: Partial<InternalRaftRequest>): Uint8Array =>
    encodeInternalRaftRequest(createInternalRaftRequest(fields));
  const bytes = (text: string): Uint8Array => utf8Bytes(text);
  const data: readonly (readonly [term: number, type: number, data: Uint8Array])[] = [
    [1, 1, encodeRaftConfChange(createRaftConfChange({ type: 0, nodeId: 2n }))],
    [1, 1, encodeRaftConfChange(createRaftConfChange({ type: 3, nodeId: 0xabcn }))],
    [
      2,
      0,
      request({
        id: 5n,
        range: createRangeRequest({ key: bytes("1"), rangeEnd: bytes("hi"), limit: 6, sortOrder: 1 }),
      }),
    ],
    [
      2,
      0,
      request({
        header: createRequestHeader({ id: 6n }),
        put: createPutRequest({
          key: bytes("foo1"),
          value: Uint8Array.of(0, 10, 34, 255),
          lease: 1n,
          ignoreLease: true,
        }),
      }),
    ],
    [
      2,
      0,
      request({
        id: 8n,
        txn: createTxnRequest({
          success: [createRequestOp({ requestPut: createPutRequest({ key: bytes("a") }) })],
          failure: [createRequestOp({ requestRange: createRangeRequest({ key: bytes("b") }) })],
        }),
      }),
    ],
    [2, 0, request({ id: 9n, compaction: createCompactionRequest({ physical: true }) })],
    [2, 0, request({ id: 10n, leaseGrant: createLeaseGrantRequest({ id: 1n, ttl: 1 }) })],
    [
      2,
      0,
      request({
        id: 18n,
        authUserChangePassword: { name: "name1", password: "secret", hashedPassword: "" },
      }),
    ],
    [3, 0, new Uint8Array(0)],
    [3, 0, Uint8Array.of(0x1f, 0xff)],
  ];
  const entries = data.map(([term, type, content], i) => ({ term, index: i + 1, type, data: content }));
  const metadata = encodeWalMetadata(0x8e9en, 0xcdf8n);
  const { log } = WriteAheadLog.create({ fs: NODE_FILE_SYSTEM, clock: CLOCK, directory: wal }, metadata);
  await new Promise<void>((resolve, reject) => {
    log.append(entries, { term: 3, vote: 0x8e9en, commit: 9 }, true, (error) => (error ? reject(error) : resolve()));
  });
  await new Promise<void>((resolve, reject) => log.close((error) => (error ? reject(error) : resolve())));
  return directory;
}

function segmentOf(directory: string): string {
  const wal = join(directory, "member/wal");
  return join(wal, readdirSync(wal).find((name) => name.endsWith(".wal")) ?? "");
}

describe("dump-logs", () => {
  it("prints each kind of entry, and what of it is asked for", async () => {
    using directory = scratch();
    const data = await writeLog(directory.path);
    const printed = async (...words: readonly string[]): Promise<string[]> => {
      const run = await capturedRun(["dump-logs", ...words, data]);
      expect([words, run.code, run.stderr]).toEqual([words, 0, ""]);
      return run.stdout.split("\n");
    };
    const counted = (types: string, count: number): string[] => ["", `Entry types (${types}) count is : ${count}`, ""];
    const all = ["WAL entries: 10", "lastIndex=10", "term\t     index\ttype\tdata"];
    expect(await printed()).toEqual([...HEAD, ...all, ...ROWS, ...counted("Normal,ConfigChange", 10)]);
    const only = async (types: string, rows: readonly number[]): Promise<void> => {
      const shown = rows.map((row) => ROWS[row - 1]);
      expect(await printed("-entry-type", types)).toEqual([...HEAD, ...all, ...shown, ...counted(types, rows.length)]);
    };
    await only("ConfigChange", [1, 2]);
    await only("Normal", [3, 4, 5, 6, 7, 8, 9, 10]);
    await only("Request", [10]);
    await only("InternalRaftRequest", [3, 4, 5, 6, 7, 8, 9]);
    await only("IRRRange", [3]);
    await only("IRRPut", [4]);
    await only("IRRDeleteRange", []);
    await only("IRRTxn", [5]);
    await only("IRRCompaction,IRRLeaseGrant", [6, 7]);
    await only("IRRLeaseRevoke", []);
    await only("IRRLeaseCheckpoint", []);
    const range = await printed("--start-index=4", "-end-index=6", "--entry-type=Normal");
    expect(range[0]).toBe("Start dumping log entries from index 4.");
    expect(range.slice(3)).toEqual([
      "WAL entries: 2",
      "lastIndex=5",
      "term\t     index\ttype\tdata",
      ...ROWS.slice(3, 5),
      ...counted("Normal", 2),
    ]);
  });

  it("gives entries to a decoder, and tells of one that fails", async () => {
    using directory = scratch();
    const data = await writeLog(directory.path);
    const script = join(directory.path, "decoder.mjs");
    const run = async (body: string): ReturnType<typeof capturedRun> => {
      writeFileSync(script, `import { createInterface } from "node:readline";\n${body}`);
      const decoder = `${process.execPath} ${script}`;
      return await capturedRun(["dump-logs", "-stream-decoder", decoder, "-entry-type=IRRCompaction", data]);
    };
    const answering = (answer: string): string =>
      `for await (const line of createInterface({ input: process.stdin })) console.log(${answer});`;
    const good = await run(answering("`OK|${line.length}`"));
    expect(good.code).toBe(0);
    expect(good.stdout.split("\n").slice(7, 9)).toEqual([
      "term\t     index\ttype\tdata\tdecoder_status\tdecoded_data",
      `${ROWS[5]}\tOK\t12`,
    ]);
    const bare = await run(answering('"nothing"'));
    expect(bare.stdout).toContain("\tdecoder output format is not right, print output anyway\tnothing\n");
    const failing = await run('console.error("no"); process.exit(3);');
    expect([failing.code, failing.stderr]).toEqual([1, expect.stringMatching(/ended with exit status 3: no\n$/)]);
    const missing = await capturedRun(["dump-logs", "-stream-decoder", "/no/such/program", data]);
    expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining("ENOENT")]);
  });

  it("prints the records of a log as they lie there", async () => {
    using directory = scratch();
    const data = await writeLog(directory.path);
    const run = await capturedRun(["dump-logs", "-raw", data]);
    const lines = run.stdout.split("\n");
    expect(lines.slice(0, 6)).toEqual([
      "CRC: 0",
      `Metadata: NodeID:${0x8e9e} ClusterID:${0xcdf8}`,
      "Snapshot: index:0 term:0",
      'Entry: Term:1 Index:1 Type:EntryConfChange Data:"\\010\\000\\020\\000\\030\\002" ',
      expect.stringMatching(/^Entry: Term:1 Index:2 Type:EntryConfChange Data:".+" $/),
      expect.stringMatching(/^Entry: Term:2 Index:3 Data:".+" $/),
    ]);
    expect(lines.slice(11)).toEqual([
      "Entry: Term:3 Index:9",
      'Entry: Term:3 Index:10 Data:"\\037\\377" ',
      `HardState: term:3 vote:${0x8e9e} commit:9`,
      "EOF: All entries were processed.",
      "",
    ]);
    const later = (await capturedRun(["dump-logs", "-raw", "-start-index=10", data])).stdout.split("\n");
    expect(later).toEqual([lines[0], lines[1], lines[12], lines[14], ""]);
  });

  it("tells a log that was cut off from one that is damaged, and refuses contradictory flags", async () => {
    using directory = scratch();
    const data = await writeLog(directory.path);
    const segment = segmentOf(data);
    const whole = readFileSync(segment).subarray(0, 1024);
    writeFileSync(segment, whole);
    const end = Buffer.from(whole).lastIndexOf(Uint8Array.of(0x1f, 0xff));
    truncateSync(segment, end + 1);
    const torn = await capturedRun(["dump-logs", "-raw", data]);
    expect([torn.code, torn.stdout.split("\n").at(-2)]).toEqual([
      0,
      "ErrUnexpectedEOF: The last record might be corrupted, error: unexpected EOF.",
    ]);
    const flipped = Uint8Array.from(whole);
    flipped[end] = 0x3f;
    writeFileSync(segment, flipped);
    for (const mode of ["-raw", "-start-index=1"]) {
      const damaged = await capturedRun(["dump-logs", mode, data]);
      expect([damaged.code, damaged.stderr]).toEqual([
        1,
        expect.stringMatching(/^Error: checksum mismatch in the log: .+ at byte \d+; .+\n$/),
      ]);
    }
    const failure = async (...words: readonly string[]): Promise<readonly [number, string]> => {
      const run = await capturedRun(["dump-logs", ...words]);
      return [run.code, run.stderr];
    };
    expect(await failure()).toEqual([1, "Error: Must provide data-dir argument (got [])\n"]);
    expect(await failure("-start-snap=x", "-start-index=3", data)).toEqual([
      1,
      "Error: start-snap and start-index flags cannot be used together.\n",
    ]);
    expect(await failure("-raw", "-entry-type=IRRPut", data)).toEqual([
      1,
      "Error: Flags --entry-type, --stream-decoder, --entrytype not supported in the RAW mode.\n",
    ]);
    expect((await failure(join(data, "none")))[1]).toMatch(/^Error: Failed opening WAL: .+: no such directory\n$/);
    writeFileSync(segment, whole);
    const unknown = await capturedRun(["dump-logs", "-entry-type=IRRNone,IRRPut", data]);
    expect([unknown.code, unknown.stderr]).toEqual([
      0,
      expect.stringMatching(/^\[IRRNone\] is not a valid entry-type, ignored\.\n/),
    ]);
  });

  it("begins behind the newest snapshot of a member of Quorate, too", async () => {
    const node = await prepareQuorate({ flags: ["--snapshot-count=20"] });
    try {
      await node.restart();
      if (missingPeers(["etcdctl-3.5"]).length > 0) {
        expect(peersAreRequired()).toBe(false);
        return;
      }
      for (let i = 0; i < 30; i++) etcdctl("etcdctl-3.5", node.endpoint, "put", "key", String(i));
      await node.terminate();
      const { code, stdout } = await capturedRun(["dump-logs", node.dataDirectory]);
      const at =
        /^Snapshot:\nterm=\d+ index=(\d+) nodes=\[[0-9a-f]+\] confstate=\{"voters":\[\d+\],"auto_leave":false\}\n/;
      expect([code, Number(at.exec(stdout)?.[1]) > 10]).toEqual([0, true]);
    } finally {
      await node.close();
    }
  });
});

for (const [server, ctl] of [
  ["etcd-3.4", "etcdctl-3.4"],
  ["etcd-3.5", "etcdctl-3.5"],
] as const) {
  const missing = missingPeers([server, ctl]);
  describe(`the log of ${server}`, () => {
    if (missing.length > 0) {
      it(`needs ${missing.join(", ")}`, () => expect(peersAreRequired()).toBe(false));
      return;
    }
    it("is read behind its snapshot file, and from its first entry on", async () => {
      const node = await EtcdNode.start({ program: [requirePeer(server)], flags: ["--snapshot-count=20"] });
      try {
        fillPeer(ctl, node.endpoint);
        await node.terminate();
        const newest = readdirSync(join(node.dataDirectory, "member/snap")).filter((name) => name.endsWith(".snap"));
        const index = Number.parseInt(/-([0-9a-f]{16})\.snap$/.exec(newest.sort().at(-1) ?? "")?.[1] ?? "", 16);
        const run = await capturedRun(["dump-logs", node.dataDirectory]);
        expect([run.code, run.stderr]).toEqual([0, ""]);
        expect(run.stdout).toMatch(
          new RegExp(`^Snapshot:\\nterm=\\d+ index=${index} nodes=\\[[0-9a-f]+\\] confstate=`),
        );
        const named = await capturedRun(["dump-logs", `-start-snap=${newest[0]}`, node.dataDirectory]);
        expect([named.code, named.stdout.startsWith("Snapshot:\nterm=")]).toEqual([0, true]);
        const whole = await capturedRun(["dump-logs", "-start-index=1", node.dataDirectory]);
        const rows = whole.stdout.split("\n").filter((line) => /^ *\d+\t/.test(line));
        expect(rows.map((row) => Number(row.split("\t")[1]))).toEqual(rows.map((_, i) => i + 1));
        expect(rows[0]).toMatch(/\tconf\tmethod=ConfChangeAddNode id=[0-9a-f]+$/);
        expect(rows.filter((row) => row.includes(' put:<key:"key')).length).toBe(30);
        expect(rows.filter((row) => row.includes(" lease_grant:<TTL:6000 ")).length).toBe(1);
        const raw = await capturedRun(["dump-logs", "-raw", node.dataDirectory]);
        expect(raw.stdout.split("\n").filter((line) => line.startsWith("Entry: ")).length).toBe(rows.length);
        expect(raw.stdout).toMatch(/\nEOF: All entries were processed\.\n$/);
      } finally {
        await node.close();
      }
    });
  });
}
