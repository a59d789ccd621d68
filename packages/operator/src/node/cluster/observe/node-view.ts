import type { Node, NodeView } from "../../../core/index.ts";

const ZONE = "topology.kubernetes.io/zone";
const OUT_OF_SERVICE = "node.kubernetes.io/out-of-service";

export function nodeView({ metadata, spec, status }: Node): NodeView {
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  const isReady = ready?.status === "True";
  return {
    name: metadata.name,
    ready: isReady,
    notReadySinceMs: isReady ? undefined : Date.parse(ready?.lastTransitionTime ?? "") || undefined,
    zone: metadata.labels?.[ZONE],
    isOutOfService: spec?.taints?.some(({ key }) => key === OUT_OF_SERVICE) === true,
  };
}
