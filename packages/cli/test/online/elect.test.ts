/** Observing an election that changes between two calls of the observer, and ending while a server does not answer. */
import { spawn } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { EtcdClient, range } from "@quorate/client";
import { EtcdNode, missingPeers, peersAreRequired, requirePeer, waitUntil, withTimeout } from "@quorate/testkit";
import type { CommandContext, SignalName } from "../../src/frame/context.ts";
import { Connection } from "../../src/online/connection.ts";
import { observe } from "../../src/online/elect.ts";
import { Interruption } from "../../src/online/interruption.ts";
import { CapturedOutput, capturedRun } from "../captured-run.ts";
import { PROGRAM } from "./running-watch.ts";

const missing = missingPeers(["etcd-3.5"]);
if (missing.length > 0) {
  it(`needs ${missing.join(", ")}`, () => {
    process.stderr.write(`skipped: elections need ${missing.join(", ")}\n`);
    expect(peersAreRequired() ? missing : []).toEqual([]);
  });
} else {
  describe("elect", () => {
    let node: EtcdNode;
    let client: EtcdClient;
    beforeAll(async () => {
      node = await EtcdNode.start({ program: [requirePeer("etcd-3.5")], medium: "memory" });
      client = new EtcdClient({ endpoints: node.endpoint });
    });
    afterAll(async () => {
      await client.close();
      await node.close();
    });

    it("prints the leader who campaigned just after it had found none", async () => {
      const stdout = new CapturedOutput();
      let interrupt = (): void => {};
      const context = {
        stdout,
        onSignal: (_signals: readonly SignalName[], listener: (signal: SignalName) => void) => {
          interrupt = () => listener("SIGINT");
          return () => {};
        },
      } as unknown as CommandContext;
      let isFirst = true;
      const late = {
        unary: async (...args: Parameters<EtcdClient["unary"]>) => {
          const answer = await client.unary(...args);
          if (isFirst) await client.kv.put("race/1", "leader");
          isFirst = false;
          return answer;
        },
        watch: (...args: Parameters<EtcdClient["watch"]>) => client.watch(...args),
      } as unknown as EtcdClient;
      const connection = new Connection(late, {}, context, { format: "simple", hex: false });
      using interruption = new Interruption(context);

      const observing = observe(connection, "race", interruption);

      await waitUntil(() => stdout.text !== "", { what: "the leader", timeoutMs: 5_000 });
      interrupt();
      await withTimeout(observing, { what: "the end", timeoutMs: 5_000 });
      expect(stdout.text).toBe("race/1\nleader\n");
    });

    it.each([
      ["elect name -l", "SIGINT"],
      ["elect name proposal", "SIGINT"],
      ["lock name", "SIGINT"],
      ["lock name", "SIGTERM"],
      ["snapshot save /nowhere/file", "SIGINT"],
    ] as const)(
      "ends `%s` by the signal on %s while a server does not answer",
      async (line, name) => {
        await using silent = await EtcdNode.start({ program: [requirePeer("etcd-3.5")], medium: "memory" });
        silent.pause();
        let repeat: NodeJS.Timeout | undefined;
        const run = capturedRun([`--endpoints=${silent.endpoint}`, ...line.split(" ")], {
          during: (signal) => {
            // Until the command listens; it is deaf to all but the first.
            repeat = setInterval(() => signal(name), 20);
          },
        });
        try {
          const ended = await withTimeout(run, { what: "the end", timeoutMs: 3_000 });
          expect(ended).toEqual({ code: name === "SIGINT" ? 130 : 143, signal: name, stdout: "", stderr: "" });
        } finally {
          clearInterval(repeat);
          silent.resume();
        }
      },
      20_000,
    );

    it("ends as a process by the signal itself", async () => {
      await using silent = await EtcdNode.start({ program: [requirePeer("etcd-3.5")], medium: "memory" });
      silent.pause();
      const child = spawn(process.execPath, [PROGRAM, `--endpoints=${silent.endpoint}`, "lock", "name"], {
        stdio: "ignore",
      });
      const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve([code, signal])));
      // Before it listens the signal ends it as well.
      const repeat = setInterval(() => child.kill("SIGINT"), 500);
      try {
        expect(await withTimeout(ended, { what: "the end", timeoutMs: 20_000 })).toEqual([null, "SIGINT"]);
      } finally {
        clearInterval(repeat);
        silent.resume();
      }
    }, 30_000);

    it.each([
      ["elect waits proposal", "waits/"],
      ["lock waits", "waits/"],
    ])(
      "gives `%s` up on Ctrl-C while another holds it",
      async (line, prefix) => {
        await client.kv.put(`${prefix}0`, "first");
        let repeat: NodeJS.Timeout | undefined;
        const isWaiting = async (): Promise<boolean> => (await client.kv.count(range(`${prefix}1`, "waits0"))) > 0;
        const run = capturedRun([`--endpoints=${node.endpoint}`, ...line.split(" ")], {
          during: (signal) => {
            const waiting = waitUntil(isWaiting, { what: "a second in the line", timeoutMs: 10_000 });
            void waiting.then(() => {
              repeat = setInterval(() => signal("SIGINT"), 20);
            });
          },
        });
        const ended = await withTimeout(run, { what: "the end", timeoutMs: 15_000 });
        clearInterval(repeat);
        expect(ended).toEqual({ code: 1, stdout: "", stderr: "Error: context canceled\n" });
        expect(await isWaiting()).toBe(false);
      },
      30_000,
    );
  });
}
