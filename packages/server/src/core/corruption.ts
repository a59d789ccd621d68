/** Hash of a member's key space at a revision, as the member tells it. All 32 bits, unsigned. */
export interface SpaceHash {
  readonly hash: number;
  /** Compacted revision that the hash takes into account; -1 if there was none. */
  readonly compactRevision: number;
}

/** A hash with the revision that its member was at. */
export interface CurrentHash extends SpaceHash {
  readonly currentRevision: number;
}

/** What another member answered; undefined where it did not, or has no hash of that revision. */
export interface PeerAnswer {
  readonly id: bigint;
  readonly answer: CurrentHash | undefined;
}

/** Whose data is wrong, and how that showed, in etcd's words. */
export interface Suspicion {
  readonly memberId: bigint;
  readonly reason: string;
}

/** Stands for "some member, it cannot be said which". */
const UNKNOWN_MEMBER = 0n;

/**
 * A member that has just opened its data asks whether it is the others': those whose hash of the same revision, with the same
 * compacted revision, is another one. Peer protocol page, section 17.
 */
export function membersThatDiffer(own: SpaceHash, peers: readonly PeerAnswer[]): readonly bigint[] {
  return peers.filter(({ answer }) => isOtherThan(own, answer)).map(({ id }) => id);
}

export interface PeriodicInput {
  /** The leader. */
  readonly self: bigint;
  /** Its hash before the others were asked for theirs of the same revision, and once a quorum has confirmed it behind that. */
  readonly first: CurrentHash;
  readonly second: CurrentHash;
  readonly peers: readonly PeerAnswer[];
}

/**
 * Whose data the leader doubts first when it compares that of all members; undefined when there is no reason. A follower cannot be
 * ahead of the leader, nor have compacted more. Peer protocol page, section 17.
 */
export function firstSuspicion({ self, first, second, peers }: PeriodicInput): Suspicion | undefined {
  if (second.currentRevision === first.currentRevision && isOtherThan(first, second)) {
    return { memberId: self, reason: "found hash mismatch" };
  }
  for (const { id, answer } of peers) {
    if (answer === undefined) continue;
    if (answer.currentRevision > second.currentRevision) {
      return { memberId: id, reason: "revision from follower must be less than or equal to leader's" };
    }
    if (answer.compactRevision > second.compactRevision) {
      return { memberId: id, reason: "compact revision from follower must be less than or equal to leader's" };
    }
    if (isOtherThan(first, answer)) return { memberId: id, reason: "same compact revision then hashes must match" };
  }
  return undefined;
}

/** What comparing the hashes that members stored at one compaction came to. */
export type CompactionVerdict =
  | { readonly kind: "equal" }
  /** Some member could not be compared: an older compaction may tell more. */
  | { readonly kind: "incomplete"; readonly checked: number }
  /** Members whose hash is not the majority's; member 0 where there is none. */
  | { readonly kind: "different"; readonly suspects: readonly bigint[] };

/** Compares the leader's hash of a compaction with the others'. Peer protocol page, section 17. */
export function compareCompaction(self: bigint, own: SpaceHash, peers: readonly PeerAnswer[]): CompactionVerdict {
  const byHash = new Map<number, bigint[]>([[own.hash, [self]]]);
  let checked = 0;
  for (const { id, answer } of peers) {
    if (answer === undefined || answer.compactRevision !== own.compactRevision) continue;
    checked++;
    const same = byHash.get(answer.hash);
    if (same === undefined) byHash.set(answer.hash, [id]);
    else same.push(id);
  }
  if (byHash.size === 1) return checked === peers.length ? { kind: "equal" } : { kind: "incomplete", checked };
  const quorum = Math.floor((peers.length + 1) / 2) + 1;
  const groups = [...byHash.values()];
  const majority = groups.find((ids) => ids.length >= quorum);
  const suspects = majority === undefined ? [UNKNOWN_MEMBER] : groups.filter((ids) => ids !== majority).flat();
  return { kind: "different", suspects };
}

function isOtherThan(one: SpaceHash, other: SpaceHash | undefined): boolean {
  return other !== undefined && other.compactRevision === one.compactRevision && other.hash !== one.hash;
}
