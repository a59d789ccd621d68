export type {
  Controller,
  ControllerDeps,
  EventSink,
  OperatorOptions,
  ReconcileResult,
  Watch,
} from "./controller.ts";
export type { PassRecord, RunnerDeps, RunnerSettings } from "./controller-runner.ts";
export { ControllerRunner } from "./controller-runner.ts";
export { EventRecorder } from "./event-recorder.ts";
export { LeaderOnlyApi } from "./leader-only-api.ts";
export { LeaseElection } from "./lease-election.ts";
export type { Timers } from "./timers.ts";
export { NODE_TIMERS } from "./timers.ts";
export { WORK_QUEUE_DEFAULTS } from "./work-queue.ts";
