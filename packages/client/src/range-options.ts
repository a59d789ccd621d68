import { type RangeRequest, SortOrder, SortTarget } from "@quorate/protocol";
import { type KeySelection, keyFields } from "./key-range.ts";

/** What a range can be ordered by. */
export type SortBy = "key" | "version" | "createRevision" | "modRevision" | "value";

/** How keys are read. Revisions are those of the store; 0 or absent means the newest state, or no bound. */
export interface RangeOptions {
  /** Read the state after this revision. Errors: `compacted`, `futureRevision`. */
  readonly revision?: number | undefined;
  /** At most this many keys; `more` tells whether there are others. Default: all. */
  readonly limit?: number | undefined;
  readonly sortBy?: SortBy | undefined;
  /** Default `ascend`. */
  readonly order?: "ascend" | "descend" | undefined;
  /** Ask the one member only, without the leader: fast, works without a quorum, may be old. Default false. */
  readonly serializable?: boolean | undefined;
  /** Leave the values out. */
  readonly keysOnly?: boolean | undefined;
  /** Only count. */
  readonly countOnly?: boolean | undefined;
  /** Keys last changed in these revisions, both included. */
  readonly minModRevision?: number | undefined;
  readonly maxModRevision?: number | undefined;
  /** Keys created in these revisions, both included. */
  readonly minCreateRevision?: number | undefined;
  readonly maxCreateRevision?: number | undefined;
}

const SORT_TARGETS: Readonly<Record<SortBy, number>> = {
  key: SortTarget.KEY,
  version: SortTarget.VERSION,
  createRevision: SortTarget.CREATE,
  modRevision: SortTarget.MOD,
  value: SortTarget.VALUE,
};

/** The request for `selection`. An order is always explicit: without one, etcd sorts only what the limit left. */
export function rangeRequest(selection: KeySelection, options: RangeOptions): RangeRequest {
  return {
    ...keyFields(selection),
    limit: options.limit ?? 0,
    revision: options.revision ?? 0,
    sortOrder: sortOrder(options),
    sortTarget: SORT_TARGETS[options.sortBy ?? "key"],
    serializable: options.serializable ?? false,
    keysOnly: options.keysOnly ?? false,
    countOnly: options.countOnly ?? false,
    minModRevision: options.minModRevision ?? 0,
    maxModRevision: options.maxModRevision ?? 0,
    minCreateRevision: options.minCreateRevision ?? 0,
    maxCreateRevision: options.maxCreateRevision ?? 0,
  };
}

function sortOrder(options: RangeOptions): number {
  if (options.order === "descend") return SortOrder.DESCEND;
  return options.sortBy === undefined || options.sortBy === "key" ? SortOrder.NONE : SortOrder.ASCEND;
}
