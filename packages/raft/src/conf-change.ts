/** What a single change does; the numbers are the wire's. */
export const ConfChangeType = { AddNode: 0, RemoveNode: 1, UpdateNode: 2, AddLearnerNode: 3 } as const;
/** One of {@link ConfChangeType}. */
export type ConfChangeType = number;

/**
 * How a change is carried out; the numbers are the wire's. Auto: at once where that is safe, else like JointImplicit.
 * JointImplicit: through a joint configuration that is left by itself. JointExplicit: it is left when told.
 */
export const ConfChangeTransition = { Auto: 0, JointImplicit: 1, JointExplicit: 2 } as const;
/** One of {@link ConfChangeTransition}. */
export type ConfChangeTransition = number;

/** One member joins, leaves or changes its standing. Member 0 means: no change (a cancelled one). */
export interface ConfChangeSingle {
  readonly type: ConfChangeType;
  readonly nodeId: bigint;
}

/** A change of one member: what etcd's log holds. `context` belongs to the host. Source: raftpb `ConfChange`. */
export interface ConfChange extends ConfChangeSingle {
  readonly id: bigint;
  readonly context: Uint8Array;
}

/**
 * A change of any number of members. With transition Auto and no changes at all it leaves the joint configuration.
 * `context` belongs to the host. Source: raftpb `ConfChangeV2`.
 */
export interface ConfChangeV2 {
  readonly transition: ConfChangeTransition;
  readonly changes: readonly ConfChangeSingle[];
}

/** A {@link ConfChange} in the general form. */
export function confChangeV2(change: ConfChangeSingle): ConfChangeV2 {
  return { transition: ConfChangeTransition.Auto, changes: [{ type: change.type, nodeId: change.nodeId }] };
}

/** The change that leaves a joint configuration. */
export const LEAVE_JOINT: ConfChangeV2 = { transition: ConfChangeTransition.Auto, changes: [] };

/** Whether the change leaves a joint configuration. */
export function leavesJoint(change: ConfChangeV2): boolean {
  return change.transition === ConfChangeTransition.Auto && change.changes.length === 0;
}

/** Whether the change has to go through a joint configuration. */
export function needsJoint(change: ConfChangeV2): boolean {
  return change.transition !== ConfChangeTransition.Auto || change.changes.length > 1;
}

/** Whether the joint configuration that the change enters is left by itself. */
export function leavesByItself(change: ConfChangeV2): boolean {
  return change.transition !== ConfChangeTransition.JointExplicit;
}
