import type { ObjectMeta, Pod } from "./pod.ts";
import { selects } from "./selectors.ts";

export interface Service {
  readonly metadata: ObjectMeta;
  readonly spec: {
    readonly selector?: Readonly<Record<string, string>>;
    readonly publishNotReadyAddresses?: boolean;
  };
}

const DOMAIN = "svc.cluster.local";

/**
 * The hosts file of a Pod, which stands for the cluster's DNS: the Pod's own names; each Service that selects Pods with all of
 * their addresses, whether it has a cluster address or not; and Pods with `hostname` and `subdomain` by their own name
 * below the Service. Only ready Pods have names, or all of those that run where the Service publishes them. Names of the
 * Pod's own namespace have a short form. There is no kube-proxy: a Service's port must be its target port.
 */
export function hostsFile(pod: Pod, podIp: string, services: readonly Service[], pods: readonly Pod[]): string {
  const { hostname, subdomain, hostAliases } = pod.spec;
  const own = hostname ?? pod.metadata.name;
  const qualified = subdomain === undefined ? [] : [`${own}.${subdomain}.${pod.metadata.namespace}.${DOMAIN}`];
  const lines = [`${podIp} localhost`, line(podIp, [...qualified, own])];
  for (const { ip, hostnames } of hostAliases ?? []) lines.push(line(ip, hostnames ?? []));
  for (const service of services) {
    const { name, namespace } = service.metadata;
    const isNear = namespace === pod.metadata.namespace;
    for (const each of pods.filter((candidate) => isBehind(candidate, service))) {
      const names = forms(name, namespace, isNear);
      if (each.spec.hostname !== undefined && each.spec.subdomain === name)
        names.push(...forms(`${each.spec.hostname}.${name}`, namespace, isNear));
      lines.push(line(each.status?.podIP ?? "", names));
    }
  }
  return `${lines.join("\n")}\n`;
}

/** As the endpoints controller decides it. */
function isBehind(pod: Pod, { metadata, spec }: Service): boolean {
  const { podIP, phase, conditions = [] } = pod.status ?? {};
  if (spec.selector === undefined || pod.metadata.namespace !== metadata.namespace) return false;
  if (!selects({ matchLabels: spec.selector }, pod.metadata.labels ?? {})) return false;
  if (podIP === undefined || phase === "Succeeded" || phase === "Failed") return false;
  if (spec.publishNotReadyAddresses === true) return true;
  if (pod.metadata.deletionTimestamp !== undefined) return false;
  return conditions.some(({ type, status }) => type === "Ready" && status === "True");
}

function forms(name: string, namespace: string, isNear: boolean): string[] {
  const long = [`${name}.${namespace}.${DOMAIN}`, `${name}.${namespace}.svc`, `${name}.${namespace}`];
  return isNear ? [...long, name] : long;
}

function line(address: string, names: readonly string[]): string {
  return `${address} ${names.join(" ")}`;
}
