import type { Container, Pod, SecurityContext } from "./pod.ts";

/** What of a Pod the restricted profile of the Pod Security Standards forbids; the parts of it that manifests can get wrong. */
export function restrictedViolations(pod: Pick<Pod, "spec">): readonly string[] {
  const { spec } = pod;
  const problems: string[] = [];
  for (const key of ["hostNetwork", "hostPID", "hostIPC"] as const) {
    if (spec[key] === true) problems.push(`host namespaces (${key}=true)`);
  }
  for (const volume of spec.volumes ?? []) {
    const kind = Object.keys(volume).find((key) => key !== "name") ?? "emptyDir";
    if (!ALLOWED_VOLUMES.has(kind)) problems.push(`restricted volume types (volume "${volume.name}" uses ${kind})`);
  }
  for (const container of [...(spec.initContainers ?? []), ...spec.containers])
    problems.push(...containerViolations(container, spec.securityContext));
  return problems;
}

const ALLOWED_VOLUMES = new Set(
  "configMap csi downwardAPI emptyDir ephemeral persistentVolumeClaim projected secret".split(" "),
);

function containerViolations(container: Container, pod: SecurityContext | undefined): readonly string[] {
  const own = container.securityContext ?? {};
  const problems: string[] = [];
  const name = `container "${container.name}" must set`;
  if (own.privileged === true) problems.push(`privileged (${container.name})`);
  if (own.allowPrivilegeEscalation !== false) problems.push(`${name} securityContext.allowPrivilegeEscalation=false`);
  if (own.capabilities?.drop?.includes("ALL") !== true)
    problems.push(`${name} securityContext.capabilities.drop=["ALL"]`);
  if ((own.capabilities?.add ?? []).some((each) => each !== "NET_BIND_SERVICE"))
    problems.push(`unrestricted capabilities (${container.name})`);
  if ((own.runAsNonRoot ?? pod?.runAsNonRoot) !== true) problems.push(`${name} securityContext.runAsNonRoot=true`);
  if ((own.runAsUser ?? pod?.runAsUser) === 0) problems.push(`runAsUser=0 (${container.name})`);
  const profile = own.seccompProfile?.type ?? pod?.seccompProfile?.type;
  if (profile !== "RuntimeDefault" && profile !== "Localhost")
    problems.push(`${name} securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`);
  return problems;
}
