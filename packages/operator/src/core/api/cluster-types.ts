import type { clusterSpec } from "./cluster-spec.ts";
import type { clusterStatus } from "./cluster-status.ts";
import type { Given, Held } from "./schema/schema.ts";

/** The spec as the operator reads it: with the schema's defaults. */
export type EtcdClusterSpec = Held<typeof clusterSpec>;
/** The spec as a user writes it. */
export type EtcdClusterSpecInput = Given<typeof clusterSpec>;
export type EtcdClusterStatus = Held<typeof clusterStatus>;
