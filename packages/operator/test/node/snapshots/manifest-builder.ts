import { MANIFEST_FORMAT, type Manifest } from "../../../src/core/index.ts";

/** A whole manifest; tests name what matters to them. */
export function manifestOf(fields: Partial<Manifest> = {}): Manifest {
  return {
    formatVersion: MANIFEST_FORMAT,
    backup: { name: "demo-20260131t0405", uid: "b1" },
    cluster: { namespace: "default", name: "demo", uid: "0a1b2c3d-0000-0000-0000-000000000000", id: "abc", alarms: [] },
    member: { name: "demo-2", id: "8e9e05c52164694d", role: "Follower", version: "3.6.4" },
    storageVersion: "3.6.0",
    revision: "1234",
    compactRevision: "1000",
    hashKV: "4294967295",
    fileHash: "0badcafe",
    raftTerm: 2,
    raftIndex: 1300,
    totalKeys: 230,
    key: "default/demo/0a1b2c3d/20260131T040500Z-1234-89abcdef.db",
    compression: "None",
    sizeBytes: 20_480,
    storedSizeBytes: 20_480,
    sha256: "a".repeat(64),
    storedSha256: "a".repeat(64),
    startedAt: "2026-01-31T04:05:00Z",
    finishedAt: "2026-01-31T04:05:09Z",
    tool: "quorate-operator 0.1.0",
    verification: { level: "Open", time: "2026-01-31T04:05:08Z", durationSeconds: 2 },
    ...fields,
  };
}
