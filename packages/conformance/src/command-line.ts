import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { requirePeer, serverUnderTest } from "@quorate/testkit";

/** The checkout's top folder. */
export const REPOSITORY_ROOT: string = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");

/** Command line of a real etcd, named by version (3.4.23, 3.5.30) or given as a command line of its own. */
export function peerProgram(name: string): readonly string[] {
  if (name.startsWith("3.4")) return [requirePeer("etcd-3.4")];
  if (name.startsWith("3.5")) return [requirePeer("etcd-3.5")];
  return name.split(/\s+/);
}

/** Command line of the server under test: the option's value, QUORATE_SERVER, or this repository's own program. */
export function targetProgram(option: string | undefined): readonly string[] {
  const program = option === undefined ? serverUnderTest(REPOSITORY_ROOT) : peerProgram(option);
  if (program === undefined)
    throw new Error("no server to test: build this repository's, or give --target or QUORATE_SERVER");
  return program;
}

/** A whole number given as an option. Throws, naming the option, for anything else. */
export function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`--${name} takes a whole number, not '${text}'`);
  return value;
}

/**
 * Runs a command's main function: its number is the exit code, an error is printed as one line and gives 1. A signal ends it with
 * 130, and with it the servers that it started.
 */
export function runMain(main: () => Promise<number>): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
  main().then(
    (code) => process.exit(code),
    (error: unknown) => {
      console.error(error instanceof Error ? error.message : String(error));
      process.exit(1);
    },
  );
}
