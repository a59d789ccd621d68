import { SeededChoice, seedFromEnvironment } from "@quorate/testkit";
import type { ProxiedCall } from "../../kubernetes/api-proxy.ts";
import { LoadedCluster, type Scenario, SETTLE_TIMEOUT_MS, timed } from "../scenario.ts";

/** Requests that change something between two kills, at most: small enough to fall into every step of a change of size. */
const CHANGES_MAX = 12;

/** Bar 4: the operator is killed at requests drawn at random while members come and go under load. */
export const kills: Scenario = {
  name: "kills",
  summary: "the operator killed at 20 changes drawn at random during 3 → 5 → 3 → 1 → 3",
  async run(context) {
    const { world, checks, progress, figure, isLong } = context;
    const wanted = isLong ? 20 : 6;
    const seed = seedFromEnvironment(1);
    const choice = new SeededChoice(seed);
    await using loaded = await LoadedCluster.start(context, "kills", {}, 3);
    let killed = 0;
    // Each change of size has its share: an operator that is killed needs half a minute to lead again.
    let allowed = 0;
    let left = choice.below(CHANGES_MAX);
    world.proxy.decide(async (call) => {
      if (killed >= allowed || !isChange(call) || left-- > 0) return { kind: "pass" };
      killed += 1;
      left = choice.below(CHANGES_MAX);
      // Before the API server hears of the request, or once it has answered and nobody takes the answer any more.
      const isBefore = choice.below(2) === 0;
      progress(`kill ${killed} ${isBefore ? "before" : "after"} ${call.method} ${call.path}`);
      if (isBefore) await world.killOperators();
      else setTimeout(() => void world.killOperators(), 5);
      return { kind: "drop", when: isBefore ? "before" : "after" };
    });
    try {
      const sizes = isLong ? [5, 3, 1, 3] : [5, 3];
      for (const [i, replicas] of sizes.entries()) {
        allowed = Math.ceil((wanted * (i + 1)) / sizes.length);
        const { seconds } = await timed(async () => {
          await loaded.cluster.change({ replicas });
          await loaded.cluster.untilSettled(replicas, 2 * SETTLE_TIMEOUT_MS);
        });
        progress(`${replicas} members after ${seconds} s and ${killed} kills`);
      }
    } finally {
      world.proxy.decide(() => ({ kind: "pass" }));
    }
    checks.that("the operator was killed", killed >= Math.min(3, wanted), `${killed} times`);
    figure(`${killed} kills, seed ${seed}`);
    await loaded.check(context);
    await loaded.remove(context);
  },
};

/** Starting and keeping the lead is the same each time, and most of what an operator says that is killed again and again. */
function isChange({ isWrite, path }: ProxiedCall): boolean {
  return isWrite && !path.includes("/leases") && !path.includes("/events");
}
