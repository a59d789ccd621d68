export type { ClientEtcdApiOptions } from "./client-etcd-api.ts";
export { ClientEtcdApi } from "./client-etcd-api.ts";
