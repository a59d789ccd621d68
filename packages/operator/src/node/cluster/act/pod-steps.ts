import {
  ETCD_BACKUPS,
  ETCD_MEMBERS,
  type EtcdMember,
  memberHost,
  memberPod,
  PEER_PORT,
  PODS,
  type RestoreSource,
  type Step,
  templateHash,
} from "../../../core/index.ts";
import { type ActContext, type ActOutcome, DONE, keyOf, liveMember, notNow } from "./act-context.ts";
import { traceOfCluster } from "./member-steps.ts";

type StepOf<Kind extends Step["kind"]> = Extract<Step, { readonly kind: Kind }>;

/** Restores in place raise the revision by more than was written since the snapshot, so that no watcher sees it run backwards. */
const REVISION_BUMP_IN_PLACE = 1_000_000_000;

export async function createPod(context: ActContext, step: StepOf<"CreatePod">): Promise<ActOutcome> {
  const { deps, sight } = context;
  const live = await liveMember(context, step.member);
  if (live === undefined) return notNow(`${step.member} is gone`);
  if (step.start.clusterState === "new" && live.spec.join === "New") {
    // A cluster is founded once: what was decided on an older view is not carried out over a newer one.
    const trace = await traceOfCluster(context, step.member);
    if (trace !== undefined) return notNow(trace);
  }
  const refusal = await whyNotJoining(context, step);
  if (refusal !== undefined) return notNow(refusal);
  const restore = live.spec.join === "Restore" && !step.start.mustHaveData ? await restoreSource(context) : undefined;
  if (typeof restore === "string") return { ...notNow(restore), event: { reason: "RestoreFailed" } };
  await noteTemplate(context, live);
  const pod = memberPod({
    settings: sight.settings,
    member: { name: step.member, uid: live.metadata.uid ?? "" },
    start: step.start,
    restore,
    isVoter: false,
  });
  await deps.api.create(PODS, pod);
  return DONE;
}

/** A member that joins is in the list before it starts; otherwise it would found a cluster or wait for one in vain. */
async function whyNotJoining(
  { sight }: ActContext,
  { member, start }: StepOf<"CreatePod">,
): Promise<string | undefined> {
  if (start.clusterState === "new" || start.mustHaveData || start.adopts === true) return undefined;
  if (start.forceEpoch !== undefined) return undefined;
  const { settings, world } = sight;
  const host = memberHost(settings.name, settings.namespace, member);
  const url = `${settings.hasPeerTls ? "https" : "http"}://${host}:${PEER_PORT}`;
  const lists = [world.etcd.list, ...world.etcd.localLists.values()];
  const isListed = lists.some((list) => list?.members.some(({ peerUrls }) => peerUrls.includes(url)) === true);
  return isListed ? undefined : `${member} is not in the member list`;
}

/** What its Pod was last made from, for those who look at the member. */
async function noteTemplate({ deps, sight }: ActContext, member: EtcdMember): Promise<void> {
  const { settings } = sight;
  const spec = { templateHash: templateHash(settings), version: settings.version };
  if (member.spec.templateHash === spec.templateHash && member.spec.version === spec.version) return;
  const { name, namespace = "", uid } = member.metadata;
  await deps.api.patch(ETCD_MEMBERS, { namespace, name }, { metadata: { uid }, spec });
}

/** Where the seed of a restored cluster gets its data; a sentence if that is not known. */
async function restoreSource(context: ActContext): Promise<RestoreSource | string> {
  const { deps, sight } = context;
  // What restores makes directories for Quorate, which etcd does not read.
  if (sight.settings.command[0] !== "quorate")
    return `snapshots are restored for images of Quorate only, not for ${sight.settings.image}`;
  const { restore } = sight.world;
  const artifact = restore?.status?.artifact;
  if (restore !== undefined && artifact !== undefined) {
    const revisionBump = restore.status?.revisionBump ?? restore.spec.revisionBump ?? REVISION_BUMP_IN_PLACE;
    const { destination, key, sha256 } = artifact;
    if (destination === undefined || key === undefined) return `restore ${restore.metadata.name} names no artifact`;
    return { destination, key, sha256, revisionBump };
  }
  const from = sight.settings.spec.bootstrap.restoreFrom;
  if (from?.object !== undefined) {
    const { destination, key, sha256 } = from.object;
    return { destination, key, sha256, revisionBump: from.revisionBump };
  }
  if (from?.backupName === undefined) return "there is nothing to restore from";
  const backup = await deps.api.get(ETCD_BACKUPS, keyOf(context, from.backupName));
  if (backup?.status?.phase !== "Completed" || backup.status.key === undefined) {
    return `backup ${from.backupName} is not there or not complete`;
  }
  const { key, sha256 } = backup.status;
  return { destination: backup.spec.destination, key, sha256, revisionBump: from.revisionBump };
}

export async function deletePod(context: ActContext, step: StepOf<"DeletePod">): Promise<ActOutcome> {
  const { api } = context.deps;
  const key = keyOf(context, step.pod);
  if (step.how === "Evict") {
    const outcome = await api.evict(key, { uid: step.uid });
    return outcome === "refused" ? notNow(`the disruption budget refuses to have ${step.pod} evicted`) : DONE;
  }
  await api.delete(PODS, key, { uid: step.uid, ...(step.how === "Force" ? { gracePeriodSeconds: 0 } : {}) });
  return DONE;
}
