import type { SeededChoice } from "@quorate/testkit";

/** Something done to a cluster while requests go on. */
export type Disturbance =
  /** The member is made the leader. */
  | { readonly kind: "lead"; readonly member: number }
  /** The member ends by SIGKILL, or by SIGTERM, and is started again. */
  | { readonly kind: "kill" | "terminate"; readonly member: number }
  /** The member is away for longer than the leader keeps its log, so that it can only be caught up by a snapshot. */
  | { readonly kind: "outage"; readonly member: number }
  /** The member is said to be out of space for a while: all must refuse the same writes when they apply them. */
  | { readonly kind: "alarm"; readonly member: number };

const KINDS = ["lead", "kill", "terminate", "alarm", "outage"] as const;

/**
 * `count` disturbances: all kinds for all members in a random order, then again in another order without the outages, so
 * that every member leads, is killed and is ended in turn.
 */
export function drawDisturbances(choice: SeededChoice, members: number, count: number): readonly Disturbance[] {
  const drawn: Disturbance[] = [];
  while (drawn.length < count) {
    const kinds = drawn.length === 0 ? KINDS : KINDS.filter((kind) => kind !== "outage");
    const round = kinds.flatMap((kind) => Array.from({ length: members }, (_, member) => ({ kind, member })));
    drawn.push(...shuffle(choice, round));
  }
  return drawn.slice(0, count);
}

/** How many disturbances have each kind for each member at least once. */
export function fullRound(members: number): number {
  return KINDS.length * members;
}

function shuffle<T>(choice: SeededChoice, items: readonly T[]): readonly T[] {
  const left = [...items];
  return items.map(() => left.splice(choice.below(left.length), 1)[0] as T);
}
