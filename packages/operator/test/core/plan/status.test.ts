import { describe, expect, it } from "@jest/globals";
import { type Decision, decide, type EtcdClusterStatus, type World } from "../../../src/core/index.ts";
import { ago, build, healthy, ID, NOW, SILENT, type WorldSketch } from "./build-world.ts";

function condition(decision: Decision, type: string) {
  const found = decision.status.conditions?.find((candidate) => candidate.type === type);
  return `${type}=${found?.status} ${found?.reason}`;
}

describe("conditions", () => {
  const gone = { pod: "none", claim: "none", answer: "none" } as const;
  const rows: readonly (readonly [string, World, readonly string[]])[] = [
    [
      "of a healthy cluster",
      healthy(3),
      [
        "Ready=True AllMembersReady",
        "Available=True QuorumHealthy",
        "Progressing=False Complete",
        "Degraded=False AsDesigned",
        "QuorumHealthy=True Healthy",
        "ClusterIDConsistent=True Consistent",
        "StorageReady=True Ready",
        "NoAlarms=True None",
        "BackupHealthy=Unknown NotConfigured",
        "Paused=False NotPaused",
        "EvenSize=False OddSize",
      ],
    ],
    [
      "of one that is not born yet",
      build({ status: {}, leader: 0 }),
      [
        "Ready=False Bootstrapping",
        "Available=False NotBootstrapped",
        "QuorumHealthy=Unknown Unknown",
        "Progressing=True BootstrappingSeed",
      ],
    ],
    [
      "with a member down",
      healthy(3, {
        members: { 2: { answer: SILENT, pod: { ready: false }, status: { unhealthySince: ago(60_000) } } },
      }),
      [
        "Ready=False MembersNotReady",
        "Available=True QuorumHealthy",
        "QuorumHealthy=True AtRisk",
        "Degraded=True MemberDown",
      ],
    ],
    [
      "without a quorum whose data is there",
      healthy(3, { leader: 0, members: { 2: { answer: SILENT }, 3: { answer: SILENT } } }),
      ["Ready=False NoQuorum", "Available=False NoLeader", "QuorumHealthy=False Lost"],
    ],
    [
      "without a quorum, with a survivor",
      healthy(3, { leader: 0, members: { 2: gone, 3: gone } }),
      ["QuorumHealthy=False LostRecoverable", "Degraded=True VolumeLost"],
    ],
    [
      "without anything",
      healthy(3, { leader: 0, members: { 1: gone, 2: gone, 3: gone } }),
      ["QuorumHealthy=False LostPermanently", "Available=False NoQuorum"],
    ],
    [
      "when nobody answers and the Pods look well",
      healthy(3, { leader: 0, members: { 1: { answer: SILENT }, 2: { answer: SILENT }, 3: { answer: SILENT } } }),
      [
        "Ready=False Unreachable",
        "Available=Unknown Unreachable",
        "QuorumHealthy=Unknown Unknown",
        "NoAlarms=Unknown Unknown",
      ],
    ],
    [
      "of a cluster that sleeps",
      build({ members: { 1: { pod: "none" } }, leader: 0, spec: { replicas: 0 }, status: { clusterID: ID } }),
      ["Ready=False Hibernated", "Available=False Hibernated"],
    ],
    [
      "of a full one",
      healthy(3, { etcd: { alarms: [{ memberId: "1", alarm: "NOSPACE" }] } }),
      ["Ready=False AlarmActive", "Available=True NoSpace", "NoAlarms=False NoSpace"],
    ],
    [
      "of a paused one",
      healthy(3, { spec: { paused: true } }),
      ["Ready=True AllMembersReady", "Paused=True BySpec", "Progressing=False Paused"],
    ],
    [
      "of an even one",
      healthy(4, { spec: { allowEvenReplicas: true } }),
      ["EvenSize=True AllowedByUser", "Ready=True AllMembersReady"],
    ],
    [
      "with an image that cannot be pulled",
      healthy(3, { members: { 2: { answer: SILENT, pod: { ready: false, waitingReason: "ImagePullBackOff" } } } }),
      ["Degraded=True ImagePullFailed"],
    ],
    [
      "with a Secret missing",
      healthy(3, { others: { missing: [{ kind: "Secret", name: "s", message: "it is not there" }] } }),
      ["Degraded=True SecretMissing"],
    ],
    [
      "with a certificate that has ended",
      healthy(3, {
        others: { certificates: [{ name: "x", kind: "CA", notAfterMs: NOW - 1, renewAtMs: NOW - 1, issuer: "" }] },
      }),
      ["CertificatesReady=False Expired"],
    ],
    [
      "with authorities that end and cannot be replaced",
      healthy(3, {
        others: { certificates: [{ name: "x", kind: "CA", notAfterMs: NOW + 1, renewAtMs: NOW - 1, issuer: "" }] },
      }),
      ["CertificatesReady=False ExpiringSoon"],
    ],
    [
      "with a member that does not show its new certificate",
      healthy(3, {
        others: {
          certificates: [{ name: "x", kind: "CA", notAfterMs: NOW + 1, renewAtMs: NOW + 1, issuer: "" }],
          memberTls: new Map([
            ["c-2", { showsCurrent: false, trustsNext: undefined, trustsDropped: undefined, filesSinceMs: undefined }],
          ]),
        },
      }),
      ["CertificatesReady=False Renewing"],
    ],
    [
      "with a member that answers and whose listeners could not be looked at",
      healthy(3, {
        others: {
          certificates: [{ name: "x", kind: "CA", notAfterMs: NOW + 1, renewAtMs: NOW + 1, issuer: "" }],
          memberTls: new Map(),
        },
      }),
      ["CertificatesReady=Unknown Unseen"],
    ],
    ["with an invalid spec", healthy(3, { others: { specErrors: ["it is wrong"] } }), ["Ready=False InvalidSpec"]],
    [
      "of a change that takes too long",
      build({
        spec: { replicas: 3 },
        members: { 1: {}, 2: {}, 3: { role: "learner", says: { appliedIndex: 1 } } },
        status: { clusterID: ID, operation: { type: "LearnerCatchingUp", member: "c-3", startedAt: ago(1_000_000) } },
      }),
      ["Progressing=False DeadlineExceeded"],
    ],
  ];
  for (const [title, world, expected] of rows) {
    it(title, () => {
      const decision = decide(world);
      expect(expected.map((line) => condition(decision, line.split("=")[0] ?? ""))).toEqual(expected);
    });
  }

  it("keep their times while only words change", () => {
    const first = decide(healthy(3));
    const second = decide({
      ...healthy(3, { status: first.status, members: { 2: { answer: SILENT } } }),
      nowMs: NOW + 5000,
    });
    const times = (decision: Decision) =>
      new Map(decision.status.conditions?.map((one) => [one.type, one.lastTransitionTime]));

    expect(times(second).get("Available")).toBe(times(first).get("Available"));
    expect(times(second).get("Ready")).not.toBe(times(first).get("Ready"));
  });
});

