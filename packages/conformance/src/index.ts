export { peerProgram, REPOSITORY_ROOT, runMain, targetProgram, wholeNumber } from "./command-line.ts";
export type { Message, Outcome } from "./etcd-api.ts";
export { EtcdApi, encodeRequest, hasMethod } from "./etcd-api.ts";
