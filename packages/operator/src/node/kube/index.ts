export { CachedReader } from "./cached-reader.ts";
export type { InClusterDeps, KubeConnection, KubeCredentials, KubeTls } from "./connection.ts";
export { inClusterConnection, kubeconfigConnection } from "./connection.ts";
export type { InformerDeps, InformerScope, InformerSettings, ListWatch, RestartReason } from "./informer.ts";
export { INFORMER_DEFAULTS, Informer } from "./informer.ts";
export type { KubeClientDeps, ListPage, RequestRecord, WatchChange, WatchRequest } from "./kube-client.ts";
export { KubeClient } from "./kube-client.ts";
export { keyOf, keyText, selectorText } from "./resource-path.ts";
export { RestClient } from "./rest-client.ts";
