import {
  ANNOTATIONS,
  API_VERSION,
  authoritySecretName,
  CLAIMS,
  clusterLabels,
  ETCD_CLUSTERS,
  ETCD_MEMBERS,
  ETCD_RESTORES,
  KubeError,
  LABELS,
  LEAVE_FINALIZER,
  memberClaimName,
  memberObject,
  memberSecretName,
  PODS,
  restoreWithDefaults,
  SECRETS,
  type Step,
} from "../../../core/index.ts";
import { type ActContext, type ActOutcome, DONE, keyOf, liveMember, notNow } from "./act-context.ts";

type StepOf<Kind extends Step["kind"]> = Extract<Step, { readonly kind: Kind }>;

export async function createMember(context: ActContext, step: StepOf<"CreateMember">): Promise<ActOutcome> {
  const { deps, sight } = context;
  if (step.join === "New") {
    const trace = await traceOfCluster(context);
    if (trace !== undefined) return notNow(trace);
  }
  await deps.api.create(ETCD_MEMBERS, memberObject(sight.settings, step));
  return DONE;
}

/** Why no cluster may be founded here, read anew: a member, or the record of an identity anywhere. */
export async function traceOfCluster(context: ActContext, self?: string): Promise<string | undefined> {
  const { deps, sight } = context;
  const { name, namespace } = sight.settings;
  const own = { [LABELS.cluster]: name };
  const [cluster, members, claims, secret] = await Promise.all([
    deps.api.get(ETCD_CLUSTERS, { namespace, name }),
    deps.api.list(ETCD_MEMBERS, namespace, own),
    deps.api.list(CLAIMS, namespace, own),
    deps.api.get(SECRETS, { namespace, name: authoritySecretName(name) }),
  ]);
  if (cluster?.metadata.uid !== sight.cluster.metadata.uid) return "the cluster's object is gone";
  const other = members.find(({ metadata }) => metadata.name !== self);
  if (other !== undefined) return `there is a member already: ${other.metadata.name}`;
  const latch = [
    cluster?.status?.clusterID,
    secret?.metadata.annotations?.[ANNOTATIONS.clusterId],
    ...claims
      .filter(({ metadata }) => metadata.labels?.[LABELS.retired] !== "true")
      .map(({ metadata }) => metadata.annotations?.[ANNOTATIONS.clusterId]),
  ].find((id) => id !== undefined && id !== "");
  return latch === undefined ? undefined : `cluster ${latch} existed here`;
}

export async function markJoined(context: ActContext, step: StepOf<"MarkJoined">): Promise<ActOutcome> {
  const { deps, sight } = context;
  const live = await liveMember(context, step.member);
  if (live === undefined) return notNow(`${step.member} is gone`);
  const pod = sight.pods.find(({ metadata }) => metadata.labels?.[LABELS.member] === step.member);
  if (pod !== undefined && pod.metadata.annotations?.[ANNOTATIONS.joined] !== "true") {
    const patch = { metadata: { uid: pod.metadata.uid, annotations: { [ANNOTATIONS.joined]: "true" } } };
    await deps.api.patch(PODS, keyOf(context, pod.metadata.name), patch);
  }
  if (live.status?.joined === true && live.status.memberID === step.memberId) return DONE;
  const status = { ...live.status, joined: true, memberID: step.memberId };
  await deps.api.patchStatus(ETCD_MEMBERS, keyOf(context, step.member), status, versionOf(live));
  return DONE;
}

export async function markLeaving(context: ActContext, step: StepOf<"MarkLeaving">): Promise<ActOutcome> {
  return await patchSpec(context, step.member, { desiredRole: "Absent", leavingReason: step.reason });
}

export async function withdrawLeaving(context: ActContext, step: StepOf<"WithdrawLeaving">): Promise<ActOutcome> {
  return await patchSpec(context, step.member, { desiredRole: "Voter", leavingReason: null });
}

export async function setMemberEpoch(context: ActContext, step: StepOf<"SetMemberEpoch">): Promise<ActOutcome> {
  return await patchSpec(context, step.member, { recoveryEpoch: step.recoveryEpoch, seed: true });
}

async function patchSpec(context: ActContext, member: string, spec: object): Promise<ActOutcome> {
  const live = await liveMember(context, member);
  if (live === undefined) return notNow(`${member} is gone`);
  const patch = { metadata: { uid: live.metadata.uid, resourceVersion: live.metadata.resourceVersion }, spec };
  await context.deps.api.patch(ETCD_MEMBERS, keyOf(context, member), patch);
  return DONE;
}

/** Deleted first and let go second: should the operator end between the two, the member is still there to be let go. */
export async function forgetMember(context: ActContext, step: StepOf<"ForgetMember">): Promise<ActOutcome> {
  const { api } = context.deps;
  const live = await liveMember(context, step.member);
  if (live === undefined) return DONE;
  const rest = await whatIsLeft(context, step.member);
  if (rest !== undefined) return notNow(rest);
  const key = keyOf(context, step.member);
  await api.delete(SECRETS, keyOf(context, memberSecretName(step.member)));
  if (live.metadata.deletionTimestamp === undefined) {
    await api.delete(ETCD_MEMBERS, key, live.metadata.uid === undefined ? {} : { uid: live.metadata.uid });
  }
  const finalizers = (live.metadata.finalizers ?? []).filter((finalizer) => finalizer !== LEAVE_FINALIZER);
  try {
    await api.patch(ETCD_MEMBERS, key, { metadata: { uid: live.metadata.uid, finalizers } });
  } catch (error) {
    // Without a finalizer it was gone at once.
    if (!(error instanceof KubeError) || (error.reason !== "NotFound" && error.reason !== "Conflict")) throw error;
  }
  return DONE;
}

/** A member's object goes last: without it nobody would know whose its volume was. A cluster that is deleted lets everything go at once. */
async function whatIsLeft(context: ActContext, member: string): Promise<string | undefined> {
  if (context.sight.cluster.metadata.deletionTimestamp !== undefined) return undefined;
  const [pod, claim] = await Promise.all([
    context.deps.api.get(PODS, keyOf(context, member)),
    context.deps.api.get(CLAIMS, keyOf(context, memberClaimName(member))),
  ]);
  if (pod !== undefined) return `Pod ${member} is still there`;
  const isKept = claim?.metadata.labels?.[LABELS.retired] === "true";
  return claim === undefined || isKept ? undefined : `claim ${claim.metadata.name} is still there`;
}

/** By policy: what a user would write to have a quorum rebuilt from a survivor. Its name makes it one per identity and recovery. */
export async function requestRecovery(context: ActContext, step: StepOf<"RequestRecovery">): Promise<ActOutcome> {
  const { deps, sight } = context;
  const { name, namespace } = sight.settings;
  const epoch = (sight.cluster.status?.recoveryEpoch ?? 0) + 1;
  const restore = restoreWithDefaults({
    apiVersion: API_VERSION,
    kind: "EtcdRestore",
    metadata: { name: `${name}-recovery-${epoch}`, namespace, labels: clusterLabels(name) },
    spec: {
      source: { survivor: step.survivor },
      target: { clusterName: name },
      mode: "InPlace",
      confirm: step.confirm,
    },
  });
  await deps.api.create(ETCD_RESTORES, restore);
  return DONE;
}

export function versionOf({ metadata }: { readonly metadata: { readonly resourceVersion?: string } }): {
  readonly resourceVersion?: string;
} {
  return metadata.resourceVersion === undefined ? {} : { resourceVersion: metadata.resourceVersion };
}
