export type { WatchHubConfig, WatchHubDeps } from "./hub.ts";
export { WatchHub } from "./hub.ts";
export type { EventBatch, WatchSink, WatchStats } from "./sink.ts";
export { NO_WATCH_ID, REFUSED_DUPLICATE_ID, REFUSED_EMPTY_RANGE, REFUSED_NEGATIVE_REVISION } from "./sink.ts";
export type { WatchSource } from "./source.ts";
export type { WatchStream } from "./stream.ts";
