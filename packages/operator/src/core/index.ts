export * from "./api/index.ts";
export * from "./kinds/index.ts";
export * from "./manifests/index.ts";
export * from "./plan/index.ts";
export * from "./ports/index.ts";
export * from "./snapshots/index.ts";
export * from "./world/index.ts";
