import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it, jest } from "@jest/globals";
import {
  EtcdCluster,
  EtcdNode,
  missingPeers,
  type PeerName,
  peersAreRequired,
  requirePeer,
  waitUntil,
} from "@quorate/testkit";
import { type CapturedRun, capturedRun } from "../captured-run.ts";
import { etcdctl, fillPeer, hashOfPeer, quorate, scratch } from "./support/peer-tools.ts";

jest.setTimeout(120_000);

const VERSIONS = [
  { server: "etcd-3.4", ctl: "etcdctl-3.4" },
  { server: "etcd-3.5", ctl: "etcdctl-3.5" },
] as const;

function migrate(from: string, to: string, ...more: readonly string[]): Promise<CapturedRun> {
  return capturedRun(["migrate", "--from", from, "--data-dir", to, ...more]);
}

/** What a directory holds, to the byte. */
function contentOf(directory: string): string {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return `${path} ${Buffer.from(readFileSync(path)).toString("base64")}`;
    })
    .sort()
    .join("\n");
}

async function started(server: PeerName, flags: readonly string[] = []): Promise<EtcdNode> {
  return await EtcdNode.start({ program: [requirePeer(server)], flags });
}

/** A Quorate member with the ports and the name of one that was stopped. */
async function successorOf(node: EtcdNode): Promise<EtcdNode> {
  return await EtcdNode.prepare(
    { program: quorate(), name: node.name },
    { client: node.clientPort, peer: node.peerPort },
  );
}