/** The world a moment later, with what the decision wrote. */
function later(sketch: WorldSketch, decision: Decision, ms: number): World {
  const world = healthy(3, { ...sketch, status: decision.status });
  const members = world.members.map((member) => ({
    ...member,
    status: decision.memberStatuses.get(member.metadata.name) ?? {},
  }));
  return { ...world, nowMs: NOW + ms, members };
}

describe("status", () => {
  it("is not written again while only figures change, and then only after 20 s", () => {
    const first = decide(healthy(3));
    const busy: WorldSketch = { members: { 1: { says: { revision: 9999, raftIndex: 9999, appliedIndex: 9999 } } } };
    const soon = later({}, first, 5000);
    const counted = later(busy, first, 5000);
    const old = later({}, first, 21_000);

    expect(decide(soon).status).toBe(soon.cluster.status);
    expect(decide(counted).memberStatuses.get("c-1")).toBe(counted.members[0]?.status);
    expect(decide(old).status.lastObservedTime).not.toBe(first.status.lastObservedTime);
  });

  it("tells a cluster that wakes from one that lost its quorum", () => {
    const at = (sketch: WorldSketch["members"], replicas: number, status: EtcdClusterStatus = { clusterID: ID }) =>
      decide(build({ leader: 0, spec: { replicas }, members: sketch ?? {}, status }));
    const told = ({ status }: Decision) => [
      status.phase,
      status.quorumLostSince !== undefined,
      ...["Ready", "Available", "QuorumHealthy"].map((type) => {
        return status.conditions?.find((each) => each.type === type)?.reason;
      }),
    ];
    const asleep = at({ 1: { pod: "none" } }, 0);
    const starting = at({ 1: { pod: "none" } }, 3, asleep.status);
    const quiet = { answer: SILENT, pod: { ready: false } } as const;
    const late = { answer: SILENT, pod: { ready: false, createdMs: NOW - 3_600_000 } } as const;
    const gone = { pod: "none", claim: "none", answer: "none" } as const;

    expect(told(asleep).slice(0, 3)).toEqual(["Hibernated", false, "Hibernated"]);
    expect(told(starting)).toEqual(["Scaling", false, "Waking", "Waking", "Unknown"]);
    expect(told(at({ 1: quiet }, 3, starting.status))).toEqual(["Scaling", false, "Waking", "Waking", "Unknown"]);
    expect(told(at({ 1: late }, 3, starting.status)).slice(0, 2)).toEqual(["QuorumLost", true]);
    expect(told(at({ 1: gone }, 3, starting.status)).slice(0, 2)).toEqual(["QuorumLost", true]);
  });

  it("counts a change of leader as planned only if the operator had it made", () => {
    const before = { id: "1", member: "c-1", term: 1, since: ago(60_000) };
    const unplanned = decide(healthy(3, { leader: 2, status: { clusterID: ID, leader: before } }));
    const operation = { type: "TransferringLeader", member: "c-1", startedAt: ago(1000) };
    const planned = decide(healthy(3, { leader: 2, status: { clusterID: ID, leader: before, operation } }));

    expect(unplanned.status.leader).toMatchObject({
      member: "c-2",
      changesLastHour: 1,
      lastUnplannedChange: new Date(NOW).toISOString(),
    });
    expect(planned.status.leader).toMatchObject({ member: "c-2", changesLastHour: 1 });
    expect(planned.status.leader?.lastUnplannedChange).toBeUndefined();
    expect(planned.events.map((event) => event.reason)).toContain("LeaderTransferred");
  });

  it("counts a replacement when its member is seen to leave", () => {
    const leaving = {
      pod: "none",
      claim: "none",
      spec: { desiredRole: "Absent", leavingReason: "its data is lost" },
    } as const;
    const decision = decide(healthy(3, { members: { 3: leaving } }));

    expect(decision.status.pacing?.replacements).toEqual([new Date(NOW).toISOString()]);
  });

  it("tells the arithmetic of the majority", () => {
    expect(decide(healthy(5, { members: { 2: { answer: SILENT } } })).status.quorum).toEqual({
      required: 3,
      healthy: 4,
      tolerates: 1,
    });
  });

  it("keeps what other controllers wrote", () => {
    const backup = { lastSuccessfulName: "b" };
    expect(decide(healthy(3, { status: { clusterID: ID, backup } })).status.backup).toEqual(backup);
  });
});

