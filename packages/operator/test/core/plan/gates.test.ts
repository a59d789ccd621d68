import { describe, expect, it } from "@jest/globals";
import type { World } from "../../../src/core/index.ts";
import { type Facts, gatherFacts } from "../../../src/core/plan/facts/facts.ts";
import type { MemberFacts } from "../../../src/core/plan/facts/member-facts.ts";
import {
  calm,
  exactTarget,
  noAlarm,
  notLeader,
  oddTarget,
  oneChange,
  quorumAfterAdding,
  quorumAfterPromoting,
  quorumAfterRemoving,
  quorumWhileStopping,
  type Refusal,
  recentBackup,
  sameIdentity,
  versionPath,
  windowOpen,
} from "../../../src/core/plan/gates/index.ts";
import { ago, build, healthy, ID, NOW, SILENT, type WorldSketch } from "./build-world.ts";

type Row = readonly [title: string, world: World, isOpen: boolean];

function gate(name: string, ask: (facts: Facts) => Refusal | undefined, rows: readonly Row[]): void {
  for (const [title, world, isOpen] of rows) {
    it(`${isOpen ? "is open" : "refuses"} ${title}`, () => {
      const refusal = ask(gatherFacts(world));
      expect(refusal?.gate).toBe(isOpen ? undefined : name);
      expect(refusal?.message ?? "a sentence").toMatch(/^[^.].*[^.]$/);
    });
  }
}

function named(facts: Facts, name: string): MemberFacts {
  const found = facts.members.find((member) => member.name === name);
  if (found === undefined) throw new Error(`the world has no ${name}`);
  return found;
}

const DOWN = { answer: SILENT } as const;

describe("G1, taking a voter out,", () => {
  gate("G1", (facts) => quorumAfterRemoving(facts, "c-3"), [
    ["for one of three healthy ones", healthy(3), true],
    ["for the dead one of three", healthy(3, { members: { 3: DOWN } }), true],
    ["for a healthy one while another is dead", healthy(3, { members: { 2: DOWN } }), false],
    ["for one of five while one other is dead", healthy(5, { members: { 2: DOWN } }), true],
    ["for one of five while two others are dead", healthy(5, { members: { 1: DOWN, 2: DOWN } }), false],
    ["for one whose peer's Pod is ending", healthy(3, { members: { 2: { pod: { isTerminating: true } } } }), false],
    ["for one whose peer knows no leader", healthy(3, { members: { 2: { says: { leaderId: "0" } } } }), false],
    [
      "for one whose peer answers as another member",
      healthy(3, { members: { 2: { says: { memberId: "99" } } } }),
      false,
    ],
  ]);
  gate("G1", (facts) => quorumAfterRemoving(facts, "c-1"), [["for the last voter", healthy(1), false]]);
});

describe("G1, stopping a voter for a while,", () => {
  gate("G1", (facts) => quorumWhileStopping(facts, "c-2"), [
    ["for one of three", healthy(3), true],
    ["for one of two", healthy(2), false],
    ["for one of three while another is dead", healthy(3, { members: { 3: DOWN } }), false],
    ["for one of five while another is dead", healthy(5, { members: { 3: DOWN } }), true],
  ]);
});

describe("G1, adding a learner,", () => {
  gate("G1", quorumAfterAdding, [
    ["for the second member", healthy(1), true],
    ["for the fourth of three healthy ones", healthy(3), true],
    ["for three of which one is dead", healthy(3, { members: { 2: DOWN } }), false],
    ["for five of which one is dead", healthy(5, { members: { 2: DOWN } }), true],
    ["for one that is dead", healthy(1, { members: { 1: DOWN } }), false],
  ]);
});

describe("G1, promoting,", () => {
  const learner = (sketch: WorldSketch) =>
    healthy(2, { ...sketch, members: { 3: { role: "learner" }, ...sketch.members } });
  gate("G1", (facts) => quorumAfterPromoting(facts, "c-3"), [
    ["for a healthy learner", learner({}), true],
    ["while one of two voters is dead, the learner making up for it", learner({ members: { 2: DOWN } }), true],
    [
      "for a learner that is down while a voter is",
      learner({ members: { 2: DOWN, 3: { role: "learner", answer: SILENT } } }),
      false,
    ],
  ]);
});

describe("G2", () => {
  gate("G2", (facts) => oneChange(facts, undefined), [
    ["at rest", healthy(3), true],
    ["while there is a learner", healthy(3, { members: { 4: { role: "learner" } } }), false],
    ["while an entry has not started", healthy(3, { members: { 4: { role: "unstarted" } } }), false],
    ["while somebody leaves", healthy(3, { members: { 3: { spec: { desiredRole: "Absent" } } } }), false],
    [
      "while the last voter is to leave, which it cannot before another one votes",
      healthy(1, { members: { 1: { spec: { desiredRole: "Absent" } } } }),
      true,
    ],
    [
      "while a member that has left is cleaned up after",
      healthy(3, { members: { 4: { role: "unlisted", spec: { desiredRole: "Absent" }, status: { joined: true } } } }),
      true,
    ],
    [
      "while somebody is to join",
      healthy(3, { members: { 4: { role: "unlisted", status: { joined: false } } } }),
      false,
    ],
    [
      "while a foreign entry has not started",
      healthy(3, {
        entries: [{ id: "9", name: "", peerUrls: ["http://guest:2380"], clientUrls: [], isLearner: false }],
      }),
      false,
    ],
  ]);
  gate("G2", (facts) => oneChange(facts, "c-4"), [
    ["for the change itself", healthy(3, { members: { 4: { role: "learner" } } }), true],
  ]);
});

