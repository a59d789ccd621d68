/** Structured logs in etcd's shape, on outputs that never hold up the event loop. */
export { openLog, type ServerLog } from "./open-log.ts";
export { StructuredLogger } from "./structured-logger.ts";
