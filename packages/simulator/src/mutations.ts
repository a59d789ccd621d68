import type { PlantedPorts } from "./host.ts";
import type { Internals } from "./internals.ts";

/** A bug that can be planted, to see whether it is found. Production code knows nothing of it. */
export interface Mutation {
  readonly name: string;
  /** What is wrong then. */
  readonly about: string;
  readonly ports: PlantedPorts;
  /** Changes raft's own parts for the time of a run; returns what undoes it. */
  readonly plant?: () => () => void;
}

const SOUND_PORTS: PlantedPorts = {
  dropsVote: false,
  reportsEarly: false,
  readsWithoutRound: false,
  installsOldSnapshots: false,
  barrierAhead: false,
  overlappingChanges: false,
};

/** Nothing is wrong. */
export const NO_MUTATION: Mutation = { name: "none", about: "nothing", ports: SOUND_PORTS };

function atPort(name: string, about: string, port: keyof PlantedPorts): Mutation {
  return { name, about, ports: { ...SOUND_PORTS, [port]: true } };
}

/** The planted bugs by name. Those inside raft need its parts: see internals.ts. */
export function mutations(internals: Internals): readonly Mutation[] {
  return [
    atPort("vote-not-persisted", "a vote is given without being written down", "dropsVote"),
    atPort("ack-before-sync", "a write counts as durable as soon as it is handed to the disk", "reportsEarly"),
    {
      name: "old-term-commit",
      about: "a leader commits an entry of an earlier term by counting who has it",
      ports: SOUND_PORTS,
      plant: () => commitOldTerms(internals),
    },
    atPort("stale-read", "a member that believes to lead answers reads at once", "readsWithoutRound"),
    atPort("old-snapshot", "a snapshot replaces a state that is newer", "installsOldSnapshots"),
    {
      name: "learner-in-quorum",
      about: "learners count when entries are committed",
      ports: SOUND_PORTS,
      plant: () => countLearners(internals),
    },
    atPort("two-changes", "a change of the membership begins before the last one is applied", "overlappingChanges"),
    atPort("index-ahead", "the stored applied index is ahead of the stored data", "barrierAhead"),
  ];
}

/** `advanceCommit` asks for the quorum's index, then for the commit index, then whether the term there is its own. */
function commitOldTerms({ RaftLog, Tracker }: Internals): () => void {
  const { quorumIndex } = Tracker.prototype;
  const { matches } = RaftLog.prototype;
  const committed = Object.getOwnPropertyDescriptor(RaftLog.prototype, "committed") as PropertyDescriptor;
  let counted: number | undefined;
  Tracker.prototype.quorumIndex = function (): number {
    counted = quorumIndex.call(this);
    return counted;
  };
  Object.defineProperty(RaftLog.prototype, "committed", {
    ...committed,
    get(this: unknown): number {
      const value = committed.get?.call(this) as number;
      if (counted !== undefined && counted <= value) counted = undefined;
      return value;
    },
  });
  RaftLog.prototype.matches = function (index, term): boolean {
    const isCounting = counted === index;
    counted = undefined;
    return isCounting ? typeof this.term(index) === "number" : matches.call(this, index, term);
  };
  return () => {
    Tracker.prototype.quorumIndex = quorumIndex;
    RaftLog.prototype.matches = matches;
    Object.defineProperty(RaftLog.prototype, "committed", committed);
  };
}

function countLearners({ Tracker }: Internals): () => void {
  const { quorumIndex } = Tracker.prototype;
  Tracker.prototype.quorumIndex = function (): number {
    const ids = [...this.conf.voters, ...this.conf.learners];
    const matches = ids.map((id) => this.get(id)?.match ?? 0).sort((a, b) => b - a);
    return matches[ids.length >> 1] ?? 0;
  };
  return () => {
    Tracker.prototype.quorumIndex = quorumIndex;
  };
}
