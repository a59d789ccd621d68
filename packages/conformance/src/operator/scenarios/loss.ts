import { mkdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { S3Server } from "../../kubernetes/s3-server.ts";
import { GROUP, isSettled, type ManagedCluster } from "../operator-world.ts";
import { LoadedCluster, type Scenario, type ScenarioContext, SETTLE_TIMEOUT_MS, timed } from "../scenario.ts";
import { lostWrites } from "../write-load.ts";

/** Bar 5: Pod and volume of one member of three are deleted under load. */
export const lostMember: Scenario = {
  name: "lost-member",
  summary: "Pod and volume of one of 3 members deleted under 200 puts a second",
  async run(context) {
    await using loaded = await LoadedCluster.start(context, "lost-member", {}, 3);
    await sleep(3000);
    const victim = (await loaded.cluster.get()).status?.members?.find(({ role }) => role === "Follower")?.name ?? "";
    const { seconds } = await timed(async () => {
      await loaded.cluster.loseMember(victim);
      await loaded.cluster.until(
        (cluster) => isSettled(cluster, 3) && cluster.status?.members?.every(({ name }) => name !== victim) === true,
        `${victim} to be replaced`,
        SETTLE_TIMEOUT_MS,
      );
    });
    context.progress(`${victim} replaced after ${seconds} s`);
    context.figure(`replaced in ${seconds} s`);
    await loaded.check(context);
    await loaded.remove(context);
  },
};

/** Bar 5: two of three members are gone with their data; the third is the survivor. */
export const lostQuorum: Scenario = {
  name: "lost-quorum",
  summary: "two of 3 members gone with their data; recovery from the survivor by one object",
  async run(context) {
    const { checks, figure, progress } = context;
    await using loaded = await LoadedCluster.start(context, "lost-quorum", {}, 3);
    await sleep(3000);
    // What is acknowledged from here on may be on the two that are lost; the bar is about what the survivor has.
    const report = await loaded.load.stop();
    await loaded.watch.stop();
    checks.equal("breaches before the loss", loaded.watch.breaches, []);
    await sleep(1000);
    const { status } = await loaded.cluster.get();
    const [survivor = "", ...lost] = (status?.members ?? []).map(({ name }) => name);
    await loseTogether(loaded.cluster, lost);
    const told = await timed(() =>
      loaded.cluster.until(
        (cluster) => cluster.status?.phase === "QuorumLost",
        "to tell of the loss",
        SETTLE_TIMEOUT_MS,
      ),
    );
    const rows = told.value.status?.survivors ?? [];
    checks.that(
      "the status names the survivor",
      rows.some(({ member, volume }) => member === survivor && volume === "Present"),
      JSON.stringify(rows),
    );
    progress(`the loss is told after ${told.seconds} s: ${told.value.status?.message ?? ""}`);
    const { seconds } = await timed(async () => {
      await restore(context, loaded.cluster, { survivor: "auto" }, status?.clusterID ?? "");
      await loaded.cluster.until((cluster) => isSettled(cluster, 3), "3 members again", SETTLE_TIMEOUT_MS);
    });
    figure(`loss told in ${told.seconds} s, 3 members again ${seconds} s after the request`);
    const [member] = loaded.members.serving();
    if (member === undefined) checks.that("a member serves", false);
    else checks.equal("lost writes", (await lostWrites(member, report.acknowledged)).slice(0, 5), []);
    await loaded.remove(context);
  },
};

/** Bar 5: all members are gone with their data; there is a verified snapshot in a store. */
export const lostEverything: Scenario = {
  name: "lost-everything",
  summary: "all 3 members gone with their data; recovery in place from a verified snapshot",
  async run(context) {
    const { world, checks, figure, progress } = context;
    const directory = world.kubernetes.file("s3");
    mkdirSync(directory, { recursive: true });
    await using store = await S3Server.start({
      host: world.kubernetes.kubelet.address(),
      directory,
      bucket: "backups",
    });
    await using loaded = await LoadedCluster.start(context, "lost-all", {}, 3);
    const { namespace, name } = loaded.cluster;
    await sleep(3000);
    const stringData = { accessKeyId: store.accessKeyId, secretAccessKey: store.secretAccessKey };
    await world.kubernetes.apply({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "store", namespace },
      stringData,
    });
    const s3 = { bucket: store.bucket, endpoint: store.endpoint, pathStyle: true, credentialsSecretName: "store" };
    const spec = { clusterRef: { name }, destination: { s3 }, verification: { level: "Restore" } };
    await world.kubernetes.apply({
      apiVersion: `${GROUP}/v1alpha1`,
      kind: "EtcdBackup",
      metadata: { name: "last", namespace },
      spec,
    });
    const taken = await timed(() => backupCompleted(context, namespace));
    const revision = Number(taken.value.status?.revision ?? 0);
    checks.equal("verification", taken.value.status?.verification?.result, "Passed");
    progress(`snapshot of revision ${revision} taken and verified after ${taken.seconds} s`);
    const report = await loaded.load.stop();
    await loaded.watch.stop();
    const { status } = await loaded.cluster.get();
    await loseTogether(
      loaded.cluster,
      (status?.members ?? []).map((member) => member.name),
    );
    await loaded.cluster.until(
      (cluster) => cluster.status?.phase === "QuorumLost",
      "to tell of the loss",
      SETTLE_TIMEOUT_MS,
    );
    const { seconds } = await timed(async () => {
      await restore(context, loaded.cluster, { backupName: "last" }, status?.clusterID ?? "");
      await loaded.cluster.until((cluster) => isSettled(cluster, 3), "3 members again", SETTLE_TIMEOUT_MS);
    });
    figure(`snapshot taken and verified in ${taken.seconds} s, 3 members again ${seconds} s after the request`);
    const [member] = loaded.members.serving();
    const kept = report.acknowledged.filter((write) => write.revision <= revision).length;
    checks.that("writes before the snapshot", kept > 0, `${kept} of ${report.acknowledged.length}`);
    if (member === undefined) checks.that("a member serves", false);
    else
      checks.equal("lost writes", (await lostWrites(member, report.acknowledged, "load/", revision)).slice(0, 5), []);
    await loaded.remove(context);
  },
};

