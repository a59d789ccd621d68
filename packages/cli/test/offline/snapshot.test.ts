import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, jest } from "@jest/globals";
import { EtcdNode, missingPeers, peersAreRequired, requirePeer, waitUntil } from "@quorate/testkit";
import { type CapturedRun, capturedRun } from "../captured-run.ts";
import { etcdctl, etcdutl, fillPeer, hashOfPeer, prepareQuorate, quorate, scratch } from "./support/peer-tools.ts";

jest.setTimeout(120_000);

const CTL = "etcdctl-3.5";
const NEEDS = ["etcd-3.5", CTL] as const;
/** Keys that `fillPeer` leaves: eleven numbered ones but for one that it deletes, a large one and one with a lease. */
const LIVE_KEYS = 12;

/** A snapshot that etcdctl has saved of a real etcd, and the hash of what is in it. */
interface Saved {
  readonly path: string;
  readonly hash: ReturnType<typeof hashOfPeer>;
}

async function saveFromEtcd(directory: string): Promise<Saved> {
  await using node = await EtcdNode.start({ program: [requirePeer("etcd-3.5")] });
  fillPeer(CTL, node.endpoint);
  etcdctl(CTL, node.endpoint, "compaction", "15");
  const path = join(directory, "saved.db");
  etcdctl(CTL, node.endpoint, "snapshot", "save", path);
  return { path, hash: hashOfPeer(CTL, node.endpoint) };
}

/** Without the lines of the log. */
function errorsOf({ stderr }: { readonly stderr: string }): string {
  return stderr
    .split("\n")
    .filter((line) => !/^\S+T\S+\tinfo\t/.test(line))
    .join("\n");
}

