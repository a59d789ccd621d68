import { isAtLeast, type Membership } from "../../core/index.ts";

/** Since this release passwords travel as hashes, and a token names the log entry before the one that brings it. */
const HASHES_SINCE = "3.5.0";

/** Whether members of the cluster may be older than etcd 3.5. */
export function hasMembersBefore35({ clusterVersion }: Pick<Membership, "clusterVersion">): boolean {
  return clusterVersion !== undefined && !isAtLeast(clusterVersion, HASHES_SINCE);
}
