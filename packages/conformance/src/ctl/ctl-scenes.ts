import type { CtlScene } from "./ctl-step.ts";
import { AUTH, USERS_AND_ROLES } from "./scenes/access.ts";
import { ALARMS, CLUSTER, MEMBERS } from "./scenes/cluster.ts";
import { CONCURRENCY } from "./scenes/concurrency.ts";
import { COMPACTIONS, KEYS, TRANSACTIONS } from "./scenes/keys.ts";
import { LEASES } from "./scenes/leases.ts";
import { SNAPSHOTS } from "./scenes/snapshots.ts";
import { CHECKS, MIRRORS, PROGRAM } from "./scenes/tools.ts";
import { PROGRESS, WATCHES } from "./scenes/watches.ts";

/** Everything that etcdctl and quoratectl share. */
export const CTL_SCENES: readonly CtlScene[] = [
  KEYS,
  TRANSACTIONS,
  COMPACTIONS,
  WATCHES,
  PROGRESS,
  LEASES,
  CLUSTER,
  MEMBERS,
  ALARMS,
  SNAPSHOTS,
  USERS_AND_ROLES,
  AUTH,
  CONCURRENCY,
  MIRRORS,
  CHECKS,
  PROGRAM,
];
