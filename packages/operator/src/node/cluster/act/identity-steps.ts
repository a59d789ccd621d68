import {
  ANNOTATIONS,
  authoritySecretName,
  CLAIMS,
  ETCD_CLUSTERS,
  LABELS,
  SECRETS,
  type Step,
} from "../../../core/index.ts";
import { type ActContext, type ActOutcome, DONE, keyOf, notNow } from "./act-context.ts";
import { versionOf } from "./member-steps.ts";

type StepOf<Kind extends Step["kind"]> = Extract<Step, { readonly kind: Kind }>;

/**
 * Records which cluster this is: on the volumes first and in the status last, so that a record is never the only one. Nothing is recorded
 * over the identity of another cluster, but for the one that a restore in place replaces.
 */
export async function recordIdentity(context: ActContext, step: StepOf<"RecordIdentity">): Promise<ActOutcome> {
  const { deps, sight } = context;
  const { name, namespace } = sight.settings;
  const [claims, secret, cluster] = await Promise.all([
    deps.api.list(CLAIMS, namespace, { [LABELS.cluster]: name }),
    deps.api.get(SECRETS, { namespace, name: authoritySecretName(name) }),
    deps.api.get(ETCD_CLUSTERS, { namespace, name }),
  ]);
  if (cluster === undefined || cluster.metadata.uid !== sight.cluster.metadata.uid)
    return notNow("the cluster is gone");
  const own = claims.filter(({ metadata }) => metadata.labels?.[LABELS.retired] !== "true");
  const isOurs = (id: string | undefined): boolean =>
    id === undefined || id === "" || id === step.clusterId || id === step.replaces;
  const marked = [...own, ...(secret === undefined ? [] : [secret])].map(
    ({ metadata }) => metadata.annotations?.[ANNOTATIONS.clusterId],
  );
  const other = [...marked, cluster.status?.clusterID].find((id) => !isOurs(id));
  if (other !== undefined) return notNow(`cluster ${other} is recorded here, not ${step.clusterId}`);
  for (const { metadata } of own) {
    if (metadata.annotations?.[ANNOTATIONS.clusterId] === step.clusterId) continue;
    if (!isSeedsClaim(context, metadata.labels?.[LABELS.member])) continue;
    await deps.api.patch(CLAIMS, keyOf(context, metadata.name), latchPatch(metadata.uid, step.clusterId));
  }
  if (secret !== undefined && secret.metadata.annotations?.[ANNOTATIONS.clusterId] !== step.clusterId) {
    const patch = latchPatch(secret.metadata.uid, step.clusterId);
    await deps.api.patch(SECRETS, keyOf(context, secret.metadata.name), patch);
  }
  if (cluster.status?.clusterID === step.clusterId) return DONE;
  const status = { ...cluster.status, clusterID: step.clusterId };
  await deps.api.patchStatus(ETCD_CLUSTERS, { namespace, name }, status, versionOf(cluster));
  return DONE;
}

/** A claim is the cluster's once its member has data: one that still waits for its first start may be thrown away. */
function isSeedsClaim({ sight }: ActContext, member: string | undefined): boolean {
  const answer = member === undefined ? undefined : sight.world.etcd.answers.get(member);
  const known = sight.members.find(({ metadata }) => metadata.name === member);
  return answer?.kind === "status" || known?.status?.joined === true;
}

function latchPatch(uid: string | undefined, clusterId: string): object {
  return { metadata: { uid, annotations: { [ANNOTATIONS.clusterId]: clusterId } } };
}
