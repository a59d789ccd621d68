/** For tests only: the suite that every `Backend` adapter passes, and the in-memory reference adapter. */
export type { BackendFixture, TestRunner } from "./backend-contract.ts";
export { backendContract } from "./backend-contract.ts";
export { MapBackend } from "./map-backend.ts";
