export * from "./kube-kinds.ts";