describe("G3", () => {
  const leader = (stamps: object): WorldSketch => ({
    status: { clusterID: ID, leader: { id: "1", term: 2, since: ago(60_000), ...stamps } },
  });
  gate("G3", (facts) => calm(facts, "c-3"), [
    ["after a minute with one leader", healthy(3), true],
    ["when the leader was seen for two seconds", healthy(3, leader({ since: ago(2000) })), false],
    ["when the leader was seen for four seconds", healthy(3, leader({ since: ago(4000) })), true],
    ["when the term changed", healthy(3, leader({ term: 1 })), false],
    ["when another one led in the last pass", healthy(3, leader({ id: "2" })), false],
    ["20 s after an election that nobody planned", healthy(3, leader({ lastUnplannedChange: ago(20_000) })), false],
    ["31 s after it", healthy(3, leader({ lastUnplannedChange: ago(31_000) })), true],
    ["at the first pass", healthy(3, { status: { clusterID: ID } }), false],
    ["at the first pass of a cluster of one", healthy(1, { status: { clusterID: ID } }), true],
    ["while another voter is down", healthy(3, { members: { 2: DOWN } }), false],
    ["while the target is down", healthy(3, { members: { 3: DOWN } }), true],
    ["while another voter is behind", healthy(3, { members: { 2: { says: { appliedIndex: 3999 } } } }), false],
    ["while another voter is a little behind", healthy(3, { members: { 2: { says: { appliedIndex: 4000 } } } }), true],
    ["without a leader", healthy(3, { leader: 0 }), false],
  ]);
});

describe("G4", () => {
  gate("G4", noAlarm, [
    ["at rest", healthy(3), true],
    ["while an alarm is raised", healthy(3, { etcd: { alarms: [{ memberId: "1", alarm: "NOSPACE" }] } }), false],
  ]);
});

describe("G5", () => {
  const foreign = { clusterId: "beef" } as const;
  gate("G5", sameIdentity, [
    ["for the recorded cluster", healthy(3), true],
    ["without a record", build({ status: {}, members: { 1: { claim: { clusterId: undefined } } } }), false],
    ["without a list from a quorum", healthy(3, { leader: 0 }), false],
    ["when a member is of another cluster", healthy(3, { members: { 2: { says: foreign } } }), false],
    [
      "when the volumes tell of another cluster",
      healthy(3, { members: { 2: { claim: { clusterId: "beef" } } } }),
      false,
    ],
  ]);
  gate("G5", (facts) => exactTarget(facts, named(facts, "c-3")), [
    ["for a listed member", healthy(3), true],
    ["for one that is not listed", healthy(3, { members: { 3: { role: "unlisted" } } }), false],
    [
      "for one whose peer URL is listed twice",
      healthy(3, {
        entries: [
          { id: "9", name: "", peerUrls: ["https://c-3.c-peers.ns.svc:2380"], clientUrls: [], isLearner: false },
        ],
      }),
      false,
    ],
  ]);
});

describe("G6", () => {
  gate("G6", (facts) => notLeader(named(facts, "c-1")), [
    ["for the leader", healthy(3), false],
    ["for a follower", healthy(3, { leader: 2 }), true],
  ]);
});

describe("G7", () => {
  const wanted = (replicas: number, allowEvenReplicas = false) =>
    build({ spec: { replicas, allowEvenReplicas }, members: { 1: {} } });
  gate("G7", oddTarget, [
    ["for three", wanted(3), true],
    ["for none", wanted(0), true],
    ["for four", wanted(4), false],
    ["for four that are meant", wanted(4, true), true],
  ]);
});

describe("G8", () => {
  const at = (isWindowOpen: boolean) =>
    healthy(3, { others: { calendar: { isWindowOpen, nextWindowMs: undefined, defragDueSinceMs: undefined } } });
  gate("G8", windowOpen, [
    ["without a window", healthy(3), true],
    ["in the window", at(true), true],
    ["outside of it", at(false), false],
  ]);
});

describe("G12", () => {
  const backup = (ageMs: number, verified: boolean) =>
    healthy(3, {
      spec: { updateStrategy: { requireRecentBackup: "1h" } },
      others: { newestBackup: { name: "b", completedMs: NOW - ageMs, verified } },
    });
  gate("G12", recentBackup, [
    ["if none is asked for", healthy(3), true],
    ["for a young verified one", backup(60_000, true), true],
    ["for one that is not verified", backup(60_000, false), false],
    ["for an old one", backup(7_200_000, true), false],
    ["for none", healthy(3, { spec: { updateStrategy: { requireRecentBackup: "1h" } } }), false],
  ]);
});

describe("the way to another version", () => {
  const from = (version: string, to: string) =>
    healthy(3, { members: { 2: { spec: { version } } }, others: { wanted: { hash: "h1", image: "i", version: to } } });
  gate("VersionPath", versionPath, [
    ["to a later patch", from("3.6.1", "3.6.4"), true],
    ["to an earlier patch", from("3.6.4", "3.6.1"), true],
    ["to the next minor version", from("3.6.4", "3.7.0"), true],
    ["over a minor version", from("3.5.9", "3.7.0"), false],
    ["back a minor version", from("3.7.0", "3.6.4"), false],
    ["to another major version", from("3.6.4", "4.0.0"), false],
    ["to a version that cannot be read", from("3.6.4", "latest"), true],
  ]);
});
