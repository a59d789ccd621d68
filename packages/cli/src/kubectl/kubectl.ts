import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { CommandError } from "../frame/command-error.ts";
import type { CommandContext } from "../frame/context.ts";
import { ExitCode } from "../frame/exit-code.ts";

const FORWARD_TIMEOUT_MS = 20_000;
/** 128 and the number of SIGINT: how a shell names the end of a program by Ctrl-C. */
const INTERRUPTED = 130;

/** The user's kubectl: with it come the user's clusters, logins and proxies, as in other plugins. */
export class Kubectl {
  readonly #command: readonly string[];
  readonly #env: Readonly<Record<string, string | undefined>>;

  /** `KUBECTL` of the environment names another program than `kubectl`; words are separated by spaces. */
  constructor(context: CommandContext) {
    const program = context.env["KUBECTL"]?.trim() ?? "";
    const flags = ["namespace", "context", "kubeconfig"]
      .filter((name) => context.flags.string(name) !== "")
      .map((name) => `--${name}=${context.flags.string(name)}`);
    this.#command = [...(program === "" ? ["kubectl"] : program.split(/\s+/)), ...flags];
    this.#env = context.env;
  }

  /** The object or list that `kubectl get … -o json` prints. Rejects with what kubectl said. */
  async get<T>(...args: readonly string[]): Promise<T> {
    return JSON.parse(await this.#output(["get", ...args, "-o", "json"])) as T;
  }

  /** The same, or undefined if there is no such object. */
  async find<T>(...args: readonly string[]): Promise<T | undefined> {
    const text = await this.#output(["get", ...args, "--ignore-not-found", "-o", "json"]);
    return text.trim() === "" ? undefined : (JSON.parse(text) as T);
  }

  /** Makes an object; the answer is the object as it was stored. */
  async create<T>(object: object): Promise<T> {
    return JSON.parse(await this.#output(["create", "-f", "-", "-o", "json"], JSON.stringify(object))) as T;
  }

  /** Runs kubectl on this process's own output; the answer is its exit code. */
  async run(args: readonly string[], context: CommandContext): Promise<number> {
    const child = this.#spawn(args, ["ignore", "pipe", "pipe"]);
    child.stdout?.on("data", (bytes: Uint8Array) => context.stdout.write(bytes));
    child.stderr?.on("data", (bytes: Uint8Array) => context.stderr.write(bytes));
    const stop = context.onSignal(["SIGINT", "SIGTERM"], (signal) => child.kill(signal));
    try {
      return await ended(child);
    } finally {
      stop();
    }
  }

  /** A port of this machine that leads to a Pod's, until it is closed. */
  async forward(pod: string, port: number): Promise<PortForward> {
    const child = this.#spawn(
      ["port-forward", `pod/${pod}`, `:${port}`, "--address=127.0.0.1"],
      ["ignore", "pipe", "pipe"],
    );
    const end = ended(child);
    const close = async (): Promise<void> => {
      child.kill("SIGTERM");
      await end.catch(() => undefined);
    };
    try {
      return { port: await forwardedPort(child, end, pod), close };
    } catch (error) {
      await close();
      throw error;
    }
  }

  async #output(args: readonly string[], input?: string): Promise<string> {
    const child = this.#spawn(args, ["pipe", "pipe", "pipe"]);
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input ?? "");
    const [stdout, stderr, code] = await Promise.all([textOf(child.stdout), textOf(child.stderr), ended(child)]);
    if (code !== 0) throw new CommandError(ExitCode.error, stderr.trim() || `kubectl ended with ${code}`);
    return stdout;
  }

  #spawn(args: readonly string[], stdio: ("ignore" | "pipe")[]): ChildProcess {
    const [program = "kubectl", ...before] = this.#command;
    return spawn(program, [...before, ...args], { stdio, env: this.#env });
  }
}

export interface PortForward {
  readonly port: number;
  close(): Promise<void>;
}

/** Reads `Forwarding from 127.0.0.1:PORT -> …`. */
function forwardedPort(child: ChildProcess, end: Promise<number>, pod: string): Promise<number> {
  let said = "";
  child.stderr?.on("data", (bytes: Uint8Array) => {
    said += Buffer.from(bytes).toString();
  });
  return new Promise((resolve, reject) => {
    const fail = (why: string): void =>
      reject(new CommandError(ExitCode.badConnection, `${pod} is not reached: ${why}`));
    const timer = setTimeout(() => fail(said.trim() || "no answer"), FORWARD_TIMEOUT_MS);
    end
      .then((code) => fail(said.trim() || `kubectl port-forward ended with ${code}`), reject)
      .finally(() => clearTimeout(timer));
    if (child.stdout === null) return;
    createInterface(child.stdout).on("line", (line) => {
      const [, port] = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec(line) ?? [];
      if (port === undefined) return;
      clearTimeout(timer);
      resolve(Number(port));
    });
  });
}

async function textOf(stream: NodeJS.ReadableStream | null): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream ?? []) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks).toString();
}

/** Exit code of the child; rejects if it could not be started. */
function ended(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on("error", (error: NodeJS.ErrnoException) => {
      const text = error.code === "ENOENT" ? `${child.spawnfile} is not installed` : error.message;
      reject(new CommandError(ExitCode.error, text));
    });
    child.on("close", (code, signal) => resolve(code ?? (signal === "SIGINT" ? INTERRUPTED : ExitCode.error)));
  });
}
