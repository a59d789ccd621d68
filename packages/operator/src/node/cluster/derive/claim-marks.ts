import { CLAIMS, type Claim, type ClusterSettings, claimOwners, LABELS, memberLabels } from "../../../core/index.ts";
import type { ObserveDeps } from "../observe/observe.ts";
import { covers } from "./apply-if-changed.ts";

/** Brings a claim's labels, annotations and owner to what the spec asks. Who owns it decides whether it outlives the cluster. */
export async function markClaim(
  deps: Pick<ObserveDeps, "api">,
  settings: ClusterSettings,
  claim: Claim,
): Promise<void> {
  const { metadata } = claim;
  const member = metadata.labels?.[LABELS.member];
  if (metadata.deletionTimestamp !== undefined || metadata.labels?.[LABELS.retired] === "true") return;
  if (member === undefined) return;
  const { labels, annotations } = settings.spec.storage;
  const owners = claimOwners(settings);
  const wanted = { labels: { ...labels, ...memberLabels(settings.name, member) }, annotations };
  const hasOwner = metadata.ownerReferences?.map(({ uid }) => uid).join() === owners.map(({ uid }) => uid).join();
  const isOwned = hasOwner || ((metadata.ownerReferences ?? []).length === 0 && owners.length === 0);
  if (isOwned && covers(metadata, wanted)) return;
  const { name, namespace = "", uid } = metadata;
  await deps.api.patch(CLAIMS, { namespace, name }, { metadata: { uid, ...wanted, ownerReferences: owners } });
}
