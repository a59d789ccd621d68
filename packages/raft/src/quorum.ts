import type { ConfState } from "./state.ts";

/** Where a vote stands. */
export type VoteOutcome = "pending" | "lost" | "won";

/** The position a member has acknowledged; undefined counts as 0. */
export type PositionOf = (id: bigint) => number | undefined;

/**
 * The highest position that a majority of `voters` has reached; infinite for no voters, so that an empty half of a joint
 * configuration decides nothing. PERF: an insertion sort of at most a handful of numbers.
 */
export function majorityPosition(voters: readonly bigint[], positionOf: PositionOf): number {
  const count = voters.length;
  if (count === 0) return Number.POSITIVE_INFINITY;
  if (count === 1) return positionOf(voters[0] as bigint) ?? 0;
  const descending: number[] = [];
  for (let i = 0; i < count; i++) {
    const position = positionOf(voters[i] as bigint) ?? 0;
    let at = i;
    while (at > 0 && (descending[at - 1] as number) < position) {
      descending[at] = descending[at - 1] as number;
      at--;
    }
    descending[at] = position;
  }
  return descending[count >> 1] as number;
}

/** The highest position on which both halves of the configuration agree. */
export function quorumPosition(conf: ConfState, positionOf: PositionOf): number {
  const incoming = majorityPosition(conf.voters, positionOf);
  return conf.votersOutgoing.length === 0
    ? incoming
    : Math.min(incoming, majorityPosition(conf.votersOutgoing, positionOf));
}

/** The outcome among `voters`; an empty list has won. */
export function majorityVote(voters: readonly bigint[], votes: ReadonlyMap<bigint, boolean>): VoteOutcome {
  const needed = voters.length === 0 ? 0 : (voters.length >> 1) + 1;
  let granted = 0;
  let open = 0;
  for (const id of voters) {
    const vote = votes.get(id);
    if (vote === undefined) open++;
    else if (vote) granted++;
  }
  if (granted >= needed) return "won";
  return granted + open >= needed ? "pending" : "lost";
}

/** The outcome in both halves: won where both are won, lost as soon as one is. */
export function quorumVote(conf: ConfState, votes: ReadonlyMap<bigint, boolean>): VoteOutcome {
  const incoming = majorityVote(conf.voters, votes);
  const outgoing = majorityVote(conf.votersOutgoing, votes);
  if (incoming === outgoing) return incoming;
  return incoming === "lost" || outgoing === "lost" ? "lost" : "pending";
}
