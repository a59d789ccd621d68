import {
  backupSchedule,
  clientService,
  clusterOwner,
  type Decision,
  DISRUPTION_BUDGETS,
  type DisruptionBudget,
  disruptionBudget,
  ETCD_BACKUP_SCHEDULES,
  ETCD_MEMBERS,
  KubeError,
  type KubeObject,
  POD_MONITORS,
  peerService,
  podMonitor,
  type Resource,
  SERVICE_ACCOUNTS,
  SERVICES,
  serviceAccount,
} from "../../../core/index.ts";
import type { ObserveDeps, Sight } from "../observe/observe.ts";
import { applyIfChanged } from "./apply-if-changed.ts";
import { markClaim } from "./claim-marks.ts";
import { ensureCredentials, ensureRootSecret } from "./credentials.ts";
import { markPod } from "./pod-marks.ts";
import { unlessGone } from "./unless-gone.ts";

/**
 * Brings everything beside members, volumes and Pods to what it is to be. The budget comes before the labels that it selects by: it is raised
 * before one more Pod counts.
 */
export async function derive(deps: ObserveDeps, sight: Sight, decision: Decision): Promise<void> {
  const { settings } = sight;
  await Promise.all([
    keep(deps, SERVICE_ACCOUNTS, serviceAccount(settings)),
    keep(deps, SERVICES, peerService(settings)),
    keep(deps, SERVICES, clientService(settings)),
    keepBudget(deps, sight, decision),
    keepSchedule(deps, sight),
    keepMonitor(deps, sight),
    ensureCredentials(deps, sight),
    ensureRootSecret(deps, sight),
    adoptMembers(deps, sight),
  ]);
  await Promise.all([
    ...sight.pods.map((pod) => unlessGone(markPod(deps, settings, decision, pod))),
    ...sight.claims.map((claim) => unlessGone(markClaim(deps, settings, claim))),
  ]);
}

async function keep<T extends KubeObject>(deps: ObserveDeps, resource: Resource<T>, wanted: T): Promise<void> {
  const { name, namespace = "" } = wanted.metadata;
  await applyIfChanged(deps.api, resource, wanted, await deps.cache.get(resource, { namespace, name }));
}

async function keepBudget(deps: ObserveDeps, { settings, world }: Sight, decision: Decision): Promise<void> {
  const isHealthy = decision.status.conditions?.find(({ type }) => type === "QuorumHealthy")?.status === "True";
  const mayEvictUnhealthy = isHealthy && world.restore === undefined && settings.spec.storage.medium === "Disk";
  const key = { namespace: settings.namespace, name: settings.name };
  if (decision.minAvailable !== undefined) {
    const options = { minAvailable: decision.minAvailable, mayEvictUnhealthy };
    const wanted = disruptionBudget(settings, options);
    const live = await deps.cache.get(DISRUPTION_BUDGETS, key);
    await applyIfChanged(deps.api, DISRUPTION_BUDGETS, wanted, live, budgetExpected(wanted, live));
    return;
  }
  await dropOwn(deps, DISRUPTION_BUDGETS, key, settings.uid);
}

/** API servers before 1.27 drop the policy for unhealthy Pods; to ask for it again with every pass would not change that. */
function budgetExpected(wanted: DisruptionBudget, live: DisruptionBudget | undefined): object {
  const { unhealthyPodEvictionPolicy, ...spec } = wanted.spec;
  const isKept = live?.spec.unhealthyPodEvictionPolicy !== undefined;
  return { metadata: wanted.metadata, spec: isKept ? { ...spec, unhealthyPodEvictionPolicy } : spec };
}

async function keepSchedule(deps: ObserveDeps, { settings }: Sight): Promise<void> {
  const wanted = backupSchedule(settings);
  if (wanted !== undefined) return await keep(deps, ETCD_BACKUP_SCHEDULES, wanted);
  const key = { namespace: settings.namespace, name: settings.name };
  await dropOwn(deps, ETCD_BACKUP_SCHEDULES, key, settings.uid);
}

/** Deletes an object that is not wanted any more, if it is of our making. */
async function dropOwn(
  deps: ObserveDeps,
  resource: Resource,
  key: { readonly namespace: string; readonly name: string },
  owner: string,
): Promise<void> {
  const live = await deps.cache.get(resource, key);
  if (live === undefined || live.metadata.deletionTimestamp !== undefined) return;
  if (live.metadata.ownerReferences?.some(({ uid, controller }) => uid === owner && controller === true) !== true)
    return;
  await deps.api.delete(resource, key, live.metadata.uid === undefined ? {} : { uid: live.metadata.uid });
}

/** Where the Prometheus operator is not installed there is nothing to do, and nothing wrong. */
async function keepMonitor(deps: ObserveDeps, { settings }: Sight): Promise<void> {
  if (!settings.spec.metrics.podMonitor.enabled) return;
  const wanted = podMonitor(settings);
  const { name, namespace = "" } = wanted.metadata;
  try {
    await applyIfChanged(deps.api, POD_MONITORS, wanted, await deps.api.get(POD_MONITORS, { namespace, name }));
  } catch (error) {
    if (!(error instanceof KubeError) || error.reason !== "NotFound") throw error;
  }
}

/** Members that lost their owner, as when the cluster was deleted without what belongs to it, belong to the cluster of that name. */
async function adoptMembers(deps: ObserveDeps, { settings, members }: Sight): Promise<void> {
  for (const { metadata } of members) {
    if (metadata.ownerReferences?.some(({ controller }) => controller === true) === true) continue;
    if (metadata.deletionTimestamp !== undefined) continue;
    const { name, namespace = "", uid } = metadata;
    const patch = { metadata: { uid, ownerReferences: [clusterOwner(settings)] } };
    await unlessGone(deps.api.patch(ETCD_MEMBERS, { namespace, name }, patch));
  }
}
