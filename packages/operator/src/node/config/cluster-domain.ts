const DEFAULT = "cluster.local";

/** Domain of the Kubernetes cluster as a Pod's resolver configuration has it: what follows `NAMESPACE.svc.` in its search list. */
export function clusterDomainOf(resolverConfiguration: string): string {
  for (const line of resolverConfiguration.split("\n")) {
    const [keyword, ...domains] = line.trim().split(/\s+/);
    if (keyword !== "search") continue;
    for (const domain of domains) {
      const match = /^[^.]+\.svc\.(?<domain>.+?)\.?$/.exec(domain);
      if (match?.groups?.["domain"] !== undefined) return match.groups["domain"];
    }
  }
  return DEFAULT;
}
