/** What the planted bugs need of raft's log. */
export interface RaftLogPart {
  term(index: number): number | string;
  matches: (this: RaftLogPart, index: number, term: number) => boolean;
}

/** What they need of its tracker. */
export interface TrackerPart {
  readonly conf: { readonly voters: readonly bigint[]; readonly learners: readonly bigint[] };
  get(id: bigint): { readonly match: number } | undefined;
  quorumIndex: (this: TrackerPart) => number;
}

/** Classes that raft does not export. */
export interface Internals {
  readonly RaftLog: { readonly prototype: RaftLogPart };
  readonly Tracker: { readonly prototype: TrackerPart };
}

/**
 * Loads parts of raft that its entry point does not show, and that therefore nothing but a planted bug may touch: the very
 * modules that the entry point uses, so that what is changed in them is changed for the whole process.
 */
export async function loadInternals(): Promise<Internals> {
  const isSource = import.meta.url.endsWith(".ts");
  const partOf = async (name: string): Promise<unknown> => {
    const path = `../../raft/${isSource ? `src/${name}.ts` : `dist/${name}.js`}`;
    return import(path);
  };
  const { RaftLog } = (await partOf("log")) as Pick<Internals, "RaftLog">;
  const { Tracker } = (await partOf("tracker")) as Pick<Internals, "Tracker">;
  return { RaftLog, Tracker };
}
