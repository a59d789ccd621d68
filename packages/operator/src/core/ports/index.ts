export * from "./certificates.ts";
export * from "./etcd-api.ts";
export * from "./kube-api.ts";
export * from "./kube-object.ts";
export * from "./tls-probe.ts";
