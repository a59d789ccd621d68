/** Commands that have more to do than to ask and print, against a real etcd. The rest is compared with etcdctl in conformance. */
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { EtcdClient, RPC } from "@quorate/client";
import { EtcdNode, freePorts, missingPeers, peersAreRequired, requirePeer, waitUntil } from "@quorate/testkit";
import { randomPuts } from "../../src/online/check-parts.ts";
import { judge } from "../../src/online/check-perf.ts";
import { runLoad } from "../../src/online/load-run.ts";
import { CapturedOutput, type CapturedRun, capturedRun, type RunOptions } from "../captured-run.ts";
import { PROGRAM, RunningWatch } from "./running-watch.ts";
import { endOfShell } from "./shell.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const missing = missingPeers(["etcd-3.5"]);
if (missing.length > 0) {
  it(`needs ${missing.join(", ")}`, () => {
    process.stderr.write(`skipped: commands need ${missing.join(", ")}\n`);
    expect(peersAreRequired() ? missing : []).toEqual([]);
  });
} else {
  describe("against a real etcd", () => {
    const folder = mkdtempSync(join(tmpdir(), "quorate-ctl-test-"));
    let node: EtcdNode;
    const run = (line: string, options: RunOptions = {}): Promise<CapturedRun> =>
      capturedRun([`--endpoints=${node.endpoint}`, ...line.split(" ")], options);

    beforeAll(async () => {
      node = await EtcdNode.start({ program: [requirePeer("etcd-3.5")], medium: "memory" });
    });
    afterAll(async () => {
      await node.close();
      rmSync(folder, { recursive: true, force: true });
    });

    it("saves a snapshot whole, for its owner only, and leaves no part of one behind", async () => {
      await run("put saved value");
      const file = join(folder, "saved.db");
      const { code, stdout } = await run(`snapshot save ${file}`);
      expect([code, stdout.split("\n")[0]]).toEqual([0, `Snapshot saved at ${file}`]);
      const saved = readFileSync(file);
      const digest = createHash("sha256").update(saved.subarray(0, -32)).digest("hex");
      expect(saved.subarray(-32).toString("hex")).toBe(digest);
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(existsSync(`${file}.part`)).toBe(false);
    });

    it("gives a snapshot up without leaving a part of it", async () => {
      const file = join(folder, "late.db");
      const { code, stderr } = await run(`snapshot save ${file} --command-timeout=1ns`);
      expect(code).toBe(5);
      expect(stderr).toMatch(/^(warning: .*\n)?Error: context deadline exceeded\n$/);
      expect([existsSync(file), existsSync(`${file}.part`)]).toEqual([false, false]);
    });

    it("tells in one line why no server can be reached, beside etcd's words", async () => {
      const [port] = await freePorts(1);
      const { code, stderr } = await capturedRun([
        "get",
        "a",
        `--endpoints=127.0.0.1:${port}`,
        "--command-timeout=300ms",
      ]);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^warning: .*127\.0\.0\.1:\d+.*ECONNREFUSED.*\nError: context deadline exceeded\n$/);
    });

    it("gives up connecting after --dial-timeout where that is given", async () => {
      const [port] = await freePorts(1);
      const began = performance.now();
      const flags = [`--endpoints=127.0.0.1:${port}`, "--dial-timeout=200ms", "--command-timeout=20s"];
      const { code, stderr } = await capturedRun(["get", "a", ...flags]);
      expect([code, performance.now() - began < 10_000]).toEqual([1, true]);
      expect(stderr).toMatch(
        /^warning: no endpoint could be reached in 200 ms: .*\nError: context deadline exceeded\n$/,
      );
    });

    it("gives up a login after --dial-timeout too", async () => {
      await using silent = await EtcdNode.start({ program: [requirePeer("etcd-3.5")], medium: "memory" });
      silent.pause();
      const began = performance.now();
      const flags = [`--endpoints=${silent.endpoint}`, "--user=u:p", "--dial-timeout=300ms", "--command-timeout=20s"];
      const { code, stderr } = await capturedRun(["get", "a", ...flags]);
      silent.resume();
      expect([code, performance.now() - began < 15_000]).toEqual([1, true]);
      expect(stderr).toMatch(/^(warning: .*\n)?Error: context deadline exceeded\n$/);
    }, 30_000);

    it("shows somebody who looks on that a defragmentation is under way", async () => {
      const { code, stdout, stderr } = await run("defrag", { isTerminal: true });
      expect([code, stdout]).toEqual([0, expect.stringMatching(/^Finished defragmenting etcd member\[.*\]\. took /)]);
      expect(stderr).toMatch(new RegExp(`^\\rdefragmenting ${node.endpoint}, 0 s\\r +\\r$`));
      expect((await run("defrag")).stderr).toBe("");
    });

    it("waits with a watch for a server that is not there yet", async () => {
      await using late = await EtcdNode.prepare({ program: [requirePeer("etcd-3.5")], medium: "memory" });
      using watch = new RunningWatch(late.endpoint, ["key", "--command-timeout=200ms"]);
      await waitUntil(() => watch.errors.includes("; trying again\n"), { what: "a warning", timeoutMs: 10_000 });
      await late.restart();
      const put = async (): Promise<boolean> => {
        await capturedRun([`--endpoints=${late.endpoint}`, "put", "key", "value"]);
        return watch.output.startsWith("PUT\nkey\nvalue\n");
      };
      await waitUntil(put, { what: "an event", timeoutMs: 10_000, everyMs: 100 });
      expect(watch.errors).toMatch(/^warning: .*ECONNREFUSED.*; trying again\n$/);
    }, 30_000);

    it("watches by lines that are typed, and asks for progress", async () => {
      using watch = new RunningWatch(node.endpoint, ["-i"]);
      watch.type("watch typed/ --prefix\nwatch other -- echo changed\n");
      const put = async (): Promise<boolean> => {
        await run("put typed/1 a");
        return watch.output.includes("PUT\ntyped/1\na\n");
      };
      await waitUntil(put, { what: "an event", timeoutMs: 10_000, everyMs: 100 });
      await run("put other b");
      await waitUntil(() => watch.output.includes("PUT\nother\nb\nchanged\n"), {
        what: "a command",
        timeoutMs: 10_000,
      });
      watch.type("progress\n");
      await waitUntil(() => /^progress notify: \d+$/m.test(watch.output), { what: "progress", timeoutMs: 10_000 });
      expect(await watch.endOfInput()).toBe(3);
      expect(watch.errors).toBe("Error: error reading watch request line: EOF\n");
    }, 30_000);

    it("carries bytes of any kind through the lines of a transaction", async () => {
      await using client = new EtcdClient({ endpoints: node.endpoint });
      const odd = Buffer.of(0xe0, 0xa0, 0xff, 0x85);
      const puts = Buffer.concat([
        bytes('\nput "\\xff\\377\\u00ff" "\\xfe"\nput '),
        odd,
        bytes(" 'à la'\nput word à\n\n\n"),
      ]);

      expect((await run("txn", { stdin: puts })).stdout).toBe("SUCCESS\n\nOK\n\nOK\n\nOK\n");

      const valueOf = async (key: Uint8Array): Promise<string> =>
        Buffer.from((await client.kv.getOne(key))?.value ?? []).toString("latin1");
      expect(await valueOf(Uint8Array.of(0xff, 0xff, 0xc3, 0xbf))).toBe("\u00fe");
      expect(await valueOf(odd)).toBe(Buffer.from("à la").toString("latin1"));
      expect(await valueOf(bytes("word"))).toBe(Buffer.from("à").toString("latin1"));
      const compare = 'val("\\xff\\377\\u00ff") = "\\xfe"\nval("word") = "à"\n\n\n\n';
      expect((await run("txn", { stdin: compare })).stdout).toBe("SUCCESS\n");
    });

    it("tells healthy endpoints from others and fails for them", async () => {
      const [port] = await freePorts(1);
      const down = `127.0.0.1:${port}`;
      const both = (...more: readonly string[]): Promise<CapturedRun> =>
        capturedRun(["endpoint", "health", `--endpoints=${node.endpoint},${down}`, "--command-timeout=500ms", ...more]);
      const simple = await both();
      expect(simple.stdout).toMatch(
        new RegExp(`^${node.endpoint} is healthy: successfully committed proposal: took = \\S+\n$`),
      );
      expect([simple.code, simple.stderr]).toEqual([
        1,
        `${down} is unhealthy: failed to commit proposal: context deadline exceeded\nError: unhealthy cluster\n`,
      ]);
      const list = JSON.parse((await both("-w", "json")).stdout) as { endpoint: string; health: boolean }[];
      expect(list.map(({ endpoint, health }) => [endpoint, health])).toEqual([
        [node.endpoint, true],
        [down, false],
      ]);
    });

    it("tells of a failed login as etcdctl does, and asks for a password where none is given", async () => {
      await run("user add root:pw");
      await run("auth enable");
      try {
        expect(await run("get saved")).toMatchObject({ code: 1, stderr: "Error: etcdserver: user name is empty\n" });
        expect(await run("--user=root:wrong get saved")).toMatchObject({
          code: 2,
          stderr: "Error: etcdserver: authentication failed, invalid user ID or password\n",
        });
        expect((await run("--user=root get saved", { secrets: ["pw"] })).stdout).toBe("saved\nvalue\n");
        expect((await run("get saved", { env: { ETCDCTL_USER: "root", ETCDCTL_PASSWORD: "pw" } })).code).toBe(0);
      } finally {
        expect((await run("--user=root:pw auth disable")).stdout).toBe("Authentication Disabled\n");
      }
    });

    it("mirrors a prefix to another: what is there, then every change, until the destination fails", async () => {
      await using destination = await EtcdNode.start({ program: [requirePeer("etcd-3.5")], medium: "memory" });
      await using client = new EtcdClient({ endpoints: destination.endpoint });
      for (const i of [1, 2, 3]) await run(`put from/${i} ${i}`);
      const mirror = run(
        `make-mirror --prefix from/ --dest-prefix to/ --command-timeout=500ms ${destination.endpoint}`,
      );
      const mirrored = async (): Promise<string> => {
        const { kvs } = await client.unary(RPC.KV.Range, { key: bytes("to/"), rangeEnd: bytes("to0") });
        return kvs.map(({ key, value }) => `${Buffer.from(key).toString()}=${Buffer.from(value).toString()}`).join();
      };
      const untilIs = (expected: string): Promise<void> =>
        waitUntil(async () => (await mirrored()) === expected, { what: expected, timeoutMs: 10_000 });
      await untilIs("to/1=1,to/2=2,to/3=3");

      await run("txn", { stdin: "\nput from/4 4\nput from/1 one\ndel from/2\n\n\n" });

      await untilIs("to/1=one,to/3=3,to/4=4");
      await destination.kill();
      await run("put from/5 5");
      const { code, stderr } = await mirror;
      expect([code, /Error: (context deadline exceeded|rpc error)/.test(stderr)]).toEqual([1, true]);
    }, 30_000);

    it("puts at a rate, counts what fails, and judges it", async () => {
      await using client = new EtcdClient({ endpoints: node.endpoint });
      const load = {
        clients: [client],
        concurrency: 20,
        rate: 200,
        durationMs: 500,
        putCount: Number.POSITIVE_INFINITY,
        nextPut: randomPuts("load/", { keyBytes: 16, valueBytes: 16 }),
        signal: new AbortController().signal,
        onProgress: () => {},
      };
      const { putsPerSecond, errors } = await runLoad(load);
      expect([putsPerSecond > 50, putsPerSecond < 210, errors.size]).toEqual([true, true, 0]);
      const counted = await runLoad({ ...load, rate: undefined, putCount: 30, durationMs: 20_000 });
      expect(counted.slowest).toBeGreaterThan(0);
      const refused = await runLoad({
        ...load,
        rate: undefined,
        putCount: 3,
        nextPut: () => ({ key: bytes(""), value: bytes("") }),
      });
      expect([...refused.errors]).toEqual([["etcdserver: key is not provided", 3]]);
      const stdout = new CapturedOutput();
      expect(
        judge(
          { stdout },
          { putsPerSecond: 149.2, slowest: 0.6, deviation: 0.01, errors: new Map(), interruptedBy: undefined },
          150,
        ),
      ).toBe(false);
      expect(stdout.text).toBe(
        "PASS: Throughput is 150 writes/s\nSlowest request took too long: 0.600000s\nPASS: Stddev is 0.010000s\n",
      );
    }, 30_000);

    it("checks only where it finds nothing, and takes back what it has written", async () => {
      await run("put scale/1 x");
      expect(await run("check datascale --prefix=scale/")).toMatchObject({
        code: 3,
        stderr: `Error: prefix "scale/" has keys. Delete with quoratectl del --prefix scale/ first\n`,
      });
      expect((await run("check perf --load=huge")).code).toBe(4);
    });

    it.each(["perf", "datascale"])(
      "gives no verdict of a `check %s` that is interrupted, and cleans up",
      async (what) => {
        let repeat: NodeJS.Timeout | undefined;
        const ended = await run(`check ${what} --prefix=stopped/ --auto-compact`, {
          during: (signal) => {
            // Until the load runs, which is when it listens.
            repeat = setInterval(() => signal("SIGINT"), 20);
          },
        });
        clearInterval(repeat);
        expect([ended.code, ended.signal, ended.stderr]).toEqual([130, "SIGINT", ""]);
        expect(ended.stdout).not.toContain("PASS");
        expect(ended.stdout).toMatch(/^Compacted with revision \d+$/m);
        expect((await run("get stopped/ --prefix --keys-only")).stdout).toBe("");
      },
      30_000,
    );

    it("runs a command with a lock, gives its exit code, and leaves nothing behind", async () => {
      const locked = await run("lock name -- sh -c true");
      expect(locked).toEqual({ code: 0, stdout: "", stderr: "" });
      const failed = await capturedRun([`--endpoints=${node.endpoint}`, "lock", "name", "--", "sh", "-c", "exit 7"]);
      expect(failed).toEqual({ code: 7, stdout: "", stderr: "Error: exit status 7\n" });
      expect((await run("get name --prefix")).stdout).toBe("");
      expect((await run("lease list")).stdout).toBe("found 0 leases\n");
    });

    it("holds a lock until it is interrupted", async () => {
      const held = await run("lock held", {
        during: (signal, printed) => {
          const timer = setInterval(() => {
            if (!printed().includes("held/")) return;
            clearInterval(timer);
            signal("SIGINT");
          }, 5);
        },
      });
      expect([held.code, held.stderr]).toEqual([0, ""]);
      expect(held.stdout).toMatch(/^held\/[0-9a-f]+\n\n$/);
      expect((await run("get held --prefix")).stdout).toBe("");
    });

    it("ends quietly when nobody reads its output any more, and in one line when there is no room for it", async () => {
      const big = "x".repeat(1_000_000);
      await capturedRun([`--endpoints=${node.endpoint}`, "put", "big", big]);
      const line = `${PROGRAM} --endpoints=${node.endpoint} get big | head -c 5; echo " \${PIPESTATUS[0]}"`;
      expect(await endOfShell(line)).toEqual({ code: 0, stdout: "big\nx 141\n", stderr: "" });
      const full = await endOfShell(`${PROGRAM} --endpoints=${node.endpoint} get big > /dev/full`);
      expect(full).toEqual({ code: 1, stdout: "", stderr: "Error: write output: no space left on device\n" });
    });
  });

  describe("completion in bash", () => {
    it("offers commands, flags and the values of flags", async () => {
      const folder = mkdtempSync(join(tmpdir(), "quorate-ctl-bash-"));
      try {
        symlinkSync(PROGRAM, join(folder, "quoratectl"));
        const complete = async (...words: readonly string[]): Promise<string> => {
          const quoted = ["quoratectl", ...words].map((word) => `'${word}'`).join(" ");
          const { stdout } = await endOfShell(
            `export PATH="${folder}:$PATH"; source <(quoratectl completion bash)
             COMP_WORDS=(${quoted}); COMP_CWORD=${words.length}; _quoratectl_complete; echo "\${COMPREPLY[@]}"`,
          );
          return stdout.trim();
        };
        expect(await complete("mem")).toBe("member");
        expect(await complete("member", "pro")).toBe("promote");
        expect(await complete("get", "--pre")).toBe("--prefix");
        expect(await complete("get", "--order", "")).toBe("ASCEND DESCEND");
        expect(await complete("get", "--order", "=", "A")).toBe("ASCEND");
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }, 30_000);
  });
}
