import type { Container, Pod, ResourceFieldRef } from "./pod.ts";

/** What the kubelet knows of a running Pod that its object may not tell yet. */
export interface PodAddress {
  readonly podIp: string;
  readonly hostIp: string;
}

const UNITS: Readonly<Record<string, number>> = {
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** A quantity such as `250m` or `8Gi` as a number. Throws for what is none. */
export function quantity(text: string): number {
  const [, digits, unit = ""] = /^([0-9.]+)([A-Za-z]*)$/.exec(text) ?? [];
  const factor = unit === "" ? 1 : UNITS[unit];
  if (digits === undefined || factor === undefined) throw new Error(`not a quantity: ${text}`);
  return Number(digits) * factor;
}

/** The value of a `fieldRef`. Throws, naming the path, for one that Pods do not have. */
export function podField(pod: Pod, path: string, address: PodAddress): string {
  const subscript = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (subscript?.[1] !== undefined && subscript[2] !== undefined) {
    return (pod.metadata[subscript[1] as "labels" | "annotations"] ?? {})[subscript[2]] ?? "";
  }
  switch (path) {
    case "metadata.name":
      return pod.metadata.name;
    case "metadata.namespace":
      return pod.metadata.namespace;
    case "metadata.uid":
      return pod.metadata.uid;
    case "metadata.labels":
      return keyedLines(pod.metadata.labels);
    case "metadata.annotations":
      return keyedLines(pod.metadata.annotations);
    case "spec.nodeName":
      return pod.spec.nodeName ?? "";
    case "spec.serviceAccountName":
      return pod.spec.serviceAccountName ?? "";
    case "status.podIP":
    case "status.podIPs":
      return address.podIp;
    case "status.hostIP":
      return address.hostIp;
    default:
      throw new Error(`unsupported fieldPath ${path}`);
  }
}

/** The value of a `resourceFieldRef`, rounded up as the kubelet does; 0 for what is not limited. */
export function resourceField(container: Container, { resource, divisor }: ResourceFieldRef): string {
  const [kind, name = ""] = resource.split(".", 2);
  const amounts = kind === "limits" ? container.resources?.limits : container.resources?.requests;
  const amount = amounts?.[name];
  if (amount === undefined) return "0";
  const unit = divisor === undefined || divisor === "0" ? 1 : quantity(divisor);
  return String(Math.ceil(quantity(amount) / unit));
}

function keyedLines(values: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(values ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join("\n");
}
