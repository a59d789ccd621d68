import { describe, expect, it } from "@jest/globals";
import {
  ANNOTATIONS,
  authoritySecretName,
  type Decision,
  decide,
  ETCD_CLUSTERS,
  type EtcdClusterSpecInput,
  PODS,
  SECRETS,
  type Step,
  type World,
} from "../../src/core/index.ts";
import { Killed } from "./model/mortal.ts";
import { KEY, Simulation } from "./model/simulation.ts";

// Shows that the change of a cluster's authorities comes to its end, whatever happens meanwhile, and that on the way nobody shows a certificate
// that another one does not believe: members among themselves, the operator, and a client that fetches its credentials as rarely as the spec
// lets it. The model of a kubelet brings files up to date within 90 s, each Pod's at another time.
//
// OPERATOR_SIMULATION_ROTATIONS asks for more of those with faults, OPERATOR_SIMULATION_SEED for others.

const WALKS = Number(process.env["OPERATOR_SIMULATION_ROTATIONS"] ?? 4);
const FIRST = Number(process.env["OPERATOR_SIMULATION_SEED"] ?? 1);
const HOUR_MS = 3_600_000;
const LIMIT_MS = 3 * HOUR_MS;
const OVERLAP_MS = HOUR_MS / 2;
const SPEC = {
  replicas: 3,
  tls: { caRotationOverlap: "30m" },
  updateStrategy: { minReadySeconds: 2 },
  maintenance: { defragmentation: { enabled: false } },
} as const;

interface Options {
  readonly seed?: number;
  readonly spec?: EtcdClusterSpecInput;
  readonly judge?: (world: World) => Decision;
}

/** A cluster that is there and whose authorities are to change. */
async function asked(options: Options = {}): Promise<Simulation> {
  const simulation = await founded(options);
  ask(simulation, "now");
  return simulation;
}

async function founded({ seed = 1, spec = {}, judge = decide }: Options = {}): Promise<Simulation> {
  const simulation = new Simulation({ seed, spec: { ...SPEC, ...spec }, judge });
  simulation.tls.clientRefreshMs = OVERLAP_MS - 5 * 60_000;
  await simulation.run(LIMIT_MS, () => isDone(simulation));
  return simulation;
}

function ask(simulation: Simulation, word: string): void {
  void simulation.api.patch(ETCD_CLUSTERS, KEY, {
    metadata: { annotations: { [ANNOTATIONS.rotateAuthorities]: word } },
  });
}

function isDone(simulation: Simulation): boolean {
  const { status, metadata } = simulation.cluster;
  return status?.observedGeneration === metadata.generation && simulation.whyNotDone() === undefined;
}

function authorities(simulation: Simulation): Readonly<Record<string, string>> {
  return simulation.api.peek(SECRETS, { ...KEY, name: authoritySecretName(KEY.name) })?.data ?? {};
}

function reasonOf(simulation: Simulation): string | undefined {
  const { conditions } = simulation.cluster.status ?? {};
  return conditions?.find(({ type }) => type === "CertificatesReady")?.reason;
}

function isRotated(simulation: Simulation): boolean {
  return simulation.events.some(({ reason }) => reason === "CARotated") && isDone(simulation);
}

/** What has been done is known to whoever looks at the world alone. */
async function rotated(simulation: Simulation): Promise<void> {
  const isThere = await simulation.run(LIMIT_MS, () => isRotated(simulation));
  // Files that are no longer believed reach everybody.
  await simulation.run(4 * 60_000);
  expect({ found: simulation.found, isThere, told: simulation.cluster.status?.message }).toMatchObject({
    found: [],
    isThere: true,
  });
  expect(Object.keys(authorities(simulation)).sort()).toEqual(["ca.crt", "ca.key", "peer-ca.crt", "peer-ca.key"]);
}

