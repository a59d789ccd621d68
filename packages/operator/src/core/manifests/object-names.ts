// Names of the objects that belong to a cluster. Those with the bare name are what users look for.

export function peerServiceName(cluster: string): string {
  return `${cluster}-peers`;
}

export function authoritySecretName(cluster: string): string {
  return `${cluster}-ca`;
}

export function operatorSecretName(cluster: string): string {
  return `${cluster}-operator`;
}

export function clientSecretName(cluster: string): string {
  return `${cluster}-client`;
}

export function authorityConfigMapName(cluster: string): string {
  return `${cluster}-ca-bundle`;
}

export function rootSecretName(cluster: string): string {
  return `${cluster}-root`;
}

export function memberSecretName(member: string): string {
  return `${member}-tls`;
}

export function memberClaimName(member: string): string {
  return `data-${member}`;
}

/** Host name of a member's Pod, found in every namespace of the Kubernetes cluster. */
export function memberHost(cluster: string, namespace: string, member: string): string {
  return `${member}.${peerServiceName(cluster)}.${namespace}.svc`;
}
