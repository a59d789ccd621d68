export { clusterDomainOf } from "./cluster-domain.ts";
export type { FlagSource, FlagSpec, FlagValue, ParsedFlags } from "./flags.ts";
export { flagHelp, parseFlags } from "./flags.ts";
export { nearestName } from "./nearest-name.ts";
export type { RunConfig, RunConfigOutcome } from "./run-config.ts";
export { ENVIRONMENT_PREFIX, parseRunConfig, RUN_FLAGS } from "./run-config.ts";
