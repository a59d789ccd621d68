/** What has been done since the start, for metrics: plain numbers, because counting must cost nothing. */
export class Counts {
  ranges = 0;
  puts = 0;
  deletes = 0;
  txns = 0;
  /** Bytes of the keys and values of all puts. */
  putBytes = 0;
  proposalsFailed = 0;
  leasesGranted = 0;
  leasesRevoked = 0;
  leasesRenewed = 0;
  leasesExpired = 0;
}