const missing = missingPeers(NEEDS);
if (missing.length > 0) {
  it(`needs ${missing.join(", ")}`, () => {
    process.stderr.write(`skipped: offline snapshot commands need ${missing.join(", ")}\n`);
    expect(peersAreRequired() ? missing : []).toEqual([]);
  });
} else {
  describe("snapshot status", () => {
    it("tells of a file what etcdutl does, in every format", async () => {
      using directory = scratch();
      const { path, hash } = await saveFromEtcd(directory.path);
      const theirs = JSON.parse(etcdutl("snapshot", "status", path, "-w", "json").stdout) as Record<string, unknown>;
      const json = await capturedRun(["snapshot", "status", path, "-w", "json"]);
      // etcd 3.5 counts the records of all buckets as keys, and has no storage version; 3.7 counts live keys.
      expect(json).toEqual({ code: 0, stderr: "", stdout: expect.stringMatching(/^\{.*\}\n$/) });
      const ours = JSON.parse(json.stdout) as { hash: number; totalSize: number };
      expect(ours).toEqual({ ...theirs, revision: hash.revision, totalKey: LIVE_KEYS, version: "" });
      const simple = etcdutl("snapshot", "status", path).stdout.trim().split(", ");
      const [hex, revision, , size] = simple;
      const told = async (format: string): Promise<CapturedRun> =>
        await capturedRun(["snapshot", "status", path, "-w", format]);
      expect((await told("simple")).stdout).toBe(`${hex}, ${revision}, ${LIVE_KEYS}, ${size}, \n`);
      expect((await told("fields")).stdout).toBe(
        `"Hash" : ${ours.hash}\n"Revision" : ${revision}\n"Keys" : ${LIVE_KEYS}\n"Size" : ${ours.totalSize}\n"Version" : \n`,
      );
      expect((await told("table")).stdout.split("\n")).toContain(
        `│ ${hex} │ ${String(revision).padStart(8)} │ ${String(LIVE_KEYS).padStart(10)} │ ${String(size).padStart(10)} │         │`,
      );
      expect(await told("protobuf")).toEqual({
        code: 4,
        stdout: "",
        stderr: `Error: marshal unsupported for type snapshot.Status ({${Object.values(ours).join(" ")}})\n`,
      });
    });

    it("reads databases as they lie in a data directory, and says which process uses one", async () => {
      using directory = scratch();
      const node = await EtcdNode.start({ program: [requirePeer("etcd-3.5")] });
      try {
        fillPeer(CTL, node.endpoint);
        const path = join(node.dataDirectory, "member/snap/db");
        const used = await capturedRun(["snapshot", "status", path, "--timeout=50ms"]);
        expect(used).toEqual({
          code: 1,
          stdout: "",
          stderr: `Error: process ${node.process.pid} uses ${path}; stop it first\n`,
        });
        const words = ["snapshot", "restore", path, "--skip-hash-check", "--timeout=50ms"];
        const running = await capturedRun([...words, `--data-dir=${directory.path}/data`]);
        expect([running.code, errorsOf(running)]).toEqual([used.code, used.stderr]);
        await node.terminate();
        const theirs = JSON.parse(etcdutl("snapshot", "status", path, "-w", "json").stdout) as { hash: number };
        const ours = await capturedRun(["snapshot", "status", path, "-w", "json"]);
        expect(JSON.parse(ours.stdout)).toMatchObject({ hash: theirs.hash });
        expect(existsSync(`${directory.path}/data`)).toBe(false);
      } finally {
        await node.close();
      }
    });

    it("refuses what is no snapshot, and what has changed, with one error and exit code 1", async () => {
      using directory = scratch();
      const { path } = await saveFromEtcd(directory.path);
      const whole = readFileSync(path);
      const file = join(directory.path, "bad.db");
      const statusOf = async (content: Uint8Array): Promise<CapturedRun> => {
        writeFileSync(file, content);
        return await capturedRun(["snapshot", "status", file]);
      };
      const flipped = Uint8Array.from(whole);
      flipped[20_000] = (flipped[20_000] ?? 0) ^ 1;
      for (const content of [flipped, whole.subarray(0, 30_000), whole.subarray(0, 8192), whole.subarray(4096)]) {
        const ended = await statusOf(content);
        expect([ended.code, ended.stdout]).toEqual([1, ""]);
        expect(ended.stderr).toMatch(/^Error: snapshot file integrity check failed\. 1 errors found\.\n.+\n$/);
      }
      for (const content of ["hello", ""]) {
        expect(await statusOf(Buffer.from(content))).toEqual({
          code: 1,
          stdout: "",
          stderr: `Error: not a bbolt file: ${file} at byte 0; use another copy of it\n`,
        });
      }
      for (const words of [["missing.db"], [], ["a", "b"]]) {
        const ours = await capturedRun(["snapshot", "status", ...words]);
        const theirs = etcdutl("snapshot", "status", ...words);
        expect(ours).toEqual({ code: theirs.code, stdout: "", stderr: theirs.stderr });
      }
    });
  });

  describe("a snapshot of Quorate", () => {
    it("is the same to etcdutl and to quoratectl, whoever saved it, and is restored", async () => {
      using directory = scratch();
      const path = join(directory.path, "saved.db");
      const node = await prepareQuorate();
      const copy = await prepareQuorate();
      try {
        await node.restart();
        fillPeer(CTL, node.endpoint);
        etcdctl(CTL, node.endpoint, "compaction", "15");
        const hash = hashOfPeer(CTL, node.endpoint);
        for (const program of ["etcdctl", "quoratectl"]) {
          rmSync(path, { force: true });
          if (program === "etcdctl") etcdctl(CTL, node.endpoint, "snapshot", "save", path);
          else expect((await capturedRun(["snapshot", "save", path, "--endpoints", node.endpoint])).code).toBe(0);
          const theirs = etcdutl("snapshot", "status", path, "-w", "json");
          const ours = await capturedRun(["snapshot", "status", path, "-w", "json"]);
          expect([program, ours.code, theirs.code]).toEqual([program, 0, 0]);
          const { hash: sum, revision, totalSize } = JSON.parse(theirs.stdout) as Record<string, unknown>;
          const told = { hash: sum, revision, totalKey: LIVE_KEYS, totalSize, version: "3.7.0" };
          expect([program, JSON.parse(ours.stdout)]).toEqual([program, told]);
        }
        rmSync(copy.dataDirectory, { recursive: true });
        const words = ["snapshot", "restore", path, `--data-dir=${copy.dataDirectory}`, "--name=n1"];
        const urls = [`--initial-cluster=n1=${copy.peerUrl}`, `--initial-advertise-peer-urls=${copy.peerUrl}`];
        const restored = await capturedRun([...words, ...urls]);
        expect([restored.code, errorsOf(restored)]).toEqual([0, ""]);
        await copy.restart();
        expect(hashOfPeer(CTL, copy.endpoint)).toEqual(hash);
        expect(etcdctl(CTL, copy.endpoint, "lease", "list")).toMatch(/^found 1 leases\n/);
      } finally {
        await copy.close();
        await node.close();
      }
    });
  });

  describe("hashkv", () => {
    it("tells of a file what a member tells of itself, at any revision", async () => {
      using directory = scratch();
      await using node = await EtcdNode.start({ program: [requirePeer("etcd-3.5")] });
      fillPeer(CTL, node.endpoint);
      etcdctl(CTL, node.endpoint, "compaction", "15");
      const path = join(directory.path, "saved.db");
      etcdctl(CTL, node.endpoint, "snapshot", "save", path);
      const newest = hashOfPeer(CTL, node.endpoint);
      for (const upTo of [0, 16, 20, newest.revision - 1, newest.revision]) {
        const { compactRevision, hash, revision } = hashOfPeer(CTL, node.endpoint, upTo);
        const run = await capturedRun(["hashkv", path, `--rev=${upTo}`, "-w", "json"]);
        const told = { hash, hashRevision: upTo === 0 ? revision : upTo, compactRevision };
        expect([upTo, run]).toEqual([upTo, { code: 0, stderr: "", stdout: `${JSON.stringify(told)}\n` }]);
      }
      const { hash, revision } = newest;
      expect((await capturedRun(["hashkv", path])).stdout).toBe(`${hash}, ${revision}, 15\n`);
      expect((await capturedRun(["hashkv", path, "-w=fields"])).stdout).toBe(
        `"Hash" : ${hash}\n"Hash revision" : ${revision}\n"Compact revision" : 15\n`,
      );
      const refused = async (...words: readonly string[]): Promise<readonly [number, string]> => {
        const run = await capturedRun(["hashkv", ...words]);
        return [run.code, run.stderr];
      };
      expect(await refused(path, "--rev=3")).toEqual([1, "Error: mvcc: required revision has been compacted\n"]);
      expect(await refused(path, "--rev=999")).toEqual([1, "Error: mvcc: required revision is a future revision\n"]);
      expect(await refused("none.db")).toEqual([1, "Error: stat none.db: no such file or directory\n"]);
      const used = join(node.dataDirectory, "member/snap/db");
      expect(await refused(used, "--timeout=100ms")).toEqual([
        1,
        `Error: process ${node.process.pid} uses ${used}; stop it first\n`,
      ]);
    });
  });

  describe("snapshot restore", () => {
    it("makes a member that serves what was saved of a real etcd", async () => {
      using directory = scratch();
      const { hash, path } = await saveFromEtcd(directory.path);
      const node = await prepareQuorate();
      try {
        rmSync(node.dataDirectory, { recursive: true });
        const restored = await capturedRun([
          "snapshot",
          "restore",
          path,
          `--data-dir=${node.dataDirectory}`,
          "--name=n1",
          `--initial-cluster=n1=${node.peerUrl}`,
          `--initial-advertise-peer-urls=${node.peerUrl}`,
        ]);
        expect([restored.code, restored.stdout, errorsOf(restored)]).toEqual([0, "", ""]);
        expect(restored.stderr).toContain("\tinfo\trestored snapshot\t");
        await node.restart();
        expect(hashOfPeer(CTL, node.endpoint)).toEqual(hash);
        expect(etcdctl(CTL, node.endpoint, "lease", "list")).toMatch(/^found 1 leases\n/);
        expect(etcdctl(CTL, node.endpoint, "get", "key1", "--rev=20", "--print-value-only").length).toBeGreaterThan(1);
        etcdctl(CTL, node.endpoint, "put", "new", "value");
        // Written and restarted, it is still what it was.
        await node.terminate();
        await node.restart();
        expect(etcdctl(CTL, node.endpoint, "get", "new", "--print-value-only")).toBe("value\n");
        expect(hashOfPeer(CTL, node.endpoint).revision).toBe(hash.revision + 1);
      } finally {
        await node.close();
      }
    });

    it("gives a member the IDs that etcdutl gives it", async () => {
      using directory = scratch();
      const { path } = await saveFromEtcd(directory.path);
      const words = [
        "snapshot",
        "restore",
        path,
        "--name=b",
        "--initial-cluster-token=tok",
        "--initial-cluster=a=http://127.0.0.1:1,b=http://127.0.0.1:2,b=http://127.0.0.1:3,c=https://127.0.0.1:4",
        "--initial-advertise-peer-urls=http://127.0.0.1:3,http://127.0.0.1:2",
      ];
      const [theirs, ours] = [join(directory.path, "theirs"), join(directory.path, "ours")];
      expect(etcdutl(...words, `--data-dir=${theirs}`).code).toBe(0);
      expect((await capturedRun([...words, `--data-dir=${ours}`])).code).toBe(0);
      const log = (data: string): string => {
        const wal = join(data, "member/wal");
        return readFileSync(join(wal, readdirSync(wal).find((name) => name.endsWith(".wal")) ?? "")).toString("latin1");
      };
      // The metadata record, up to the record of the beginning: who the member is.
      expect(log(ours).slice(0, 72)).toBe(log(theirs).slice(0, 72));
      expect(log(ours)).toContain('"name":"b"');
    });

    it("makes the three members of one cluster from one file", async () => {
      using directory = scratch();
      const { hash, path } = await saveFromEtcd(directory.path);
      const names = ["m1", "m2", "m3"];
      const nodes: EtcdNode[] = [];
      try {
        for (const name of names) {
          const initialCluster = (): string => nodes.map((each) => `${each.name}=${each.peerUrl}`).join(",");
          nodes.push(
            await prepareQuorate({ name, bootstrap: () => ({ initialCluster: initialCluster(), state: "new" }) }),
          );
        }
        const cluster = nodes.map((each) => `${each.name}=${each.peerUrl}`).join(",");
        for (const node of nodes) {
          const restored = await capturedRun([
            "snapshot",
            "restore",
            path,
            `--data-dir=${node.dataDirectory}`,
            `--name=${node.name}`,
            `--initial-cluster=${cluster}`,
            `--initial-advertise-peer-urls=${node.peerUrl}`,
          ]);
          expect([restored.code, errorsOf(restored)]).toEqual([0, ""]);
        }
        await Promise.all(nodes.map((node) => node.restart()));
        const [first, second, third] = nodes as [EtcdNode, EtcdNode, EtcdNode];
        expect(etcdctl(CTL, first.endpoint, "member", "list").trim().split("\n").length).toBe(3);
        for (const node of nodes) expect(hashOfPeer(CTL, node.endpoint)).toEqual(hash);
        etcdctl(CTL, second.endpoint, "put", "after", "restore");
        expect(etcdctl(CTL, third.endpoint, "get", "after", "--print-value-only")).toBe("restore\n");
        // A majority goes on without the third, and the third comes back.
        await third.kill();
        etcdctl(CTL, first.endpoint, "put", "without", "third");
        await third.restart();
        await waitUntil(() => hashOfPeer(CTL, third.endpoint).revision === hash.revision + 2, {
          what: "the third member's revision",
          timeoutMs: 20_000,
        });
        expect(hashOfPeer(CTL, third.endpoint)).toEqual(hashOfPeer(CTL, first.endpoint));
      } finally {
        for (const node of nodes) await node.close();
      }
    });

    it("gives what was restored to a member that joins later", async () => {
      using directory = scratch();
      const { hash, path } = await saveFromEtcd(directory.path);
      const node = await prepareQuorate({ name: "first" });
      const joiner = await EtcdNode.prepare({
        program: quorate(),
        name: "joiner",
        bootstrap: () => ({
          initialCluster: `first=${node.peerUrl},joiner=${joiner.peerUrl}`,
          state: "existing",
        }),
      });
      try {
        rmSync(node.dataDirectory, { recursive: true });
        const words = ["snapshot", "restore", path, `--data-dir=${node.dataDirectory}`, "--name=first"];
        const urls = [`--initial-cluster=first=${node.peerUrl}`, `--initial-advertise-peer-urls=${node.peerUrl}`];
        expect((await capturedRun([...words, ...urls])).code).toBe(0);
        await node.restart();
        etcdctl(CTL, node.endpoint, "member", "add", "joiner", `--peer-urls=${joiner.peerUrl}`);
        await joiner.restart();
        expect(hashOfPeer(CTL, joiner.endpoint)).toEqual(hash);
        etcdctl(CTL, joiner.endpoint, "put", "both", "know");
        expect(etcdctl(CTL, node.endpoint, "get", "both", "--print-value-only")).toBe("know\n");
      } finally {
        await joiner.close();
        await node.close();
      }
    });

    it("makes members of one cluster with those that etcdutl restores for etcd", async () => {
      using directory = scratch();
      const { hash, path } = await saveFromEtcd(directory.path);
      const nodes: EtcdNode[] = [];
      try {
        for (const name of ["etcd", "q1", "q2"]) {
          const options = {
            name,
            bootstrap: () => ({ initialCluster: `${name}=${nodes[0]?.peerUrl}`, state: "new" as const }),
          };
          const program = [requirePeer("etcd-3.5")];
          nodes.push(name === "etcd" ? await EtcdNode.prepare({ ...options, program }) : await prepareQuorate(options));
        }
        const cluster = nodes.map((each) => `${each.name}=${each.peerUrl}`).join(",");
        for (const node of nodes) {
          rmSync(node.dataDirectory, { recursive: true });
          const words = ["snapshot", "restore", path, `--data-dir=${node.dataDirectory}`, `--name=${node.name}`];
          const more = [`--initial-cluster=${cluster}`, `--initial-advertise-peer-urls=${node.peerUrl}`];
          const command = [...words, ...more];
          const { code } = node.name === "etcd" ? etcdutl(...command) : await capturedRun(command);
          expect([node.name, code]).toEqual([node.name, 0]);
        }
        await Promise.all(nodes.map((node) => node.restart()));
        for (const node of nodes) expect([node.name, hashOfPeer(CTL, node.endpoint)]).toEqual([node.name, hash]);
        for (const node of nodes) {
          // Each may lead the others.
          const status = etcdctl(CTL, node.endpoint, "endpoint", "status", "-w", "json");
          const id = BigInt(/"member_id":(\d+)/.exec(status)?.[1] ?? 0).toString(16);
          const all = nodes.map(({ endpoint }) => endpoint).join(",");
          if (!etcdctl(CTL, node.endpoint, "endpoint", "status").includes(", true, false, ")) {
            etcdctl(CTL, all, "move-leader", id);
          }
          etcdctl(CTL, node.endpoint, "put", node.name, "x");
        }
        const newest = hashOfPeer(CTL, nodes[2]?.endpoint ?? "");
        expect(newest.revision).toBe(hash.revision + 3);
        for (const { endpoint } of nodes) {
          await waitUntil(() => hashOfPeer(CTL, endpoint).revision === newest.revision, {
            what: `${endpoint} to catch up`,
            timeoutMs: 20_000,
          });
          expect(hashOfPeer(CTL, endpoint)).toEqual(newest);
        }
      } finally {
        for (const node of nodes) await node.close();
      }
    });

    it("bumps the revision as etcdutl does: same hash, older watches end", async () => {
      using directory = scratch();
      const { path } = await saveFromEtcd(directory.path);
      const hashes: unknown[] = [];
      for (const program of ["etcdutl", "quoratectl"]) {
        const node =
          program === "etcdutl"
            ? await EtcdNode.prepare({ program: [requirePeer("etcd-3.5")] })
            : await prepareQuorate();
        try {
          rmSync(node.dataDirectory, { recursive: true });
          const words = [
            "snapshot",
            "restore",
            path,
            `--data-dir=${node.dataDirectory}`,
            "--name=n1",
            `--initial-cluster=n1=${node.peerUrl}`,
            `--initial-advertise-peer-urls=${node.peerUrl}`,
            "--bump-revision=100000",
            "--mark-compacted",
          ];
          const ended = program === "etcdutl" ? etcdutl(...words) : await capturedRun(words);
          expect([program, ended.code]).toEqual([program, 0]);
          await node.restart();
          hashes.push(hashOfPeer(CTL, node.endpoint));
          expect(() => etcdctl(CTL, node.endpoint, "get", "key1", "--rev=20")).toThrow("has been compacted");
          etcdctl(CTL, node.endpoint, "put", "new", "value");
          hashes.push(hashOfPeer(CTL, node.endpoint));
        } finally {
          await node.close();
        }
      }
      expect(hashes.slice(2)).toEqual(hashes.slice(0, 2));
    });

    it("refuses in etcdutl's words and with its exit codes, and leaves nothing", async () => {
      using directory = scratch();
      const { path } = await saveFromEtcd(directory.path);
      const at = (name: string): string => join(directory.path, name);
      const whole = readFileSync(path);
      writeFileSync(at("nohash.db"), whole.subarray(0, whole.length - 32));
      writeFileSync(at("cut.db"), whole.subarray(0, 30_000));
      writeFileSync(at("flipped.db"), whole);
      const flipped = Uint8Array.from(whole);
      flipped[9999] = (flipped[9999] ?? 0) ^ 4;
      writeFileSync(at("flipped.db"), flipped);
      const cluster = "--initial-cluster";
      const cases: readonly (readonly string[])[] = [
        [at("nohash.db")],
        [at("cut.db")],
        [at("flipped.db")],
        [at("missing.db")],
        [],
        ["a", "b"],
        [path, "--name=zz"],
        [path, cluster, ""],
        [path, cluster, "default=foo"],
        [path, "--initial-advertise-peer-urls=foo"],
        [path, cluster, "default=http://localhost:2380,b=http://localhost:2380"],
        [path, "--bump-revision=5"],
        [path, "--mark-compacted"],
        [path, `--wal-dir=${directory.path}`],
      ];
      for (const words of cases) {
        const command = ["snapshot", "restore", ...words];
        const theirs = etcdutl(...command, `--data-dir=${at("theirs")}`);
        const ours = await capturedRun([...command, `--data-dir=${at("ours")}`]);
        expect([words, ours.code, errorsOf(ours)]).toEqual([words, theirs.code, errorsOf(theirs)]);
        expect([words, existsSync(at("ours"))]).toEqual([words, false]);
        rmSync(at("theirs"), { recursive: true, force: true });
      }
      appendFileSync(at("full"), "x");
      const occupied = await capturedRun(["snapshot", "restore", path, `--data-dir=${directory.path}`]);
      expect([occupied.code, errorsOf(occupied)]).toEqual([
        1,
        `Error: data-dir "${directory.path}" not empty or could not be read\n`,
      ]);
    });

    it("takes etcdutl's default for --wal-dir as its default", async () => {
      using directory = scratch();
      const { path } = await saveFromEtcd(directory.path);
      const data = join(directory.path, "data");
      const words = ["snapshot", "restore", path, `--data-dir=${data}`, `--wal-dir=${data}/member/wal`];
      const restored = await capturedRun(words);
      expect([restored.code, errorsOf(restored)]).toEqual([0, ""]);
      expect([readdirSync(data), readdirSync(join(data, "member/wal")).length]).toEqual([["member"], 1]);
    });

    it("takes a copy of a database only with --skip-hash-check", async () => {
      using directory = scratch();
      const { path, hash } = await saveFromEtcd(directory.path);
      const copy = join(directory.path, "copy.db");
      const whole = readFileSync(path);
      writeFileSync(copy, whole.subarray(0, whole.length - 32));
      const data = join(directory.path, "data");
      const wal = join(directory.path, "log");
      const words = ["snapshot", "restore", copy, "--skip-hash-check", `--wal-dir=${wal}/`];
      const restored = await capturedRun([...words, `--data-dir=${data}//`]);
      expect([restored.code, errorsOf(restored)]).toEqual([0, ""]);
      expect(restored.stderr).toContain(`"revision":${hash.revision}`);
      expect([readdirSync(data), readdirSync(wal).length]).toEqual([["member"], 1]);
      writeFileSync(copy, Buffer.concat([whole.subarray(0, 8192), Buffer.alloc(whole.length - 8192, 7)]));
      const refused = await capturedRun(["snapshot", "restore", copy, "--skip-hash-check", `--data-dir=${data}2`]);
      expect(refused.code).toBe(1);
      expect(errorsOf(refused)).toMatch(/^Error: damaged bbolt file: .+\n$/);
      expect(existsSync(`${data}2`)).toBe(false);
    });
  });
}
