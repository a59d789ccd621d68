import { AppliedKinds } from "./applied-kinds.ts";

/** What has been done since the start, for metrics: plain numbers, because counting must cost nothing. */
export class Counts {
  /** Reads of a range, those that a put or a delete makes for its previous value and the compares of transactions too. */
  ranges = 0;
  puts = 0;
  deletes = 0;
  /** Requests that were more than one operation on the store. */
  txns = 0;
  /** Bytes of the keys and values of all puts. */
  putBytes = 0;
  proposalsFailed = 0;
  /** Read-index rounds whose answer came late or never. */
  slowReadIndexes = 0;
  /** Read-index rounds that could not be finished. */
  readIndexesFailed = 0;
  leasesGranted = 0;
  leasesRevoked = 0;
  leasesRenewed = 0;
  /** Leases that this member, leading, has revoked because their time was over. */
  leasesExpired = 0;
  /** Transactions of reads alone that were answered without an entry. */
  readonlyTxns = 0;
  /** Entries of the batch at hand, by kind and outcome. */
  readonly applied: AppliedKinds = new AppliedKinds();

  /** Takes note of one request's operations on the store. */
  operations(ranges: number, puts: number, deletes: number): void {
    this.ranges += ranges;
    this.puts += puts;
    this.deletes += deletes;
    if (ranges + puts + deletes > 1) this.txns++;
  }
}
