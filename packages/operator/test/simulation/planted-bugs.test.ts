import { describe, expect, it } from "@jest/globals";
import { type Decision, decide, type EtcdStatus, type MemberAnswer, type World } from "../../src/core/index.ts";
import { walk } from "./model/walk.ts";

// Shows that the walks find bugs: each row takes one safeguard away, and one of the first walks has to name the invariant that it guarded.

const WALKS_MAX = 60;

type Judge = (world: World) => Decision;

/** The answers of all members, changed. */
function withAnswers(world: World, change: (status: EtcdStatus, name: string) => EtcdStatus): World {
  const answers = new Map<string, MemberAnswer>();
  for (const [name, answer] of world.etcd.answers) {
    answers.set(name, answer.kind === "status" ? { kind: "status", status: change(answer.status, name) } : answer);
  }
  return { ...world, etcd: { ...world.etcd, answers } };
}

/** Members that do not answer are taken for healthy: gates G1 and G3 see nothing. */
const blind: Judge = (world) => {
  const entries = world.etcd.list?.members ?? [];
  const [one] = [...world.etcd.answers.values()].flatMap((answer) => (answer.kind === "status" ? [answer.status] : []));
  if (one === undefined) return decide(world);
  const answers = new Map<string, MemberAnswer>();
  for (const pod of world.pods) {
    const entry = entries.find((candidate) => candidate.name === pod.member);
    if (entry !== undefined)
      answers.set(pod.member, { kind: "status", status: { ...one, memberId: entry.id, isLearner: entry.isLearner } });
  }
  const pods = world.pods.map((pod) => ({ ...pod, isTerminating: false, ready: true }));
  return decide({ ...world, pods, etcd: { ...world.etcd, answers } });
};

/** When nobody answers the members are taken for gone and the record of the identity for nothing. */
const secondSeed: Judge = (world) => {
  if ([...world.etcd.answers.values()].some((answer) => answer.kind === "status")) return decide(world);
  const cluster = { ...world.cluster, status: {} };
  return decide({ ...world, cluster, members: [], pods: [], claims: [], latches: [] });
};

/** Pod first, member second. */
const podBeforeMember: Judge = (world) => {
  const decision = decide(world);
  const { step } = decision;
  if (step?.kind !== "RemoveFromCluster") return decision;
  const pod = world.pods.find((candidate) => candidate.member === step.member);
  if (pod === undefined) return decision;
  return { ...decision, step: { kind: "DeletePod", pod: pod.name, uid: pod.uid, how: "Delete", reason: "planted" } };
};

/** A learner counts as caught up from the beginning. */
const promoteAtOnce: Judge = (world) => {
  const most = Math.max(
    0,
    ...[...world.etcd.answers.values()].map((answer) => (answer.kind === "status" ? answer.status.appliedIndex : 0)),
  );
  const seen = withAnswers(world, (status) => ({ ...status, appliedIndex: most }));
  const lastTransitionTime = new Date(world.nowMs - 1000).toISOString();
  const inSync = { type: "InSync", status: "True" as const, reason: "InSync", message: "", lastTransitionTime };
  return decide({
    ...seen,
    members: world.members.map((member) => ({ ...member, status: { ...member.status, conditions: [inSync] } })),
  });
};

/** The leader is stopped where it stands. */
const leaderStays: Judge = (world) => {
  const decision = decide(world);
  const { step } = decision;
  if (step?.kind !== "MoveLeader") return decision;
  const pod = world.pods.find((candidate) => candidate.member === step.from);
  if (pod === undefined) return decision;
  return { ...decision, step: { kind: "DeletePod", pod: pod.name, uid: pod.uid, how: "Delete", reason: "planted" } };
};

/** A member whose volume is gone gets a new one, as if it had never had data. */
const newVolume: Judge = (world) => {
  const lost = world.members.find(
    (member) => member.status?.joined === true && !world.claims.some((claim) => claim.member === member.metadata.name),
  );
  if (lost === undefined) return decide(world);
  return { ...decide(world), step: { kind: "CreateClaim", member: lost.metadata.name } };
};

/** Two members join at once. */
const twoAtOnce: Judge = (world) => {
  const joining = world.etcd.list?.members.find((entry) => entry.isLearner);
  if (joining === undefined || world.etcd.list === undefined) return decide(world);
  const list = { ...world.etcd.list, members: world.etcd.list.members.filter((entry) => entry !== joining) };
  const members = world.members.filter(
    (member) =>
      member.metadata.name !== joining.name && member.spec.desiredRole === "Voter" && member.status?.joined === true,
  );
  return decide({ ...world, members, etcd: { ...world.etcd, list } });
};

/** The budget counts what was wanted last year. */
const oldBudget: Judge = (world) => ({ ...decide(world), minAvailable: 1 });

const PLANTED: readonly (readonly [string, Judge, RegExp])[] = [
  ["gates G1 and G3 are off", blind, /Q2/],
  ["a second seed is allowed", secondSeed, /F1|I1/],
  ["a Pod goes before its member", podBeforeMember, /V5/],
  ["a learner is promoted before it has caught up", promoteAtOnce, /Q3/],
  ["the leader is not moved", leaderStays, /L1|V5/],
  ["a claim is made again for a member that had joined", newVolume, /D2/],
  ["two members join at once", twoAtOnce, /M1|F2|M2/],
  ["the budget is too low", oldBudget, /B1/],
];

describe("a planted bug is found:", () => {
  for (const [title, judge, invariant] of PLANTED) {
    it(title, async () => {
      let found: string | undefined;
      for (let seed = 1; seed <= WALKS_MAX && found === undefined; seed += 1) {
        const { breaches } = await walk(seed, judge, SHORT_MS);
        found = breaches.find((breach) => invariant.test(breach));
      }

      expect(found).toMatch(invariant);
    }, 120_000);
  }
});

/** What is not found by then is not waited for: a planted bug may well keep the cluster from ever settling. */
const SHORT_MS = 60_000;
