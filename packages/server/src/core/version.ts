/** The etcd release whose behaviour this server follows; clients switch features on by it. */
export const ETCD_VERSION = "3.7.1";
/** The cluster version a cluster of such members settles on. */
export const ETCD_CLUSTER_VERSION = "3.7.0";
/** Quorate's own release. */
export const QUORATE_VERSION = "0.1.0";
