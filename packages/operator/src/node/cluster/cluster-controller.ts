import type { Logger } from "@quorate/base";
import {
  type CertificateMaker,
  CLAIMS,
  CONFIG_MAPS,
  type Decision,
  DISRUPTION_BUDGETS,
  decide,
  ETCD_BACKUP_SCHEDULES,
  ETCD_BACKUPS,
  ETCD_CLUSTERS,
  ETCD_MEMBERS,
  ETCD_RESTORES,
  type EtcdBackup,
  type EtcdCluster,
  type EtcdRestore,
  isPaused,
  type KubeObject,
  LABELS,
  NODES,
  type ObjectKey,
  PODS,
  SERVICE_ACCOUNTS,
  SERVICES,
  type TlsProbe,
  type World,
  withDefaults,
} from "../../core/index.ts";
import { SocketTlsProbe, X509CertificateMaker } from "../pki/index.ts";
import type { Controller, ControllerDeps, ReconcileResult, Watch } from "../runtime/index.ts";
import { act } from "./act/act.ts";
import { derive } from "./derive/derive.ts";
import { releaseFormerMembers, releaseMembers } from "./former-members.ts";
import { MemberTls } from "./observe/member-tls.ts";
import { type ObserveDeps, observe, type Sight } from "./observe/observe.ts";
import { writeStatuses } from "./status-writer.ts";

/** Makes a decision of a world, and nothing else. */
export type Judge = (world: World) => Decision;

/** Milliseconds after which a step that was refused is thought over. */
const REFUSED_MS = 1_000;

/**
 * Runs etcd clusters as their EtcdClusters ask. A pass looks at everything, decides on one step at most, writes what it found, brings the
 * objects beside the members to what they are to be, takes the step, and never waits for its effect. Nothing is remembered between passes.
 * `judge` decides; simulations hand in one that is watched.
 */
export function createClusterController(
  deps: ControllerDeps,
  certificates: CertificateMaker = new X509CertificateMaker(),
  judge: Judge = decide,
  probe: TlsProbe = new SocketTlsProbe(),
): Controller {
  const own: ObserveDeps = { ...deps, certificates, memberTls: new MemberTls(probe, certificates, deps.clock) };
  return {
    name: "cluster",
    primary: ETCD_CLUSTERS,
    watches: watches(deps.options.canReadNodes),
    reconcile: (key) => reconcile(own, judge, key),
  };
}

async function reconcile(deps: ObserveDeps, judge: Judge, key: ObjectKey): Promise<ReconcileResult> {
  // Live: what is decided on is the spec as it is now, and what is written the status that was read.
  const found = await deps.api.get(ETCD_CLUSTERS, key);
  if (found === undefined) {
    await releaseMembers(deps, key);
    return {};
  }
  const cluster = withDefaults(found);
  const log = deps.log.child({ cluster: key.name, namespace: key.namespace });
  const { sight, decision } = await lookAndDecide(deps, judge, cluster);
  await writeStatuses(deps, sight, decision);
  for (const note of decision.events) deps.events.emit(cluster, note);
  if (mayWrite(sight)) {
    await releaseFormerMembers(deps, cluster);
    await derive(deps, sight, decision);
  }
  return await takeStep(deps, sight, decision, log);
}

/** A cluster that was as wanted most likely still is: to see that costs the API server no list of members. */
async function lookAndDecide(
  deps: ObserveDeps,
  judge: Judge,
  cluster: EtcdCluster,
): Promise<{ readonly sight: Sight; readonly decision: Decision }> {
  const { metadata, status } = cluster;
  if (status?.phase === "Running" && status.observedGeneration === metadata.generation) {
    const sight = await observe(deps, cluster, "cache");
    const decision = judge(sight.world);
    if (decision.step === undefined && decision.status.phase === "Running") return { sight, decision };
  }
  const sight = await observe(deps, cluster);
  return { sight, decision: judge(sight.world) };
}

async function takeStep(deps: ObserveDeps, sight: Sight, decision: Decision, log: Logger): Promise<ReconcileResult> {
  const { step, rule, requeueAfterMs } = decision;
  if (step === undefined) return { requeueAfterMs };
  const outcome = await act({ deps, sight }, step);
  if (outcome.kind === "done") {
    log.info("took a step", { rule, step });
    return { requeueAfterMs, step: step.kind };
  }
  log.info("a step was not taken", { rule, step, reason: outcome.why });
  if (outcome.event !== undefined) {
    deps.events.emit(sight.cluster, { type: "Warning", reason: outcome.event.reason, message: outcome.why });
  }
  return { requeueAfterMs: Math.max(requeueAfterMs, REFUSED_MS), step: step.kind };
}

/** Neither a cluster that is paused nor one on its way out, nor one that asks for what cannot be, has anything done beside the status. */
function mayWrite({ world }: Sight): boolean {
  const { cluster } = world;
  if (cluster.metadata.deletionTimestamp !== undefined || (world.specErrors ?? []).length > 0) return false;
  return isPaused(world) === undefined;
}

/** What a cluster consists of carries its name as a label; backups and restores name it in their specs. */
function watches(canReadNodes: boolean): readonly Watch[] {
  const labels = { [LABELS.cluster]: "" };
  const mapToPrimary = (object: KubeObject): ObjectKey | undefined =>
    keyIn(object, object.metadata.labels?.[LABELS.cluster]);
  return [
    ...[ETCD_MEMBERS, PODS, CLAIMS, SERVICES, CONFIG_MAPS, SERVICE_ACCOUNTS, DISRUPTION_BUDGETS].map((resource) => ({
      resource,
      labels,
      mapToPrimary,
    })),
    {
      resource: ETCD_RESTORES,
      mapToPrimary: (object) => keyIn(object, (object as EtcdRestore).spec.target.clusterName),
    },
    {
      resource: ETCD_BACKUPS,
      mapToPrimary: (object) => keyIn(object, (object as EtcdBackup).spec.clusterRef.name),
    },
    {
      resource: ETCD_BACKUP_SCHEDULES,
      mapToPrimary: (object) => keyIn(object, object.metadata.labels?.[LABELS.cluster]),
    },
    // Read, but no reason for a pass: nodes change all the time, and members are looked at often enough.
    ...(canReadNodes ? [{ resource: NODES, mapToPrimary: () => undefined }] : []),
  ];
}

function keyIn({ metadata }: KubeObject, name: string | undefined): ObjectKey | undefined {
  return name === undefined || name === "" ? undefined : { namespace: metadata.namespace ?? "", name };
}
