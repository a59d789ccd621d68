import { randomBytes } from "node:crypto";
import { prefixEnd } from "@quorate/base";
import type { EtcdClient } from "@quorate/client";
import { CommandError } from "../frame/command-error.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { printLine } from "../frame/output.ts";
import { goQuote } from "../go/go-quote.ts";
import type { Connection } from "./connection.ts";
import { failureText } from "./failure.ts";
import { bytesOf } from "./key-range.ts";
import type { LoadResult } from "./load-run.ts";

const LOADS: Readonly<Record<string, LoadName>> = {
  s: "s",
  small: "s",
  m: "m",
  medium: "m",
  l: "l",
  large: "l",
  xl: "xl",
  xLarge: "xl",
};
/** Cleaning up after a large load takes its time. */
const CLEANUP_MS = 30_000;
const RANDOM_BYTES = 8;

export type LoadName = "s" | "m" | "l" | "xl";

/** Reads --load. */
export function loadNamed(text: string): LoadName {
  const name = Object.hasOwn(LOADS, text) ? LOADS[text] : undefined;
  if (name === undefined) throw new CommandError(ExitCode.badFeature, `unknown load option ${text}`);
  return name;
}

/** Keys of a check would be mixed up with those that are there. */
export async function requireEmpty(connection: Connection, prefix: string, quote: "" | "'" = ""): Promise<void> {
  const { RPC } = await import("@quorate/client");
  const key = bytesOf(prefix);
  const { kvs } = await connection.callWithoutEnd(RPC.KV.Range, { key, rangeEnd: prefixEnd(key), limit: 1 });
  if (kvs.length === 0) return;
  const { programName } = connection.context;
  const text = `prefix ${goQuote(prefix)} has keys. Delete with ${quote}${programName} del --prefix ${prefix}${quote} first`;
  throw new CommandError(ExitCode.invalidInput, text);
}

/** Makes puts of random keys of `keyBytes` behind the prefix, and values of so many zeros. */
export function randomPuts(
  prefix: string,
  sizes: { readonly keyBytes: number; readonly valueBytes: number },
): () => { readonly key: Uint8Array; readonly value: Uint8Array } {
  const start = bytesOf(prefix);
  const value = new Uint8Array(sizes.valueBytes);
  return () => {
    const key = new Uint8Array(start.length + sizes.keyBytes);
    key.set(start);
    key.set(randomBytes(RANDOM_BYTES), start.length);
    return { key, value };
  };
}

/** Deletes the keys of a check; answers the revision. */
export async function deleteKeys(connection: Connection, prefix: string): Promise<number> {
  const { RPC } = await import("@quorate/client");
  const key = bytesOf(prefix);
  const options = { deadlineMs: CLEANUP_MS };
  const { header } = await connection.client.unary(RPC.KV.DeleteRange, { key, rangeEnd: prefixEnd(key) }, options);
  return header?.revision ?? 0;
}

/** --auto-compact and --auto-defrag. */
export async function tidyUp(connection: Connection, revision: number): Promise<void> {
  const { RPC } = await import("@quorate/client");
  const { flags, stdout } = connection.context;
  const options = { deadlineMs: CLEANUP_MS };
  if (flags.bool("auto-compact")) {
    printLine(stdout, `Compacting with revision ${revision}`);
    await connection.client.unary(RPC.KV.Compact, { revision, physical: true }, options);
    printLine(stdout, `Compacted with revision ${revision}`);
  }
  if (!flags.bool("auto-defrag")) return;
  for (const endpoint of connection.client.endpoints) {
    printLine(stdout, `Defragmenting ${goQuote(endpoint)}`);
    await connection.client.unary(RPC.Maintenance.Defragment, {}, { ...options, endpoint });
    printLine(stdout, `Defragmented ${goQuote(endpoint)}`);
  }
}

/** Prints the errors of a load; true if there were any. */
export function printErrors(connection: Connection, errors: ReadonlyMap<string, number>): boolean {
  if (errors.size === 0) return false;
  printLine(connection.context.stdout, "FAIL: too many errors");
  for (const [text, count] of errors) printLine(connection.context.stdout, `FAIL: ERROR(${text}) -> ${count}`);
  return true;
}

/** Clients with a connection each, so that one connection is not what is measured; to be closed by the caller. */
export async function moreClients(connection: Connection, count: number): Promise<readonly EtcdClient[]> {
  return await Promise.all(Array.from({ length: count }, () => connection.another()));
}

/** Ends a check that Ctrl-C ended early, once it is cleaned up: what was measured until then is no verdict. */
export function refuseInterrupted(result: LoadResult): void {
  if (result.interruptedBy !== undefined) throw result.interruptedBy;
}

/** Why cleaning up failed, which does not fail a check. */
export function printCleanupFailure(connection: Connection, error: unknown): void {
  const text = `FAIL: Cleanup failed during key deletion: ERROR(${failureText(error)})`;
  printLine(connection.context.stdout, text);
}
