import type { Destination } from "../api/index.ts";
import type { FailureReason } from "./failure-reason.ts";
import type { Manifest, VerificationLevel } from "./manifest.ts";
import type { RetentionPolicy } from "./retention.ts";

/** A member that a snapshot may be taken from. */
export interface TaskMember {
  readonly name: string;
  readonly clientUrl: string;
}

/** Takes a snapshot, checks it, stores it, and writes its manifest last. */
export interface SnapshotTask {
  readonly kind: "snapshot";
  readonly backup: { readonly name: string; readonly uid: string };
  readonly schedule?: { readonly name: string; readonly scheduledAt: string };
  readonly cluster: { readonly namespace: string; readonly name: string; readonly uid: string };
  /** Hexadecimal; a member of another cluster is not taken a snapshot of. Absent: not known yet. */
  readonly clusterId?: string;
  readonly members: readonly TaskMember[];
  readonly source: "Follower" | "Any" | "Leader";
  readonly destination: Destination;
  readonly compression: "Gzip" | "None";
  readonly level: VerificationLevel;
  /** For the work as a whole, retries inside of it included. */
  readonly timeoutSeconds: number;
}

/** Fetches a stored artifact again and checks it at a level: `Restore` is the drill. */
export interface VerifyTask {
  readonly kind: "verify";
  readonly destination: Destination;
  readonly key: string;
  readonly level: VerificationLevel;
  /** What the artifact has to be, from whoever knew it: an artifact that is whole but another one is not taken. */
  readonly sha256?: string;
  readonly timeoutSeconds: number;
}

/** Deletes what retention does not keep, and sweeps what was left unfinished. */
export interface RetainTask {
  readonly kind: "retain";
  readonly destination: Destination;
  readonly cluster: { readonly namespace: string; readonly name: string; readonly uid: string };
  readonly schedule: string;
  readonly timeZone: string;
  readonly policy: RetentionPolicy;
  /** Names of backups that are kept whatever their age: labelled, or named by an open restore. */
  readonly held: readonly string[];
  /** Names of backups that failed a later check: they do not count as verified. */
  readonly distrusted: readonly string[];
  /** Names of the backups that there are objects of: those without an artifact are told. */
  readonly known: readonly string[];
  /** Only tells what would be deleted. */
  readonly dryRun: boolean;
  readonly timeoutSeconds: number;
}

/** Deletes one artifact: its EtcdBackup with `artifactPolicy: Delete` is being deleted. */
export interface DeleteTask {
  readonly kind: "delete";
  readonly destination: Destination;
  readonly key: string;
  /** The artifact of another cluster is left alone. */
  readonly clusterUid: string;
  readonly timeoutSeconds: number;
}

export type AgentTask = SnapshotTask | VerifyTask | RetainTask | DeleteTask;

/** Environment variables that an agent is told its work in. */
export const AGENT_VARIABLES = {
  /** An {@link AgentTask} as JSON. */
  task: "QUORATE_TASK",
  /** Directory for files of the store's size. */
  scratch: "QUORATE_SCRATCH_DIRECTORY",
  /** File that the result is written to. */
  terminationLog: "QUORATE_TERMINATION_LOG",
  /** Directory with the client's ca.crt, tls.crt and tls.key; without it members are reached without TLS. */
  clientTls: "QUORATE_CLIENT_TLS_DIRECTORY",
  /** Commands, where the image's path does not have them: a path, or a JSON list. */
  quoratectl: "QUORATE_QUORATECTL",
  server: "QUORATE_SERVER",
} as const;

/** What an agent's work came to, as the Pod's termination message. */
export type AgentResult =
  | { readonly ok: true; readonly kind: "snapshot"; readonly manifest: Manifest; readonly note?: string }
  | {
      readonly ok: true;
      readonly kind: "verify";
      readonly level: VerificationLevel;
      readonly durationSeconds: number;
      readonly revision: string;
      /** Revision of the server that was started with it. */
      readonly restoredRevision?: string;
      readonly sha256: string;
      readonly sizeBytes: number;
      readonly compression: "Gzip" | "None";
      readonly authEnabled?: boolean;
      readonly note?: string;
    }
  | {
      readonly ok: true;
      readonly kind: "retain";
      /** Names of backups whose artifacts are gone; with `dryRun`, that would be. */
      readonly deleted: readonly string[];
      /** Names of known backups whose artifacts are not there (any more). */
      readonly missing: readonly string[];
      /** True if there was more than one message can name: run again. */
      readonly more: boolean;
      readonly kept: KeptCounts;
      readonly artifacts: number;
      readonly totalSizeBytes: number;
      /** Artifacts without a manifest and unfinished writes that were swept. */
      readonly swept: number;
      /** What could not be deleted, such as what a lock holds. */
      readonly locked: number;
      /** Why nothing was deleted at all. */
      readonly blocked?: string;
    }
  | { readonly ok: true; readonly kind: "delete" }
  | { readonly ok: false; readonly reason: FailureReason; readonly message: string };

/** How many backups each tier keeps. */
export interface KeptCounts {
  readonly total: number;
  readonly last: number;
  readonly hourly: number;
  readonly daily: number;
  readonly weekly: number;
  readonly monthly: number;
  readonly yearly: number;
}

/** Kubernetes cuts termination messages at this many bytes. */
export const RESULT_BYTES_MAX = 4096;

/** What is told of one run of retention at most; the rest is for the next run. */
export const DELETIONS_MAX = 25;

const MESSAGE_CHARACTERS_MAX = 1000;

/** A result as a termination message, in at most {@link RESULT_BYTES_MAX} bytes. */
export function formatResult(result: AgentResult): string {
  if (result.ok) return JSON.stringify(result);
  // Every character may take six bytes in JSON.
  return JSON.stringify({ ...result, message: cut(result.message, Math.floor(MESSAGE_CHARACTERS_MAX / 2)) });
}

/** Reads a termination message; undefined if it is none of ours. */
export function parseResult(text: string): AgentResult | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { ok, kind, reason } = (value ?? {}) as {
    readonly ok?: unknown;
    readonly kind?: unknown;
    readonly reason?: unknown;
  };
  if (ok === true && typeof kind === "string") return value as AgentResult;
  if (ok === false && typeof reason === "string") return value as AgentResult;
  return undefined;
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