interface Backup {
  readonly status?: {
    readonly phase?: string;
    readonly message?: string;
    readonly revision?: string;
    readonly verification?: { readonly result?: string };
  };
}

async function backupCompleted({ world }: ScenarioContext, namespace: string): Promise<Backup> {
  const path = `/apis/${GROUP}/v1alpha1/namespaces/${namespace}/etcdbackups/last`;
  const isOver = ({ status }: Backup): boolean => status?.phase === "Completed" || status?.phase === "Failed";
  const backup = await world.kubernetes.until<Backup>(path, isOver, "the backup to end", SETTLE_TIMEOUT_MS);
  if (backup.status?.phase === "Failed") throw new Error(`the backup failed: ${backup.status.message ?? ""}`);
  return backup;
}

/** Asks for a restore in place and waits until it is done. */
async function restore(
  { world, progress }: ScenarioContext,
  cluster: ManagedCluster,
  source: object,
  confirm: string,
): Promise<void> {
  const { namespace, name } = cluster;
  await world.kubernetes.apply({
    apiVersion: `${GROUP}/v1alpha1`,
    kind: "EtcdRestore",
    metadata: { name: "back", namespace },
    spec: { source, target: { clusterName: name }, mode: "InPlace", confirm },
  });
  interface Restore {
    readonly status?: { readonly phase?: string; readonly message?: string };
  }
  const path = `/apis/${GROUP}/v1alpha1/namespaces/${namespace}/etcdrestores/back`;
  const isOver = ({ status }: Restore): boolean => status?.phase === "Completed" || status?.phase === "Failed";
  const { status } = await world.kubernetes.until<Restore>(path, isOver, "the restore to end", SETTLE_TIMEOUT_MS);
  progress(`restore: ${status?.phase ?? ""} ${status?.message ?? ""}`);
  if (status?.phase === "Failed") throw new Error(`the restore failed: ${status.message ?? ""}`);
}

/** Loses members so close together that none can be replaced in between. */
async function loseTogether(cluster: ManagedCluster, names: readonly string[]): Promise<void> {
  await Promise.all(names.map((name) => cluster.loseMember(name)));
}
