import { once } from "node:events";
import { rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { EtcdClient, isEtcdError } from "@quorate/client";
import type { AgentContext } from "./agent-context.ts";
import { AgentError, messageOf } from "./agent-error.ts";
import type { ExpectedFacts } from "./open-check.ts";
import { lastLine, runProgram, startProgram } from "./programs.ts";

export interface DrillResult {
  /** Revision that the server answered with, decimal. */
  readonly restoredRevision: string;
  readonly authEnabled: boolean;
  /** What could not be compared, and why. */
  readonly note: string | undefined;
}

const START_MS = 120_000;
const CALL_MS = 10_000;
const STOP_MS = 15_000;

/**
 * Level `Restore`: the file becomes a data directory, a server of one member starts on it on loopback, answers a read through its quorum
 * of one, and hashes its keys at the recorded revision to what the living cluster hashed them to.
 */
export async function drill(path: string, expected: ExpectedFacts, context: AgentContext): Promise<DrillResult> {
  const directory = join(context.scratch, "drill");
  await rm(directory, { recursive: true, force: true });
  const [clientPort, peerPort] = await freePorts();
  const peerUrl = `http://127.0.0.1:${peerPort}`;
  const clientUrl = `http://127.0.0.1:${clientPort}`;
  const identity = ["--name", "drill", "--data-dir", directory, "--initial-advertise-peer-urls", peerUrl];
  const cluster = ["--initial-cluster", `drill=${peerUrl}`, "--initial-cluster-token", "quorate-drill"];
  try {
    const restored = await runProgram(
      context.programs.quoratectl,
      ["snapshot", "restore", path, ...identity, ...cluster],
      context.signal,
    );
    if (restored.exitCode !== 0) throw new AgentError("Damaged", `it cannot be restored: ${lastLine(restored)}`);
    const listening = [
      "--listen-client-urls",
      clientUrl,
      "--advertise-client-urls",
      clientUrl,
      "--listen-peer-urls",
      peerUrl,
    ];
    return await withServer([...identity, ...cluster, ...listening], context, (signal) =>
      examine(clientUrl, expected, context, signal),
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Runs the server while `act` does; its end before that is a failure with what it said last. */
async function withServer<T>(
  args: readonly string[],
  { programs, signal, log }: AgentContext,
  act: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const child = startProgram(programs.server, args);
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-4096);
    });
  }
  const ended = new AbortController();
  const stopping = { isWanted: false };
  const end = new Promise<void>((resolve) => {
    const finish = (why: string): void => {
      if (!stopping.isWanted) ended.abort(new AgentError("Damaged", `the server on it ended: ${why}`));
      resolve();
    };
    child.on("error", (error) => finish(messageOf(error)));
    child.on("close", (code) => finish(said.trim().split("\n").at(-1) ?? `exit code ${code}`));
  });
  try {
    return await act(AbortSignal.any([signal, ended.signal]));
  } catch (error) {
    if (ended.signal.aborted) throw ended.signal.reason;
    log(`the server said last: ${said.trim().split("\n").at(-1) ?? ""}`);
    throw error;
  } finally {
    stopping.isWanted = true;
    child.kill("SIGTERM");
    const kill = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    await end;
    clearTimeout(kill);
  }
}

async function examine(
  clientUrl: string,
  expected: ExpectedFacts,
  { pace, nowMs }: AgentContext,
  signal: AbortSignal,
): Promise<DrillResult> {
  const client = new EtcdClient({ endpoints: clientUrl, dialTimeoutMs: CALL_MS });
  try {
    const deadlineMs = nowMs() + START_MS;
    for (;;) {
      try {
        return await compareServer(client, expected, signal);
      } catch (error) {
        if (signal.aborted) throw new AgentError("Timeout", "the time for the work is over", { cause: error });
        if ((error as Error).name === "AgentError") throw error;
        if (nowMs() > deadlineMs) {
          throw new AgentError("Damaged", `the server on it does not answer: ${messageOf(error)}`, { cause: error });
        }
        await pace.sleep(200);
      }
    }
  } finally {
    await client.close();
  }
}

async function compareServer(client: EtcdClient, expected: ExpectedFacts, signal: AbortSignal): Promise<DrillResult> {
  const options = { deadlineMs: CALL_MS, signal };
  const { enabled } = await client.auth.status(options);
  // Users are in the snapshot; without one of their passwords nothing is read or hashed, but that they were asked for shows that it serves.
  if (enabled)
    return { restoredRevision: expected.revision, authEnabled: true, note: "keys not hashed: authentication is on" };
  const { header } = await client.kv.get("quorate-drill-probe", options);
  const restoredRevision = String(header.revision);
  if (restoredRevision !== expected.revision) {
    throw new AgentError(
      "RevisionMismatch",
      `the server on it is at ${restoredRevision}, the manifest says ${expected.revision}`,
    );
  }
  if (expected.hashKV === undefined) {
    return {
      restoredRevision,
      authEnabled: false,
      note: "keys not hashed: the living member had compacted them already",
    };
  }
  const answer = await client.maintenance.hashKv(Number(expected.revision), options).catch((error: unknown) => {
    if (isEtcdError(error, "compacted")) return undefined;
    throw error;
  });
  if (answer === undefined || String(answer.compactRevision) !== expected.compactRevision) {
    return {
      restoredRevision,
      authEnabled: false,
      note: "keys not hashed: compacted to another revision than the living store",
    };
  }
  if (String(answer.hash) !== expected.hashKV) {
    throw new AgentError(
      "HashMismatch",
      `the keys hash to ${answer.hash}, the living ones hashed to ${expected.hashKV}`,
    );
  }
  return { restoredRevision, authEnabled: false, note: undefined };
}

/** Two ports that nobody listens on at the moment. */
async function freePorts(): Promise<readonly [number, number]> {
  const servers = [createServer(), createServer()] as const;
  const ports: number[] = [];
  for (const server of servers) {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    ports.push((server.address() as { readonly port: number }).port);
  }
  for (const server of servers) {
    server.close();
    await once(server, "close");
  }
  return [ports[0] ?? 0, ports[1] ?? 0];
}
