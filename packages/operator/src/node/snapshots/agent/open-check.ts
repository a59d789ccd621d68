import { type FailureReason, type Manifest } from "../../../core/index.ts";
import type { AgentContext } from "./agent-context.ts";
import { AgentError } from "./agent-error.ts";
import { lastLine, runProgram } from "./programs.ts";

/** What a snapshot's file says of itself once every page of it was read. */
export interface FileFacts {
  /** Decimal. */
  readonly revision: string;
  readonly totalKeys: number;
  /** Hexadecimal. */
  readonly fileHash: string;
}

/** What the file has to be. */
export type ExpectedFacts = Pick<Manifest, "revision" | "totalKeys" | "fileHash" | "hashKV" | "compactRevision">;

/** Opens a snapshot's file and reads all of it. Rejects with `Damaged` if it cannot be read. */
export async function readFacts(path: string, { programs, signal }: AgentContext): Promise<FileFacts> {
  const result = await runProgram(programs.quoratectl, ["snapshot", "status", path, "-w", "json"], signal);
  if (result.exitCode !== 0) throw new AgentError("Damaged", `the snapshot does not open: ${lastLine(result)}`);
  const { revision, totalKey, hash } = numbersOf(result.stdout);
  if (revision === undefined || totalKey === undefined || hash === undefined) {
    throw new AgentError("Damaged", `the snapshot's status cannot be read: ${lastLine(result)}`);
  }
  return { revision: String(revision), totalKeys: totalKey, fileHash: hash.toString(16).padStart(8, "0") };
}

/**
 * Level `Open`: the file opens, every page of it can be read, and revision, keys and hashes are those that the manifest has. The hash of
 * the keys is computed from the file as the living member computed it.
 */
export async function checkOpen(path: string, expected: ExpectedFacts, context: AgentContext): Promise<void> {
  const found = await readFacts(path, context);
  compare("RevisionMismatch", "revision", found.revision, expected.revision);
  compare("RevisionMismatch", "number of keys", found.totalKeys, expected.totalKeys);
  compare("HashMismatch", "hash of the file", found.fileHash, expected.fileHash);
  if (expected.hashKV === undefined) return;
  const args = ["hashkv", path, "--rev", expected.revision, "-w", "json"];
  const result = await runProgram(context.programs.quoratectl, args, context.signal);
  if (result.exitCode !== 0) throw new AgentError("Damaged", `the keys cannot be hashed: ${lastLine(result)}`);
  const { hash, compactRevision } = numbersOf(result.stdout);
  // HashKV depends on where the store was compacted; the living one may have been compacted again before it was asked.
  if (String(compactRevision) !== expected.compactRevision) return;
  compare("HashMismatch", "hash of the keys", String(hash), expected.hashKV);
}

function compare(reason: FailureReason, what: string, found: string | number, expected: string | number): void {
  if (found !== expected) throw new AgentError(reason, `the ${what} is ${found}, the manifest says ${expected}`);
}

function numbersOf(text: string): Readonly<Record<string, number | undefined>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return {};
  }
  const numbers = Object.entries(value ?? {}).filter((entry) => typeof entry[1] === "number");
  return Object.fromEntries(numbers) as Record<string, number>;
}
