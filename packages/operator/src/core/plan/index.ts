export { clientUrlOf, memberName, peerUrlOf, serialIn } from "./addresses.ts";
export { decide } from "./decide.ts";
export { ALREADY_FORCED_EXIT, DATA_LOST_EXIT, FOREIGN_DATA_EXIT } from "./facts/facts.ts";
export { isPaused } from "./gates/index.ts";
export { CONDITION_TYPES } from "./status/conditions.ts";
