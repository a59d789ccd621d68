import { setTimeout as sleep } from "node:timers/promises";
import { isSettled } from "../operator-world.ts";
import { LoadedCluster, type Scenario, type ScenarioContext, SETTLE_TIMEOUT_MS, timed } from "../scenario.ts";

/** Members asked for, one after the other, from three; in short up, down to one at once, and up again. */
const SIZES = [5, 3, 1, 3];
const SHORT_SIZES = [5, 1, 3];

/** Members come and go under 200 puts a second. */
export const scale: Scenario = {
  name: "scale",
  summary: "3 → 5 → 3 → 1 → 3 members (in short 3 → 5 → 1 → 3) under 200 puts a second",
  async run(context) {
    await using loaded = await LoadedCluster.start(context, "scale", {}, 3);
    for (const replicas of context.isLong ? SIZES : SHORT_SIZES) {
      const { seconds } = await timed(async () => {
        await loaded.cluster.change({ replicas });
        await loaded.cluster.untilSettled(replicas, SETTLE_TIMEOUT_MS);
      });
      context.progress(`${replicas} members after ${seconds} s, ${loaded.load.count} writes`);
      context.figure(`to ${replicas} in ${seconds} s`);
      if (context.isLong) await sleep(30_000);
    }
    await loaded.check(context);
    await checkLeftOvers(context, loaded, 3);
    await loaded.remove(context);
  },
};

/** Bar 2: 3 → 0 → 3; the data is there again. */
export const hibernate: Scenario = {
  name: "hibernate",
  summary: "3 → 0 → 3 members under 200 puts a second",
  async run(context) {
    await using loaded = await LoadedCluster.start(context, "hibernate", {}, 3);
    await sleep(context.isLong ? 30_000 : 3000);
    const before = (await loaded.cluster.get()).status?.clusterID;
    loaded.watch.allowLoss(true);
    const down = await timed(async () => {
      await loaded.cluster.change({ replicas: 0 });
      await loaded.cluster.until(({ status }) => status?.phase === "Hibernated", "to sleep", SETTLE_TIMEOUT_MS);
    });
    context.checks.equal("Pods of a cluster that sleeps", (await loaded.cluster.pods()).length, 0);
    context.progress(`asleep after ${down.seconds} s, ${loaded.load.count} writes`);
    const up = await timed(async () => {
      await loaded.cluster.change({ replicas: 3 });
      await loaded.cluster.until((cluster) => isSettled(cluster, 3), "to wake", SETTLE_TIMEOUT_MS);
    });
    loaded.watch.allowLoss(false);
    context.progress(`awake after ${up.seconds} s`);
    context.figure(`to 0 in ${down.seconds} s, to 3 in ${up.seconds} s`);
    await sleep(2000);
    context.checks.equal("cluster ID", (await loaded.cluster.get()).status?.clusterID, before);
    await loaded.check(context, Number.POSITIVE_INFINITY);
    await loaded.remove(context);
  },
};

/** Nothing of members that left may be there still: objects, Pods or claims. */
async function checkLeftOvers({ world, checks }: ScenarioContext, loaded: LoadedCluster, count: number): Promise<void> {
  const { namespace } = loaded.cluster;
  for (const kind of ["etcdmembers", "pods", "persistentvolumeclaims"]) {
    const names = await world.kubernetes.kubectl(["get", kind, "-n", namespace, "-o", "name"]);
    checks.equal(`${kind} left`, names.split("\n").filter((name) => name !== "").length, count);
  }
}
