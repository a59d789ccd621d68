import { spawn } from "node:child_process";
import { requirePeer } from "@quorate/testkit";

const COMMAND_TIMEOUT_MS = 60_000;

/** What an etcdctl printed and how it ended. */
export interface Printed {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs etcdctl 3.5 once; `stdin` is for commands that read it. */
export function etcdctl(endpoint: string, args: readonly string[], stdin?: string): Promise<Printed> {
  return new Promise((resolve, reject) => {
    const child = spawn(requirePeer("etcdctl-3.5"), [`--endpoints=${endpoint}`, ...args], {
      stdio: [stdin === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      timeout: COMMAND_TIMEOUT_MS,
      env: { PATH: process.env["PATH"] },
    });
    const printed = { output: "", errors: "" };
    child.stdout?.on("data", (chunk: Buffer) => (printed.output += chunk.toString()));
    child.stderr?.on("data", (chunk: Buffer) => (printed.errors += chunk.toString()));
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, ...printed }));
    // A command that ends before it has read everything has said why.
    child.stdin?.on("error", () => {});
    child.stdin?.end(stdin);
  });
}
