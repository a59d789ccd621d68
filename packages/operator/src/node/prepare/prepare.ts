import { VolumeMarks } from "./incarnation.ts";
import type { PrepareTask } from "./prepare-task.ts";
import { type RestoreDeps, restoreData } from "./restore-data.ts";

/** How the init container ends. The planner knows these numbers. */
export const PREPARE_EXIT = {
  ready: 0,
  failed: 1,
  /** The member had joined, and its data is not here. */
  dataLost: 78,
  /** The volume is another member's. */
  foreignData: 79,
  /** A server was started here as a cluster of one for this recovery before: once more would throw out who has joined since. */
  alreadyForced: 80,
} as const;

export interface Prepared {
  readonly exitCode: number;
  readonly message: string;
}

/**
 * Looks at a member's volume before its server does. A server that finds an empty directory under a name that had joined would begin anew
 * with nothing; here it is stopped. The mark is written before the server first starts, so data without a mark is somebody else's.
 * Rejects when the volume cannot be read or written, or a snapshot not be restored: then it is tried again.
 */
export async function prepare(task: PrepareTask, deps: RestoreDeps): Promise<Prepared> {
  const marks = new VolumeMarks(task.volume);
  const refusal = whyNot(task, marks);
  if (refusal !== undefined) return refusal;
  if (task.restore !== undefined && marks.incarnation === undefined) {
    await restoreData(task, task.restore, marks, deps);
  }
  if (marks.incarnation !== task.memberUid) marks.incarnation = task.memberUid;
  return task.forceEpoch === undefined ? ready() : force(task.forceEpoch, marks);
}

function whyNot(task: PrepareTask, marks: VolumeMarks): Prepared | undefined {
  const { incarnation, hasData } = marks;
  const { memberUid, mustHaveData, adopts } = task;
  const needsData = mustHaveData || adopts || task.forceEpoch !== undefined;
  if (needsData && (incarnation === undefined || !hasData)) {
    return { exitCode: PREPARE_EXIT.dataLost, message: "the member's data is not on its volume" };
  }
  if (incarnation !== undefined && incarnation !== memberUid && !adopts) {
    const message = `the volume is that of member ${incarnation}, not of ${memberUid}`;
    return { exitCode: PREPARE_EXIT.foreignData, message };
  }
  // What a restore left behind before it came to its end is wiped with the next one.
  if (incarnation === undefined && hasData && task.restore === undefined) {
    return { exitCode: PREPARE_EXIT.foreignData, message: "there is data on the volume that no member has marked" };
  }
  return undefined;
}

/** Noted before the server runs: whether it then did or not, it is not done twice. */
function force(epoch: number, marks: VolumeMarks): Prepared {
  if (marks.recoveryEpoch >= epoch) {
    const message = `recovery ${marks.recoveryEpoch} was begun on this volume before`;
    return { exitCode: PREPARE_EXIT.alreadyForced, message };
  }
  marks.recoveryEpoch = epoch;
  return ready();
}

function ready(): Prepared {
  return { exitCode: PREPARE_EXIT.ready, message: "the volume is the member's" };
}
