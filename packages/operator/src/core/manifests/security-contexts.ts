/** A user without a name on any node, as container images without a shell have it. */
const USER = 65_532;

/** The `restricted` profile of Kubernetes' Pod security standards. */
export const POD_SECURITY: Readonly<Record<string, unknown>> = {
  runAsNonRoot: true,
  runAsUser: USER,
  runAsGroup: USER,
  fsGroup: USER,
  // Volumes with millions of files would otherwise be walked at every start.
  fsGroupChangePolicy: "OnRootMismatch",
  seccompProfile: { type: "RuntimeDefault" },
};

export const CONTAINER_SECURITY: Readonly<Record<string, unknown>> = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ["ALL"] },
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
};
