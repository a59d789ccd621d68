export type { ContractCase, LogStorageFixture } from "./log-storage-contract.ts";
export { logStorageContract } from "./log-storage-contract.ts";
