import type { Logger } from "@quorate/base";
import type { WatchHub } from "@quorate/mvcc";
import type { Snapshot } from "@quorate/raft";
import type { Checkpoints } from "../core/index.ts";
import type { PhysicalCompaction, WatchCatchUp } from "./background.ts";
import type { Member } from "./member.ts";
import type { Peers } from "./peers.ts";

export interface SnapshotInstallDeps {
  readonly member: Member;
  readonly peers: Peers;
  readonly checkpoints: Checkpoints;
  readonly compaction: PhysicalCompaction;
  readonly catchUp: WatchCatchUp;
  readonly watchHub: WatchHub;
  readonly logger: Logger;
}

/**
 * Replaces the state machine by a snapshot that has arrived. What works on it in the background pauses, the storage goes over
 * durably, and then every part of the machine reads its state anew. Peer protocol page, section 7.
 */
export function installSnapshot(deps: SnapshotInstallDeps, snapshot: Snapshot, done: (error?: Error) => void): void {
  const { catchUp, checkpoints, compaction, logger, member, peers, watchHub } = deps;
  const { index, term } = snapshot;
  const path = peers.snapshots.pathOf(index);
  if (path === undefined) {
    done(new Error(`the database of the snapshot at index ${index} is not here`));
    return;
  }
  const beginMs = performance.now();
  logger.info("applying snapshot", { "snapshot-index": index, "snapshot-term": term });
  const before = member.membership.list();
  const finish = (error?: Error): void => {
    compaction.resume();
    catchUp.resume();
    checkpoints.resume();
    if (error === undefined) {
      peers.snapshots.installed(index);
      member.alarms.reload();
      member.auth.reload();
      member.membership.reload();
      peers.reconcile(before);
      watchHub.onRestored();
      compaction.start();
      const tookMs = Math.round(performance.now() - beginMs);
      logger.info("applied snapshot", { "snapshot-index": index, took: `${tookMs}ms` });
    }
    done(error);
  };
  compaction.pause();
  catchUp.pause();
  checkpoints.hold(() => {
    const { hardState } = member.raftLog.initialState();
    // Entries behind the snapshot may be committed already, but they are written behind it: without them it cannot be said yet.
    const upToHere = { ...hardState, commit: Math.min(hardState.commit, index) };
    member.storage.installSnapshot(path, snapshot, upToHere, (error) => {
      if (error !== undefined) {
        finish(error);
        return;
      }
      member.lessor.restore();
      member.store.restore(finish);
    });
  });
}