describe("new authorities", () => {
  it("are trusted, issue, and replace the former ones, each after the clients' time, without a restart", async () => {
    const simulation = await asked();
    const before = authorities(simulation);
    const uids = podUids(simulation);
    const begunMs = simulation.clock.nowMs();
    const reasons: (string | undefined)[] = [];
    await simulation.run(LIMIT_MS, () => {
      if (reasons.at(-1) !== reasonOf(simulation)) reasons.push(reasonOf(simulation));
      return isRotated(simulation);
    });
    const tookMs = simulation.clock.nowMs() - begunMs;
    await rotated(simulation);

    expect(reasons).toEqual(["Valid", "CARotationTrustNew", "CARotationReissue", "CARotationDropOld"]);
    expect(reasonOf(simulation)).toBe("Valid");
    expect(tookMs).toBeGreaterThan(2 * OVERLAP_MS);
    expect(tookMs).toBeLessThan(2 * OVERLAP_MS + 20 * 60_000);
    for (const key of Object.keys(before)) expect(authorities(simulation)[key]).not.toBe(before[key]);
    expect(podUids(simulation)).toEqual(uids);
    // Once for each word: the annotation stays.
    await simulation.run(HOUR_MS);
    expect(simulation.events.filter(({ reason }) => reason === "CARotationBegan")).toHaveLength(1);
    ask(simulation, "again");
    await simulation.run(60_000);
    expect(simulation.events.filter(({ reason }) => reason === "CARotationBegan")).toHaveLength(2);
  });

  it("come by themselves before the old ones would end before a certificate that they issue", async () => {
    const simulation = await founded();
    await simulation.run(HOUR_MS);
    expect(simulation.events.map(({ reason }) => reason)).not.toContain("CARotationBegan");
    // Authorities last for ten years.
    simulation.patchSpec({ tls: { certificates: { duration: "87599h" } } });
    await rotated(simulation);
    await simulation.run(HOUR_MS);

    expect(simulation.events.filter(({ reason }) => reason === "CARotationBegan")).toHaveLength(1);
  });

  it("have servers started anew, one by one and the leader last, that read their authorities only at a start", async () => {
    const simulation = await asked({ spec: { updateStrategy: { minReadySeconds: 2 } } });
    simulation.tls.readsTrustAtStart = true;
    const before = podUids(simulation);
    const moved = leaderMoves(simulation);
    await simulation.run(LIMIT_MS, () => reasonOf(simulation) === "CARotationReissue");
    const trusting = podUids(simulation);
    expect(leaderMoves(simulation) - moved).toBe(1);
    await rotated(simulation);

    // To trust the new ones, and to trust the former ones no more.
    for (const [name, uid] of Object.entries(trusting)) {
      expect(uid).not.toBe(before[name]);
      expect(podUids(simulation)[name]).not.toBe(uid);
    }
    expect(leaderMoves(simulation) - moved).toBe(2);
  });

  it("are not put to use while a member does not believe them, however long that takes", async () => {
    const simulation = await asked({ spec: { recovery: { replaceMemberAfter: "0s" } } });
    const uid = podUids(simulation)["c-2"];
    const hidden = simulation.kubelet.processOf("c-2");
    if (hidden !== undefined) hidden.isHidden = true;
    await simulation.run(9 * 60_000 + OVERLAP_MS);

    expect(podUids(simulation)["c-2"]).toBe(uid);
    expect(reasonOf(simulation)).toBe("CARotationTrustNew");
    expect(simulation.cluster.status?.message).toContain("c-2");
  });
});

describe("certificates", () => {
  const SHORT = { certificates: { duration: "3h", renewBefore: "1h" }, caRotationOverlap: "30m" };

  it("are renewed in a cluster that sleeps for longer than they last, which wakes up again", async () => {
    const simulation = await founded({ spec: { tls: SHORT } });
    simulation.patchSpec({ replicas: 0 });
    await simulation.run(LIMIT_MS, () => isDone(simulation));
    await simulation.run(5 * HOUR_MS);
    simulation.patchSpec({ replicas: 3 });

    expect(await simulation.run(HOUR_MS, () => isDone(simulation) && reasonOf(simulation) === "Valid")).toBe(true);
  });

  it("are renewed after a pause for longer than they last", async () => {
    const simulation = await founded({ spec: { tls: SHORT } });
    simulation.patchSpec({ paused: true });
    await simulation.run(4 * HOUR_MS);
    expect(reasonOf(simulation)).toBe("Expired");
    simulation.patchSpec({ paused: false });

    expect(await simulation.run(HOUR_MS, () => isDone(simulation) && reasonOf(simulation) === "Valid")).toBe(true);
  });

  it("are of the authorities that were put back from a backup, and nobody is parted for good", async () => {
    const simulation = await founded();
    const backup = simulation.api.peek(SECRETS, { ...KEY, name: authoritySecretName(KEY.name) });
    ask(simulation, "now");
    await rotated(simulation);
    ask(simulation, "");
    if (backup !== undefined) simulation.api.put(SECRETS, backup);
    await simulation.run(5 * 60_000);

    expect(await simulation.run(HOUR_MS, () => isDone(simulation) && reasonOf(simulation) === "Valid")).toBe(true);
    expect(authorities(simulation)["ca.crt"]).toBe(backup?.data?.["ca.crt"]);
  });
});

