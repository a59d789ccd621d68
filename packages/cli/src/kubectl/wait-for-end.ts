import { setTimeout as pause } from "node:timers/promises";
import { CommandError } from "../frame/command-error.ts";
import type { CommandContext } from "../frame/context.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { printLine } from "../frame/output.ts";

const POLL_MS = 1_000;

interface Phased {
  readonly status?: { readonly phase?: string; readonly message?: string };
}

/** Reads an object again and again until its phase is Completed or Failed, telling each phase; fails when `timeoutMs` are over. */
export async function waitForEnd<T extends Phased>(
  context: CommandContext,
  read: () => Promise<T>,
  timeoutMs: number,
): Promise<T> {
  const endMs = performance.now() + timeoutMs;
  let told = "";
  for (;;) {
    const object = await read();
    const { phase = "Pending", message = "" } = object.status ?? {};
    const text = message === "" ? phase : `${phase}: ${message}`;
    if (text !== told) printLine(context.stderr, text);
    told = text;
    if (phase === "Completed" || phase === "Failed") return object;
    if (performance.now() > endMs)
      throw new CommandError(ExitCode.interrupted, `it has not ended in time; it is ${phase}`);
    await pause(POLL_MS);
  }
}
