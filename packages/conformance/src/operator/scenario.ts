import type { Checks } from "../suite-report.ts";
import type { MemberDirectory } from "./member-directory.ts";
import { MembershipWatch } from "./membership-watch.ts";
import type { ManagedCluster, OperatorWorld } from "./operator-world.ts";
import { type LoadReport, lostWrites, WriteLoad } from "./write-load.ts";

/** What a scenario is given. */
export interface ScenarioContext {
  readonly world: OperatorWorld;
  readonly checks: Checks;
  /** For people who watch; one line each. */
  readonly progress: (line: string) => void;
  /** More rounds and longer loads. */
  readonly isLong: boolean;
  /** Figures for the report, in the order in which they are given. */
  readonly figure: (text: string) => void;
}

/** A story with the operator, told against real servers. */
export interface Scenario {
  readonly name: string;
  /** What it shows, in a sentence. */
  readonly summary: string;
  run(context: ScenarioContext): Promise<void>;
}

export const PUTS_PER_SECOND = 200;
/** Longest time without an acknowledged write: one election, with room for a machine that is busy with other things. */
export const GAP_MAX_MS = 4000;
export const SETTLE_TIMEOUT_MS = 240_000;

/** Spec of the members of scenarios: what it says of time is shortened, so that minutes are not spent on waiting. */
export const QUICK_SPEC: Readonly<Record<string, unknown>> = {
  storage: { size: "2Gi", whenDeleted: "Delete" },
  updateStrategy: { minReadySeconds: 0 },
};

/** A cluster with its members, a watch on its membership and a load of writes. */
export class LoadedCluster implements AsyncDisposable {
  readonly cluster: ManagedCluster;
  readonly members: MemberDirectory;
  readonly watch: MembershipWatch;
  readonly load: WriteLoad;

  private constructor(cluster: ManagedCluster, members: MemberDirectory) {
    this.cluster = cluster;
    this.members = members;
    this.watch = new MembershipWatch(() => members.running());
    this.load = new WriteLoad(() => members.serving(), PUTS_PER_SECOND);
  }

  /** Creates the cluster, waits until it is whole, and begins to watch it and to write. */
  static async start(context: ScenarioContext, name: string, spec: object, replicas: number): Promise<LoadedCluster> {
    await context.world.createNamespace(name);
    const cluster = context.world.cluster(name, name, { ...QUICK_SPEC, replicas, ...spec });
    await cluster.create();
    await cluster.untilSettled(replicas, SETTLE_TIMEOUT_MS);
    const loaded = new LoadedCluster(cluster, await cluster.members());
    loaded.watch.start();
    loaded.load.start();
    return loaded;
  }

  /**
   * Ends the load and the watch and checks what bars 2, 4 and 6 have in common: no acknowledged write is lost, no invariant of
   * the membership was broken, and no gap between acknowledgements was longer than `gapMaxMs`.
   */
  async check({ checks, figure }: ScenarioContext, gapMaxMs: number = GAP_MAX_MS): Promise<LoadReport> {
    const report = await this.load.stop();
    await this.watch.stop();
    const { changes, leaderChanges, sizes } = this.watch.figures;
    const longest = report.gaps[0];
    checks.equal("breaches of invariants", this.watch.breaches, []);
    const [member] = this.members.serving();
    if (member === undefined) checks.that("a member serves", false);
    else checks.equal("lost writes", (await lostWrites(member, report.acknowledged)).slice(0, 5), []);
    checks.that("writes were acknowledged", report.acknowledged.length > 0);
    checks.that(
      `no gap longer than ${gapMaxMs} ms`,
      (longest?.lengthMs ?? 0) <= gapMaxMs,
      JSON.stringify(report.gaps.slice(0, 4)),
    );
    figure(
      `${report.acknowledged.length} writes acknowledged, longest gap ${longest?.lengthMs ?? 0} ms, ` +
        `${report.failedCalls} calls made again, voters ${sizes.join(" ")}, ${changes} changes of the list, ` +
        `${leaderChanges} of the leader`,
    );
    return report;
  }

  /** Deletes the cluster and its namespace, without waiting for the end of it. */
  async remove({ world }: ScenarioContext): Promise<void> {
    await world.kubernetes.kubectl(["delete", "namespace", this.cluster.namespace, "--wait=false"]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.load.stop();
    await this.watch.stop();
    await this.members.close();
  }
}

/** Seconds that something took, as text. */
export async function timed<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly seconds: string }> {
  const start = performance.now();
  const value = await work();
  return { value, seconds: ((performance.now() - start) / 1000).toFixed(1) };
}
