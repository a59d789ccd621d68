import { describe, expect, it } from "@jest/globals";
import { ETCD_MEMBERS, PODS } from "../../src/core/index.ts";
import { Killed } from "./model/mortal.ts";
import { KEY, Simulation } from "./model/simulation.ts";

// Shows that the operator may die at any call without harm, on the journey of a cluster through 3 → 5 → 3 → 1 → 3 → 0 → 3 under writes. Each
// time an instance that knows nothing takes over, the end has to be the same, and no invariant may be breached on the way.
//
// Densely: on one journey it dies at every call, before it is sent and after it was answered, each once for each step that it is made for: so no
// call of the journey is left out. Singly: one journey for each call that changes something, which
// dies at that call alone, before the operator hears the answer; dying at a call that only reads is the same as dying after the one before.
// OPERATOR_SIMULATION_KILL_STRIDE=1 makes all of those journeys, a few hundred; by default a sample of them is made.

const SIZES = [3, 5, 3, 1, 3, 0, 3];
const LIMIT_MS = 8 * 3_600_000;
const STRIDE = Number(process.env["OPERATOR_SIMULATION_KILL_STRIDE"] ?? 23);
const CHANGING = /^(create|apply|patch|status|delete|evict|addLearner|promote|removeMember|moveLeader) /;

interface Journey {
  /** Calls that change something, by the size that was being brought about. */
  readonly changes: readonly number[];
  readonly deaths: number;
  readonly ends: readonly string[];
  readonly breaches: readonly string[];
}

/** What happens at the operator's calls: told of each one, in order, and of the end of each pass. */
interface Fate {
  readonly before: (call: string) => void;
  readonly after: (call: string) => void;
  readonly passed: (hasDied: boolean) => void;
}

async function journey(fate: (simulation: () => Simulation) => Fate, until = SIZES.length): Promise<Journey> {
  // With certificates: their Secrets are made by calls like all others.
  const spec = { replicas: 3, maintenance: { defragmentation: { enabled: false } } };
  const simulation = new Simulation({ seed: 5, spec });
  const { before, after, passed } = fate(() => simulation);
  let changes = 0;
  let deaths = 0;
  simulation.hook = {
    before: (call) => {
      if (CHANGING.test(call)) changes += 1;
      before(call);
    },
    after,
  };
  simulation.onPass = (hasDied) => {
    if (hasDied) deaths += 1;
    passed(hasDied);
  };
  const bySize: number[] = [];
  const ends: string[] = [];
  for (const replicas of SIZES.slice(0, until)) {
    simulation.patchSpec({ replicas });
    const isThere = await simulation.run(
      LIMIT_MS,
      () => isCurrent(simulation) && simulation.whyNotDone() === undefined,
    );
    ends.push(isThere ? endOf(simulation) : `not there: ${simulation.whyNotDone()}`);
    bySize.push(changes);
  }
  return { changes: bySize, deaths, ends, breaches: simulation.found };
}

const ALIVE: Fate = { before: () => undefined, after: () => undefined, passed: () => undefined };

/** Dies at the n-th call that changes something, before it hears of it. */
function dyingAt(n: number): Fate {
  let count = 0;
  let chosen: string | undefined;
  return {
    ...ALIVE,
    before: (call) => {
      if (CHANGING.test(call)) count += 1;
      if (count === n) chosen ??= call;
    },
    after: (call) => {
      if (call !== chosen) return;
      chosen = "";
      throw new Killed(`after ${call}`);
    },
  };
}

/**
 * Dies at every call that it has not died at before: calls are told apart by what they are, before or after, and by the step and the size
 * that they are made for.
 */
function dyingDensely(simulation: () => Simulation): Fate {
  const seen = new Set<string>();
  const strike = (call: string): void => {
    const { lastDecision, cluster } = simulation();
    const place = `${cluster.spec.replicas} ${JSON.stringify(lastDecision?.step ?? lastDecision?.rule)} ${call}`;
    if (seen.has(place)) return;
    seen.add(place);
    throw new Killed(place);
  };
  return {
    before: (call) => strike(`before ${call}`),
    after: (call) => strike(`after ${call}`),
    passed: () => undefined,
  };
}

function isCurrent(simulation: Simulation): boolean {
  return simulation.cluster.status?.observedGeneration === simulation.cluster.metadata.generation;
}

/** What has to be the same whatever happened on the way; serial numbers and times may differ. */
function endOf(simulation: Simulation): string {
  const members = simulation.api.all(ETCD_MEMBERS, KEY.namespace);
  const { founded, givenUp } = simulation.etcd.truth;
  const pods = simulation.api.all(PODS, KEY.namespace).length;
  return `${members.length} members, ${pods} Pods, ${founded} founded, ${givenUp} writes given up`;
}

describe("the operator's death", () => {
  it("at every call of every pass in turn changes nothing of the end", async () => {
    const undisturbed = await journey(() => ALIVE);
    const dense = await journey(dyingDensely);

    expect(undisturbed).toMatchObject({ breaches: [], ends: ENDS });
    expect(dense).toMatchObject({ breaches: [], ends: ENDS });
    expect(dense.deaths).toBeGreaterThan(1000);
  }, 600_000);

  it("at one call that changes something, at each in its turn, changes nothing of the end", async () => {
    const { changes } = await journey(() => ALIVE);
    const failed: string[] = [];
    let died = 0;
    let journeys = 0;
    const total = changes.at(-1) ?? 0;
    for (let call = 1 + (STRIDE > 1 ? 7 : 0); call <= total; call += STRIDE) {
      journeys += 1;
      // No further than to the end of the change that it dies in.
      const until = changes.findIndex((before) => call <= before) + 1;
      const { ends, breaches, deaths } = await journey(() => dyingAt(call), until);
      const isSame = ends.join() === ENDS.slice(0, until).join() && breaches.length === 0;
      died += deaths;
      if (!isSame) failed.push(`call ${call}: ${ends.at(-1)}; ${breaches.join("; ")}`);
    }

    expect(failed.slice(0, 5)).toEqual([]);
    expect(total).toBeGreaterThan(200);
    // A call that is refused has no answer to die before.
    expect(died).toBeGreaterThan(journeys * 0.8);
  }, 3_600_000);
});

const ENDS = SIZES.map((size) => (size === 0 ? "1 members, 0 Pods" : `${size} members, ${size} Pods`)).map(
  (end) => `${end}, 1 founded, 0 writes given up`,
);
