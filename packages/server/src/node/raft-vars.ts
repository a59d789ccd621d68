import type { RaftStatus } from "@quorate/raft";
import { hexId } from "../core/index.ts";

/** Names of what a member is, and of how a peer is fed, as etcd-io/raft prints them. */
const ROLES = {
  follower: "StateFollower",
  preCandidate: "StatePreCandidate",
  candidate: "StateCandidate",
  leader: "StateLeader",
} as const;
const PROGRESS = { probe: "StateProbe", replicate: "StateReplicate", snapshot: "StateSnapshot" } as const;

/** The raft status as `/debug/vars` of etcd shows it: IDs in hexadecimal, members' progress on a leader alone. */
export function raftVars(status: RaftStatus): Readonly<Record<string, unknown>> {
  const progress = status.peers.map(({ id, match, next, state }) => [
    hexId(id),
    { match, next, state: PROGRESS[state] },
  ]);
  return {
    id: hexId(status.id),
    term: status.term,
    vote: hexId(status.vote),
    commit: status.committed,
    lead: hexId(status.leader),
    raftState: ROLES[status.role],
    applied: status.applied,
    progress: Object.fromEntries(progress) as Readonly<Record<string, unknown>>,
    leadtransferee: hexId(status.transferee),
  };
}
