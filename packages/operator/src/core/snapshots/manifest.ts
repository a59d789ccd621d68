/** How deep an artifact was checked. */
export type VerificationLevel = "Digest" | "Open" | "Restore";

/**
 * What is known of an artifact, written beside it once everything else is there: an artifact without a manifest does not exist for
 * restores. Times are RFC 3339; IDs and revisions are text, since JSON numbers lose bits.
 */
export interface Manifest {
  readonly formatVersion: typeof MANIFEST_FORMAT;
  readonly backup: { readonly name: string; readonly uid: string };
  /** Absent for backups made by hand. */
  readonly schedule?: { readonly name: string; readonly scheduledAt: string };
  readonly cluster: {
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
    /** Hexadecimal. */
    readonly id: string;
    /** Absent where the server does not tell (etcd before 3.5). */
    readonly authEnabled?: boolean;
    /** As `NOSPACE 8e9e05c52164694d`. */
    readonly alarms: readonly string[];
  };
  readonly member: {
    readonly name: string;
    readonly id: string;
    readonly role: "Leader" | "Follower";
    readonly version: string;
  };
  /** Of the store's format; empty from servers before 3.6. */
  readonly storageVersion: string;
  readonly revision: string;
  /** Absent together with `hashKV`, when the member had compacted the revision before it could be asked. */
  readonly compactRevision?: string;
  /** HashKV of the living member at `revision`. */
  readonly hashKV?: string;
  /** Hash of the store as its file has it, in hexadecimal: what `quoratectl snapshot status` prints. */
  readonly fileHash: string;
  readonly raftTerm: number;
  /** The member had applied at least this. */
  readonly raftIndex: number;
  readonly totalKeys: number;
  /** Key of the artifact in the destination. */
  readonly key: string;
  readonly compression: "Gzip" | "None";
  /** Bytes, as the member sent it, with the digest at its end. */
  readonly sizeBytes: number;
  readonly storedSizeBytes: number;
  /** Of the bytes as the member sent them. */
  readonly sha256: string;
  /** Of the bytes in the store. */
  readonly storedSha256: string;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly tool: string;
  readonly verification: {
    readonly level: VerificationLevel;
    readonly time: string;
    readonly durationSeconds: number;
    readonly restoredRevision?: string;
  };
}

/** Raised when readers of the former format would misread the new one. */
export const MANIFEST_FORMAT = 1;

/** Far more than a manifest has: what is larger is none. */
export const MANIFEST_BYTES_MAX = 64 * 1024;

/** A manifest as it is stored. */
export function formatManifest(manifest: Manifest): string {
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

/** Reads a manifest; what is wrong with it in one sentence if it is none. Fields that it does not know are left alone. */
export function parseManifest(
  text: string,
): { readonly manifest: Manifest } | { readonly manifest: undefined; readonly problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { manifest: undefined, problem: "it is not JSON" };
  }
  const problem = manifestProblem(value);
  return problem === undefined ? { manifest: value as Manifest } : { manifest: undefined, problem };
}

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string" && value !== "";
const isDecimal: Check = (value) => typeof value === "string" && /^[0-9]{1,20}$/.test(value);
const isDigest: Check = (value) => typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
const isSize: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;

/** Everything that a reader relies on. */
const CHECKS: readonly (readonly [path: string, check: Check])[] = [
  ["backup.name", isText],
  ["cluster.name", isText],
  ["cluster.namespace", isText],
  ["cluster.uid", isText],
  ["cluster.id", isText],
  ["revision", isDecimal],
  ["fileHash", isText],
  ["totalKeys", isSize],
  ["key", isText],
  ["compression", (value) => value === "Gzip" || value === "None"],
  ["sizeBytes", isSize],
  ["storedSizeBytes", isSize],
  ["sha256", isDigest],
  ["storedSha256", isDigest],
  ["startedAt", isText],
  ["finishedAt", isText],
  ["verification.level", (value) => value === "Digest" || value === "Open" || value === "Restore"],
];

function manifestProblem(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return "it is no object";
  const version = fieldOf(value, "formatVersion");
  if (version !== MANIFEST_FORMAT) return `its format is ${String(version)}, this program reads ${MANIFEST_FORMAT}`;
  for (const [path, check] of CHECKS) {
    if (!check(fieldOf(value, path))) return `its field ${path} is missing or wrong`;
  }
  return undefined;
}

function fieldOf(value: unknown, path: string): unknown {
  let at: unknown = value;
  for (const name of path.split(".")) {
    if (typeof at !== "object" || at === null) return undefined;
    at = (at as Readonly<Record<string, unknown>>)[name];
  }
  return at;
}
