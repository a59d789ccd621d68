import type { Node, Pod, PodAffinityTerm, SpreadConstraint, Toleration } from "./pod.ts";
import { type Labels, meets, selects } from "./selectors.ts";

/** A node that fits, or why none does, in the words of the real scheduler. */
export type Placement =
  | { readonly kind: "node"; readonly node: string }
  | { readonly kind: "unschedulable"; readonly message: string };

/**
 * Chooses a node for a Pod as a scheduler would: node selector, required node affinity, taints, required anti-affinity and
 * hard spreading decide which nodes fit; of these the one with the fewest Pods that preferred anti-affinity and soft
 * spreading keep apart, then the fewest Pods at all. Resources are not counted: the nodes are one machine.
 */
export function placePod(pod: Pod, nodes: readonly Node[], pods: readonly Pod[]): Placement {
  const placed = pods.filter((other) => other.spec.nodeName !== undefined && !isOver(other));
  const reasons = new Map<string, number>();
  const fitting: { readonly node: Node; readonly cost: number }[] = [];
  for (const node of nodes) {
    const reason = misfit(pod, node, nodes, placed);
    if (reason === undefined) fitting.push({ node, cost: costOf(pod, node, nodes, placed) });
    else reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  fitting.sort((a, b) => a.cost - b.cost || compare(a.node.metadata.name, b.node.metadata.name));
  const best = fitting[0];
  if (best !== undefined) return { kind: "node", node: best.node.metadata.name };
  const counted = [...reasons].map(([reason, count]) => `${count} ${reason}`).join(", ");
  return { kind: "unschedulable", message: `0/${nodes.length} nodes are available: ${counted}.` };
}

function misfit(pod: Pod, node: Node, nodes: readonly Node[], placed: readonly Pod[]): string | undefined {
  if (!isReady(node)) return "node(s) were not ready";
  if (node.spec?.unschedulable === true) return "node(s) were unschedulable";
  const taint = (node.spec?.taints ?? []).find(
    (each) => each.effect !== "PreferNoSchedule" && !(pod.spec.tolerations ?? []).some((t) => tolerates(t, each)),
  );
  if (taint !== undefined)
    return `node(s) had taint {${taint.key}: ${taint.value ?? ""}}, that the pod didn't tolerate`;
  if (!matchesNode(pod, labelsOf(node))) return "node(s) didn't match node selector";
  const apart = pod.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  if (apart.some((term) => neighbours(pod, term, node, nodes, placed) > 0))
    return "node(s) didn't match pod anti-affinity rules";
  const hard = (pod.spec.topologySpreadConstraints ?? []).filter((c) => c.whenUnsatisfiable === "DoNotSchedule");
  if (hard.some((constraint) => skewWith(pod, constraint, node, nodes, placed) > constraint.maxSkew))
    return "node(s) didn't match pod topology spread constraints";
  return undefined;
}

function costOf(pod: Pod, node: Node, nodes: readonly Node[], placed: readonly Pod[]): number {
  const preferred = pod.spec.affinity?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const soft = (pod.spec.topologySpreadConstraints ?? []).filter((c) => c.whenUnsatisfiable === "ScheduleAnyway");
  const close = preferred.reduce(
    (sum, { weight, podAffinityTerm }) => sum + weight * neighbours(pod, podAffinityTerm, node, nodes, placed),
    0,
  );
  const skew = soft.reduce((sum, constraint) => sum + skewWith(pod, constraint, node, nodes, placed), 0);
  const load = placed.filter((other) => other.spec.nodeName === node.metadata.name).length;
  return (close + skew) * 1000 + load;
}

function matchesNode(pod: Pod, labels: Labels): boolean {
  const exact = Object.entries(pod.spec.nodeSelector ?? {}).every(([key, value]) => labels[key] === value);
  const terms = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return exact && (terms === undefined || terms.some((term) => meets(term.matchExpressions, labels)));
}

/** How many Pods that a term keeps apart are in the node's domain of the term's topology. */
function neighbours(
  pod: Pod,
  term: PodAffinityTerm,
  node: Node,
  nodes: readonly Node[],
  placed: readonly Pod[],
): number {
  const namespaces = term.namespaces ?? [pod.metadata.namespace];
  const domain = domainOf(node, term.topologyKey);
  return placed.filter(
    (other) =>
      namespaces.includes(other.metadata.namespace) &&
      selects(term.labelSelector, other.metadata.labels ?? {}) &&
      domain !== undefined &&
      domainOfPod(other, nodes, term.topologyKey) === domain,
  ).length;
}

/** How uneven the domains would be with the Pod on this node. */
function skewWith(
  pod: Pod,
  constraint: SpreadConstraint,
  node: Node,
  nodes: readonly Node[],
  placed: readonly Pod[],
): number {
  const counts = new Map<string, number>();
  for (const each of nodes) {
    const domain = domainOf(each, constraint.topologyKey);
    if (domain !== undefined && matchesNode(pod, labelsOf(each))) counts.set(domain, 0);
  }
  for (const other of placed) {
    if (other.metadata.namespace !== pod.metadata.namespace) continue;
    if (other.metadata.deletionTimestamp !== undefined) continue;
    if (!selects(constraint.labelSelector, other.metadata.labels ?? {})) continue;
    const domain = domainOfPod(other, nodes, constraint.topologyKey);
    if (domain !== undefined && counts.has(domain)) counts.set(domain, (counts.get(domain) ?? 0) + 1);
  }
  const own = domainOf(node, constraint.topologyKey);
  if (own === undefined) return Number.POSITIVE_INFINITY;
  return (counts.get(own) ?? 0) + 1 - Math.min(...counts.values());
}

function domainOfPod(pod: Pod, nodes: readonly Node[], topologyKey: string): string | undefined {
  const node = nodes.find((each) => each.metadata.name === pod.spec.nodeName);
  return node === undefined ? undefined : domainOf(node, topologyKey);
}

function domainOf(node: Node, topologyKey: string): string | undefined {
  return labelsOf(node)[topologyKey];
}

function tolerates(toleration: Toleration, taint: { readonly key: string; readonly value?: string; effect: string }) {
  if (toleration.effect !== undefined && toleration.effect !== "" && toleration.effect !== taint.effect) return false;
  if (toleration.key === undefined || toleration.key === "") return toleration.operator === "Exists";
  if (toleration.key !== taint.key) return false;
  return toleration.operator === "Exists" || (toleration.value ?? "") === (taint.value ?? "");
}

function isReady(node: Node): boolean {
  return (node.status?.conditions ?? []).some(({ type, status }) => type === "Ready" && status === "True");
}

function isOver(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

function labelsOf(node: Node): Labels {
  return node.metadata.labels ?? {};
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
