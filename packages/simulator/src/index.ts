export type { Internals } from "./internals.ts";
export { loadInternals } from "./internals.ts";
export type { Mutation } from "./mutations.ts";
export { mutations, NO_MUTATION } from "./mutations.ts";
export type { Figures, SimulationOptions, SimulationResult } from "./run.ts";
export { NODES_DEFAULT, STEPS_DEFAULT } from "./run.ts";
export { simulate } from "./simulate.ts";
export type { Property } from "./violation.ts";
export { Violation } from "./violation.ts";