for (const { server, ctl } of VERSIONS) {
  const missing = missingPeers([server, ctl]);
  describe(`migrating a member of ${server}`, () => {
    if (missing.length > 0) {
      it(`needs ${missing.join(", ")}`, () => {
        process.stderr.write(`skipped: migrating a member of ${server} needs ${missing.join(", ")}\n`);
        expect(peersAreRequired() ? missing : []).toEqual([]);
      });
      return;
    }

    for (const end of ["stopped", "killed"] as const) {
      it(`gives the same member with the same data, where it was ${end}, and changes nothing of it`, async () => {
        const node = await started(server, ["--snapshot-count=25"]);
        const successor = await successorOf(node);
        try {
          fillPeer(ctl, node.endpoint);
          etcdctl(ctl, node.endpoint, "compaction", "12");
          const list = etcdctl(ctl, node.endpoint, "member", "list");
          const hash = hashOfPeer(ctl, node.endpoint);
          // What was put a moment ago is in the log, and not yet in the database of a member that is killed.
          etcdctl(ctl, node.endpoint, "put", "last", "value");
          if (end === "killed") await node.kill();
          else await node.terminate();
          const before = contentOf(node.dataDirectory);
          const run = await migrate(node.dataDirectory, successor.dataDirectory);
          expect([run.code, run.stdout]).toEqual([0, ""]);
          expect(run.stderr).toMatch(/^\S+\tinfo\tmigrated the member\t\{.*\}\n$/);
          if (end === "killed") expect(run.stderr).toMatch(/"entries-behind":[1-9]/);
          expect(contentOf(node.dataDirectory)).toBe(before);
          await successor.restart();
          expect(etcdctl(ctl, successor.endpoint, "get", "last", "--print-value-only")).toBe("value\n");
          const then = hashOfPeer(ctl, successor.endpoint, hash.revision);
          expect(then).toEqual({ ...hash, revision: hash.revision + 1 });
          expect(etcdctl(ctl, successor.endpoint, "member", "list")).toBe(list);
          expect(etcdctl(ctl, successor.endpoint, "lease", "list")).toMatch(/^found 1 leases\n/);
          etcdctl(ctl, successor.endpoint, "put", "new", "value");
          await successor.kill();
          await successor.restart();
          expect(etcdctl(ctl, successor.endpoint, "get", "new", "--print-value-only")).toBe("value\n");
          expect(hashOfPeer(ctl, successor.endpoint).revision).toBe(hash.revision + 2);
        } finally {
          await successor.close();
          await node.close();
        }
      });
    }

    it("lets each member of a cluster take its place, one after the other, while the cluster goes on", async () => {
      const cluster = await EtcdCluster.start({
        members: [0, 1, 2].map(() => ({ program: [requirePeer(server)] })),
        flags: ["--snapshot-count=30"],
      });
      const successors: EtcdNode[] = [];
      try {
        fillPeer(ctl, cluster.node(0).endpoint);
        for (const [index, node] of cluster.nodes.entries()) {
          const other = cluster.endpoints[(index + 1) % 3] ?? "";
          const successor = await successorOf(node);
          successors.push(successor);
          // One is stopped, the next is killed.
          if (index === 1) await node.kill();
          else await node.terminate();
          await waitUntil(() => succeeds(() => etcdctl(ctl, other, "put", `while${index}`, "x")), {
            what: "a leader",
            timeoutMs: 20_000,
          });
          const run = await migrate(node.dataDirectory, successor.dataDirectory);
          expect([index, run.code, run.stdout]).toEqual([index, 0, ""]);
          await successor.restart();
          etcdctl(ctl, successor.endpoint, "put", `behind${index}`, "x");
        }
        const newest = hashOfPeer(ctl, successors[2]?.endpoint ?? "");
        for (const { endpoint } of successors) {
          await waitUntil(() => hashOfPeer(ctl, endpoint).revision === newest.revision, {
            what: `${endpoint} to catch up`,
            timeoutMs: 20_000,
          });
          expect(hashOfPeer(ctl, endpoint)).toEqual(newest);
        }
        const [first] = successors;
        expect(etcdctl(ctl, first?.endpoint ?? "", "get", "while", "--prefix", "--print-value-only")).toBe("x\nx\nx\n");
      } finally {
        for (const successor of successors) await successor.close();
        await cluster.close();
      }
    });

    for (const end of ["stopped", "killed"] as const) {
      it(`lets a learner that was ${end} go on as one, which can be promoted then`, async () => {
        const node = await started(server);
        const learner = await EtcdNode.prepare({
          program: [requirePeer(server)],
          name: "learner",
          bootstrap: () => ({
            initialCluster: `${node.name}=${node.peerUrl},learner=${learner.peerUrl}`,
            state: "existing",
          }),
        });
        const successor = await successorOf(learner);
        try {
          fillPeer(ctl, node.endpoint);
          const added = etcdctl(
            ctl,
            node.endpoint,
            "member",
            "add",
            "learner",
            "--learner",
            `--peer-urls=${learner.peerUrl}`,
          );
          const id = /Member +([0-9a-f]+) added/.exec(added)?.[1] ?? "";
          await learner.restart();
          // Its addition may be in its log alone.
          if (end === "killed") await learner.kill();
          else await learner.terminate();
          let run = await migrate(learner.dataDirectory, successor.dataDirectory);
          const isEmpty = /does not say which log entry it is at: .+; start etcd on it once/;
          // It was killed before its database had anything, and is given longer each time to get something.
          for (let seconds = 1; isEmpty.test(run.stderr) && seconds <= 4; seconds++) {
            await learner.restart();
            await delay(1000 * seconds);
            await learner.terminate();
            run = await migrate(learner.dataDirectory, successor.dataDirectory);
          }
          expect([run.code, run.stderr]).toEqual([0, expect.stringContaining("migrated the member")]);
          await successor.restart();
          const line = (): string | undefined =>
            etcdctl(ctl, node.endpoint, "member", "list")
              .split("\n")
              .find((each) => each.startsWith(`${id}, `));
          expect(line()).toMatch(/, true$/);
          await waitUntil(() => succeeds(() => etcdctl(ctl, node.endpoint, "member", "promote", id)), {
            what: "the learner to catch up",
            timeoutMs: 20_000,
          });
          expect(line()).toMatch(/, false$/);
          await waitUntil(() => succeeds(() => etcdctl(ctl, successor.endpoint, "put", "new", "value")), {
            what: "the successor to know that it is promoted",
            timeoutMs: 20_000,
          });
          expect(etcdctl(ctl, node.endpoint, "get", "new", "--print-value-only")).toBe("value\n");
          expect(hashOfPeer(ctl, successor.endpoint)).toEqual(hashOfPeer(ctl, node.endpoint));
        } finally {
          await successor.close();
          await learner.close();
          await node.close();
        }
      });
    }

    it("refuses a member that runs, a directory that is taken, and files that are damaged or none of etcd's", async () => {
      using directory = scratch();
      const node = await started(server);
      const target = join(directory.path, "target");
      try {
        fillPeer(ctl, node.endpoint);
        const database = join(node.dataDirectory, "member/snap/db");
        const running = await migrate(node.dataDirectory, target, "--timeout=50ms");
        expect([running.code, running.stderr]).toEqual([
          1,
          `Error: process ${node.process.pid} uses ${database}; stop it first\n`,
        ]);
        await node.terminate();
        expect((await migrate(node.dataDirectory, directory.path)).code).toBe(0);
        expect(await migrate(node.dataDirectory, directory.path)).toMatchObject({
          code: 1,
          stderr: `Error: data-dir "${directory.path}" not empty or could not be read\n`,
        });
        const again = await migrate(directory.path, target);
        expect([again.code, again.stderr]).toEqual([
          1,
          `Error: this is a data directory of Quorate: ${directory.path}; give the data directory of an etcd member\n`,
        ]);
        const none = await migrate(join(directory.path, "none"), target);
        expect([none.code, none.stderr]).toEqual([1, expect.stringMatching(/^Error: no database of etcd: .+\n$/)]);
        const wal = readdirSync(join(node.dataDirectory, "member/wal")).filter((name) => name.endsWith(".wal"));
        const damages: Readonly<Record<string, (copy: string) => void>> = {
          "damaged bbolt file": (copy) => {
            const whole = readFileSync(join(copy, "member/snap/db"));
            // All pages but the two that say where the others are: which of those are in use is etcd's timing.
            writeFileSync(join(copy, "member/snap/db"), whole.subarray(0, whole.length - 20_000).fill(0, 8192));
          },
          "checksum mismatch in the log": (copy) => {
            const file = join(copy, "member/wal", wal.at(-1) ?? "");
            const bytes = readFileSync(file);
            bytes[3000] = (bytes[3000] ?? 0) ^ 0x10;
            writeFileSync(file, bytes);
          },
          "no log of etcd": (copy) => rmSync(join(copy, "member/wal"), { recursive: true }),
        };
        for (const [text, damage] of Object.entries(damages)) {
          const copy = join(directory.path, "copy");
          rmSync(copy, { recursive: true, force: true });
          cpSync(node.dataDirectory, copy, { recursive: true });
          damage(copy);
          const run = await migrate(copy, target);
          expect([text, run.code, run.stderr.split("\n").length]).toEqual([text, 1, 2]);
          expect(run.stderr).toContain(`Error: ${text}`);
          expect(existsSync(target)).toBe(false);
        }
      } finally {
        await node.close();
      }
    });

    function succeeds(call: () => string): boolean {
      try {
        call();
        return true;
      } catch {
        return false;
      }
    }
  });
}

describe("migrate", () => {
  it("says what it is not, and what it needs", async () => {
    expect(await capturedRun(["migrate", "--data-dir=x", "--target-version=3.5"])).toMatchObject({
      code: 128,
      stderr: expect.stringMatching(/^Error: a data directory of Quorate has no storage version: .+\n$/),
    });
    expect(await capturedRun(["migrate", "--data-dir=x"])).toEqual({
      code: 128,
      stdout: "",
      stderr: "Error: migrate requires --from and --data-dir\n",
    });
  });
});
