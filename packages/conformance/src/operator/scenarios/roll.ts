import type { EtcdCluster } from "../operator-world.ts";
import { LoadedCluster, type Scenario, SETTLE_TIMEOUT_MS, timed } from "../scenario.ts";

type Change = readonly [string, object];

// The members report their own version whatever their image's tag: it is the tag that is changed.
const SEPARATE_CHANGES: readonly Change[] = [
  ["version", { version: "3.7.2" }],
  ["configuration", { config: { maxTxnOps: 256 } }],
];
const BOTH: Change = ["version and configuration", { version: "3.7.3", config: { maxTxnOps: 512 } }];

/** Bar 6: a change of the version and of the configuration of three members under load. */
export const roll: Scenario = {
  name: "roll",
  summary: "a rolling change of version and configuration of 3 members under 200 puts a second",
  async run(context) {
    await using loaded = await LoadedCluster.start(context, "roll", { version: "3.7.1" }, 3);
    const changes = context.isLong ? [...SEPARATE_CHANGES, BOTH] : [BOTH];
    for (const [what, spec] of changes) {
      const before = await loaded.cluster.pods();
      const leaderChanges = loaded.watch.figures.leaderChanges;
      const { seconds } = await timed(async () => {
        await loaded.cluster.change(spec);
        await loaded.cluster.until((cluster) => isRolled(cluster, 3), `the change of ${what}`, SETTLE_TIMEOUT_MS);
      });
      const kept = (await loaded.cluster.pods()).filter(({ metadata }) =>
        before.some((old) => old.metadata.uid === metadata.uid),
      );
      context.checks.equal(`Pods that outlived the change of ${what}`, kept.length, 0);
      const moves = loaded.watch.figures.leaderChanges - leaderChanges;
      context.checks.equal(`changes of the leader with the ${what}`, moves, 1);
      context.figure(`${what} in ${seconds} s`);
      context.progress(`${what} changed in ${seconds} s, leader moved ${moves} times, ${loaded.load.count} writes`);
    }
    await loaded.check(context);
    await loaded.remove(context);
  },
};

function isRolled({ status }: EtcdCluster, replicas: number): boolean {
  const isReady = (status?.conditions ?? []).some(({ type, status: is }) => type === "Ready" && is === "True");
  return status?.updatedReplicas === replicas && status.readyReplicas === replicas && isReady;
}
