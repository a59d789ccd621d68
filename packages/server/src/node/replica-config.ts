import type { ReplicaConfig } from "../core/index.ts";
import type { ServerConfig } from "./config/index.ts";
import { requestTimeoutMs } from "./request-timeout.ts";

const MIB = 1024 * 1024;
/** etcd's bound on entries committed but not applied. */
const APPLY_BACKLOG_MAX = 5000;
/** Payload of the applied log that is kept for members that are behind; it lies on disk. */
const CATCH_UP_BYTES_MAX = 256 * MIB;
/** etcd's figures: a read-index request is repeated, the log behind a delivered snapshot is kept. */
const READ_RETRY_MS = 500;
const SNAPSHOT_GRACE_MS = 30_000;
const HELD_PROPOSAL_BYTES_MAX = 64 * MIB;

/** Bounds and timeouts of the replica, in its ticks. */
export function replicaConfig(config: ServerConfig): ReplicaConfig {
  const ticks = (ms: number): number => Math.ceil(ms / config.heartbeatIntervalMs);
  return {
    applyBacklogMax: APPLY_BACKLOG_MAX,
    requestTimeoutTicks: ticks(requestTimeoutMs(config)),
    catchUpEntries: config.snapshotCatchupEntries,
    catchUpBytesMax: CATCH_UP_BYTES_MAX,
    electionTicks: Math.floor(config.electionTimeoutMs / config.heartbeatIntervalMs),
    readRetryTicks: ticks(READ_RETRY_MS),
    heldProposalBytesMax: HELD_PROPOSAL_BYTES_MAX,
    snapshotGraceTicks: ticks(SNAPSHOT_GRACE_MS),
  };
}
