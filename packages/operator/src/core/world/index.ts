export * from "./decision.ts";
export * from "./step.ts";
export * from "./world.ts";
