export type { GrantRefusal, LeaseCheckpoint, LeaseTimes, RenewRefusal } from "./lease.ts";

export type { LessorConfig, LessorDeps } from "./lessor.ts";
export { LEASE_TTL_SECONDS_MAX, Lessor } from "./lessor.ts";
