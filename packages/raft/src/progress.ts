import { assert } from "@quorate/base";

import { Inflights } from "./inflights.ts";

/**
 * How the leader feeds a peer. probe: the peer's position is a guess, one append at a time. replicate: it is known, appends
 * are streamed. snapshot: it lies before the log, nothing is sent until the snapshot has settled.
 */
export type ProgressState = "probe" | "replicate" | "snapshot";

/** What the leader knows of one peer. Invariant: `match < next`. Source: etcd-io/raft tracker/progress.go. */
export class Progress {
  readonly id: bigint;
  /** Highest index known to be durable there. */
  match = 0;
  /** Index of the next entry to send. */
  next: number;
  state: ProgressState = "probe";
  /** In snapshot state: the index of the snapshot on its way. */
  pendingSnapshot = 0;
  /** Whether it was heard of since the last check of the quorum. */
  recentActive = false;
  /** When it was last heard of in this term; long ago if never. */
  heardAtTick: number = Number.NEGATIVE_INFINITY;
  /** Nothing more is sent until something is heard. */
  flowPaused = false;
  /** The highest commit index it was told. */
  sentCommit = 0;
  readonly inflights: Inflights;

  constructor(id: bigint, next: number, limits: { readonly inflightMsgs: number; readonly inflightBytes: number }) {
    this.id = id;
    this.next = next;
    this.inflights = new Inflights(limits.inflightMsgs, limits.inflightBytes);
  }

  /** Forgets everything, as at the beginning of a term. */
  reset(next: number): void {
    this.match = 0;
    this.next = next;
    this.recentActive = false;
    this.heardAtTick = Number.NEGATIVE_INFINITY;
    this.sentCommit = 0;
    this.#enter("probe");
  }

  /** It has answered at `tick`. */
  heard(tick: number): void {
    this.recentActive = true;
    this.heardAtTick = tick;
  }

  get paused(): boolean {
    return this.state === "snapshot" || this.flowPaused;
  }

  becomeProbe(): void {
    const floor = this.state === "snapshot" ? this.pendingSnapshot : 0;
    this.#enter("probe");
    this.next = Math.max(this.match, floor) + 1;
    this.#clampSentCommit();
  }

  becomeReplicate(): void {
    this.#enter("replicate");
    this.next = this.match + 1;
  }

  becomeSnapshot(index: number): void {
    this.#enter("snapshot");
    this.pendingSnapshot = index;
    this.next = index + 1;
    this.sentCommit = index;
  }

  /** An append with `count` entries of `bytes` payload has been sent, telling of `commit`. */
  sent(count: number, bytes: number, commit: number): void {
    if (this.state === "replicate") {
      if (count > 0) {
        this.next += count;
        this.inflights.add(this.next - 1, bytes);
      }
      // One that fills the window is a probe as well: it is the last until something is heard.
      this.flowPaused = this.inflights.full;
    } else {
      assert(this.state === "probe", "nothing is appended while a snapshot is on its way");
      if (count > 0) this.flowPaused = true;
    }
    this.sentCommit = commit;
  }

  /** Whether an append without entries would tell it something about `commit`. */
  canLearnCommit(commit: number): boolean {
    return commit > this.sentCommit && this.sentCommit < this.next - 1;
  }

  /** It acknowledged everything up to `index`. False if that is no news. */
  acknowledge(index: number): boolean {
    if (index <= this.match) return false;
    this.match = index;
    this.next = Math.max(this.next, index + 1);
    this.flowPaused = false;
    return true;
  }

  /** It rejected an append behind index `rejected` and its log may match at `hint`. False if the rejection is out of date. */
  reject(rejected: number, hint: number): boolean {
    if (this.state === "replicate") {
      if (rejected <= this.match) return false;
      this.next = this.match + 1;
    } else {
      if (this.next - 1 !== rejected) return false;
      this.next = Math.max(Math.min(rejected, hint + 1), this.match + 1);
      this.flowPaused = false;
    }
    this.#clampSentCommit();
    return true;
  }

  #enter(state: ProgressState): void {
    this.state = state;
    this.flowPaused = false;
    this.pendingSnapshot = 0;
    this.inflights.reset();
  }

  #clampSentCommit(): void {
    this.sentCommit = Math.min(this.sentCommit, this.next - 1);
  }
}
