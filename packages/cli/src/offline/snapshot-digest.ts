import type { SnapshotDigest } from "@quorate/storage";

/** What is wrong with the digest of a snapshot file, in etcd's words; undefined if nothing is. */
export function digestProblem({ computed, stored }: SnapshotDigest): string | undefined {
  if (stored.every((byte, i) => byte === computed[i])) return undefined;
  return `expected sha256 [${stored.join(" ")}], got [${computed.join(" ")}]`;
}
