import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requirePeer } from "@quorate/testkit";

const TIMEOUT_MS = 120_000;

/** A load made by nghttp2's h2load: the same request over and over, from a client that costs little. */
export interface H2load {
  readonly port: number;
  readonly path: string;
  readonly connections: number;
  readonly streams: number;
  readonly request: Uint8Array;
}

/** What a run of a number of calls came to. */
export interface H2loadResult {
  readonly perSecond: number;
  /** Bytes of all answers' messages with their gRPC prefixes: a call that failed adds none. */
  readonly dataBytes: number;
}

/** Makes `calls` calls. Rejects when one was not answered, or did not get HTTP status 200. */
export async function runH2load(load: H2load, calls: number): Promise<H2loadResult> {
  const folder = mkdtempSync(join(tmpdir(), "quorate-h2load-"));
  try {
    const output = await run(requirePeer("h2load"), ["-n", String(calls), ...parameters(load, folder)]);
    const rate = /finished in .*?, ([\d.]+) req\/s/.exec(output)?.[1];
    const data = / \((\d+)\) data$/m.exec(output)?.[1];
    if (rate === undefined || data === undefined || !output.includes(`status codes: ${calls} 2xx`)) {
      throw new Error(output);
    }
    return { perSecond: Number(rate), dataBytes: Number(data) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function parameters(load: H2load, folder: string): readonly string[] {
  const body = join(folder, "body");
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(load.request.length, 1);
  writeFileSync(body, Buffer.concat([prefix, load.request]));
  const shape = ["-t", 1, "-c", load.connections, "-m", load.streams, "-d", body].map(String);
  const headers = ["-H", "content-type: application/grpc", "-H", "te: trailers"];
  return [...shape, ...headers, `http://127.0.0.1:${load.port}${load.path}`];
}

function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { timeout: TIMEOUT_MS }, (error, stdout) =>
      error === null ? resolve(stdout) : reject(error),
    );
  });
}

/** A load that lasts for a time, while others look at what it does to the servers. `close()` ends it before. */
export class TimedH2load implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #output: Promise<string>;

  private constructor(load: H2load, seconds: number) {
    this.#folder = mkdtempSync(join(tmpdir(), "quorate-h2load-"));
    const args = ["-D", String(seconds), ...parameters(load, this.#folder)];
    this.#child = spawn(requirePeer("h2load"), args, { stdio: ["ignore", "pipe", "ignore"] });
    this.#output = new Promise((resolve) => {
      let text = "";
      this.#child.stdout?.setEncoding("latin1").on("data", (part: string) => {
        text += part;
      });
      this.#child.once("error", () => resolve(text));
      this.#child.once("close", () => resolve(text));
    });
  }

  static start(load: H2load, seconds: number): TimedH2load {
    return new TimedH2load(load, seconds);
  }

  /** Throws when it is over: its server went away, or its time was too short. */
  assertRunning(): void {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) throw new Error("h2load has ended");
  }

  /** Calls a second, once its time is over. Rejects when no call was answered. */
  async rate(): Promise<number> {
    const output = await this.#output;
    const rate = Number(/finished in .*?, ([\d.]+) req\/s/.exec(output)?.[1]);
    if (!(rate > 0)) throw new Error(`h2load came to nothing:\n${output}`);
    return rate;
  }

  async close(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#output;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