describe("events", () => {
  const seen = (decision: Decision): readonly string[] =>
    decision.events.map((event) => `${event.type} ${event.reason}`);

  it("are told once", () => {
    const down: WorldSketch = { members: { 2: { answer: SILENT, pod: { ready: false } } } };
    const first = decide(healthy(3));
    const fallen = decide(later(down, first, 1000));
    const stillDown = decide(later(down, fallen, 2000));

    expect(seen(fallen)).toEqual(["Warning MemberUnhealthy", "Warning QuorumAtRisk"]);
    expect(seen(stillDown)).toEqual([]);
  });

  it("tell of a birth, a vote and a Pod made again", () => {
    const unborn = decide(build({ status: {}, members: { 1: { claim: { clusterId: undefined } } } }));
    const born = decide(healthy(1, { status: unborn.status }));
    const promoted = decide(healthy(3, { members: { 3: { status: { phase: "Learner" } } } }));
    const remade = decide(healthy(3, { members: { 3: { status: { podUID: "p-before" } } } }));

    expect(seen(born)).toContain("Normal Bootstrapped");
    expect(seen(promoted)).toContain("Normal MemberPromoted");
    expect(seen(remade)).toContain("Normal PodRecreated");
  });
});

describe("the budget", () => {
  const rows: readonly (readonly [string, World, number | undefined])[] = [
    ["of one voter is none", healthy(1), undefined],
    ["of two is both", healthy(2, { spec: { replicas: 2, allowEvenReplicas: true } }), 2],
    ["of three is two", healthy(3), 2],
    ["of five is three", healthy(5), 3],
    [
      "is raised before a promotion",
      build({ spec: { replicas: 3 }, members: { 1: {}, 2: {}, 3: { role: "learner" } } }),
      2,
    ],
    [
      "is that of four while a fourth is about to vote",
      build({ spec: { replicas: 5 }, members: { 1: {}, 2: {}, 3: {}, 4: { role: "learner" } } }),
      3,
    ],
    ["is none if it is not wanted", healthy(3, { spec: { podDisruptionBudget: { enabled: false } } }), undefined],
  ];
  for (const [title, world, expected] of rows) it(title, () => expect(decide(world).minAvailable).toBe(expected));
});

describe("the fence", () => {
  const young = {
    clusterID: ID,
    conditions: [
      {
        type: "Available",
        status: "False" as const,
        reason: "NotBootstrapped",
        message: "",
        lastTransitionTime: ago(1000),
      },
    ],
  };
  const rows: readonly (readonly [string, World, boolean])[] = [
    [
      "keeps clients out of a new cluster with one of three voters",
      build({ spec: { replicas: 3 }, status: young, members: { 1: {} } }),
      true,
    ],
    ["lets them into a new cluster of one", build({ spec: { replicas: 1 }, status: young, members: { 1: {} } }), false],
    [
      "lets them in at three of five",
      build({ spec: { replicas: 5 }, status: young, members: { 1: {}, 2: {}, 3: {} } }),
      false,
    ],
    ["is not put up again around a cluster that was open", build({ spec: { replicas: 3 }, members: { 1: {} } }), false],
  ];
  for (const [title, world, expected] of rows) it(title, () => expect(decide(world).isFenced).toBe(expected));
});