describe("while authorities change", () => {
  it("nothing may be done for longer than clients have, right after each step", async () => {
    const simulation = await asked();
    const uids = podUids(simulation);
    for (const phase of ["next-ca.crt", "former-ca.crt", "dropped-ca.crt"]) {
      await simulation.run(LIMIT_MS, () => phase in authorities(simulation));
      simulation.patchSpec({ paused: true });
      await simulation.run(OVERLAP_MS + 10 * 60_000);
      simulation.patchSpec({ paused: false });
    }
    await rotated(simulation);

    expect(podUids(simulation)).toEqual(uids);
  });

  it(
    "members may come, go and be lost",
    async () => {
      for (let seed = FIRST; seed < FIRST + WALKS; seed++) {
        const simulation = await asked({ seed });
        const { prng } = simulation;
        for (let i = 0; i < 12; i++) {
          await simulation.run(prng.below(10 * 60_000));
          const pods = simulation.api.all(PODS, KEY.namespace);
          const pod = pods[prng.below(pods.length)];
          const event = prng.below(3);
          if (event === 0) simulation.patchSpec({ replicas: [1, 3, 5][prng.below(3)] });
          else if (event === 1 && pod !== undefined) simulation.kubelet.crash(pod.metadata.name);
          else if (pod !== undefined) simulation.api.remove(PODS, pod, true);
        }
        simulation.patchSpec({ replicas: 3 });
        await rotated(simulation);
      }
    },
    WALKS * 60_000,
  );

  it("the operator may die at every call", async () => {
    const simulation = await asked();
    const seen = new Set<string>();
    let deaths = 0;
    const strike = (call: string): void => {
      const place = `${reasonOf(simulation)} ${JSON.stringify(simulation.lastDecision?.step)} ${call}`;
      if (seen.has(place)) return;
      seen.add(place);
      deaths += 1;
      throw new Killed(place);
    };
    simulation.hook = { before: (call) => strike(`before ${call}`), after: (call) => strike(`after ${call}`) };
    await rotated(simulation);

    expect(deaths).toBeGreaterThan(100);
  }, 300_000);
});

describe("the rule that nobody shows what another one does not believe", () => {
  /** Goes on to the next phase at once, whatever was seen. */
  function hasty(from: "TrustNew" | "Reissue", to: "Reissue" | "DropOld"): (world: World) => Decision {
    return (world) => {
      const decision = decide(world);
      if (world.rotation?.phase !== from || decision.step !== undefined) return decision;
      const step: Step = { kind: "RotateAuthorities", to };
      return { ...decision, step };
    };
  }

  it("is broken by an operator that does not wait for members or clients to trust", async () => {
    const simulation = await asked({ judge: hasty("TrustNew", "Reissue") });
    await simulation.run(HOUR_MS);

    expect(simulation.found.join("\n")).toMatch(/T2: .* does not believe/);
    expect(simulation.found.join("\n")).toMatch(/T3: c-1 is not ready for Reissue/);
  });

  it("is broken by an operator that forgets the former ones at once", async () => {
    const simulation = await asked({ judge: hasty("Reissue", "DropOld") });
    await simulation.run(HOUR_MS);

    expect(simulation.found.join("\n")).toMatch(/T[12]: .* does not believe/);
    expect(simulation.found.join("\n")).toMatch(/T3: clients had no time/);
  });
});

function leaderMoves(simulation: Simulation): number {
  return simulation.trace.filter((line) => line.includes('"MoveLeader"')).length;
}

function podUids(simulation: Simulation): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(
    simulation.api.all(PODS, KEY.namespace).map(({ metadata }) => [metadata.name, metadata.uid]),
  );
}
