import {
  ANNOTATIONS,
  type Claim,
  type ClaimView,
  LABELS,
  memberClaimName,
  parseQuantity,
  type StorageClass,
} from "../../../core/index.ts";

/** `classes`: those that could be read, by name. */
export function claimView(claim: Claim, cluster: string, classes: ReadonlyMap<string, StorageClass>): ClaimView {
  const { metadata, spec, status } = claim;
  const isRetired = metadata.labels?.[LABELS.retired] === "true";
  const storageClass = spec.storageClassName === undefined ? undefined : classes.get(spec.storageClassName);
  return {
    name: metadata.name,
    uid: metadata.uid ?? "",
    member: isRetired ? undefined : metadata.labels?.[LABELS.member],
    serial: serialOf(metadata.name, cluster),
    phase: status?.phase ?? "Pending",
    isTerminating: metadata.deletionTimestamp !== undefined,
    isRetired,
    requested: parseQuantity(spec.resources.requests["storage"] ?? 0) ?? 0,
    capacity: parseQuantity(status?.capacity?.["storage"] ?? 0) ?? 0,
    needsRestartToGrow:
      status?.conditions?.some(({ type, status: is }) => type === "FileSystemResizePending" && is === "True") === true,
    storageClassName: spec.storageClassName,
    canExpand: storageClass === undefined ? undefined : storageClass.allowVolumeExpansion === true,
    clusterId: metadata.annotations?.[ANNOTATIONS.clusterId],
  };
}

/** NaN for a claim that is named otherwise. */
function serialOf(name: string, cluster: string): number {
  const prefix = memberClaimName(`${cluster}-`);
  return name.startsWith(prefix) ? Number(name.slice(prefix.length)) : Number.NaN;
}
