import { describe, expect, it } from "@jest/globals";
import type { Cluster } from "../../src/kubectl/objects.ts";
import { bytesText, clusterText, isReady, listText } from "../../src/kubectl/status-text.ts";
import { ageText } from "../../src/kubectl/text-table.ts";

const now = Date.parse("2026-11-25T12:00:00Z");
const ago = (seconds: number): string => new Date(now - seconds * 1000).toISOString();
const good = (type: string, status = "True", reason = "AsItShouldBe"): object => ({
  type,
  status,
  reason,
  message: "all is well",
});

const healthy = {
  metadata: { name: "store", namespace: "prod", generation: 4 },
  spec: { replicas: 3 },
  status: {
    phase: "Running",
    message: "3 members are healthy",
    ready: "3/3",
    clusterID: "cdf818194e3a8c32",
    revision: "184467",
    lastObservedTime: ago(4),
    quorum: { required: 2, healthy: 3, tolerates: 1 },
    leader: { member: "store-2" },
    version: { current: "3.5.30", target: "3.5.30" },
    database: { size: "20Mi", quotaPercent: 1 },
    endpoints: { service: "https://store.prod.svc:2379" },
    backup: { lastSuccessfulTime: ago(1800), lastVerifiedTime: ago(1700) },
    members: [
      {
        name: "store-1",
        id: "8e9e05c52164694d",
        role: "Follower",
        ready: true,
        node: "a",
        version: "3.5.30",
        dbSize: 20971520,
        lag: 0,
        phase: "Voter",
      },
      {
        name: "store-2",
        id: "91bc3c398fb3c146",
        role: "Leader",
        ready: true,
        node: "b",
        version: "3.5.30",
        dbSize: 1536,
        lag: 0,
        phase: "Voter",
      },
    ],
    conditions: [
      good("Ready"),
      good("Degraded", "False"),
      good("BackupHealthy", "Unknown", "NotConfigured"),
      good("UpgradeAvailable", "False"),
    ],
  },
} as unknown as Cluster;

const broken = {
  ...healthy,
  status: {
    ...healthy.status,
    phase: "QuorumLost",
    message: "the data of 2 of 3 voters is gone",
    version: { current: "3.5.29", target: "3.5.30" },
    operation: { type: "RollingUpdate", member: "store-1", startedAt: ago(90) },
    survivors: [
      {
        member: "store-2",
        pod: "Running",
        node: "b",
        volume: "Present",
        dataValid: "True",
        raftTerm: 7,
        raftIndex: 918,
        lastSeen: ago(3),
      },
    ],
    conditions: [
      { type: "Ready", status: "False", reason: "NoQuorum", message: "1 of 3" },
      { type: "QuorumHealthy", status: "False", reason: "LostRecoverable", message: "store-2 has its data" },
      { type: "Available", status: "True", reason: "NoSpace", message: "reads only" },
    ],
  },
} as unknown as Cluster;

describe("a cluster on a screen", () => {
  it("says what it is and who is in it, and nothing of what is well", () => {
    expect(clusterText(healthy, now)).toBe(`Cluster:   prod/store
ID:        cdf818194e3a8c32
Status:    Running: 3 members are healthy
Ready:     3/3
Quorum:    3 healthy, 2 needed, 1 may fail
Leader:    store-2
Version:   3.5.30
Database:  20Mi, 1% of its quota
Revision:  184467
Endpoint:  https://store.prod.svc:2379
Backup:    30m ago, verified 28m ago
Observed:  4s ago

MEMBER    ID                 ROLE       READY   NODE   VERSION   DB      LAG   STATE
store-1   8e9e05c52164694d   Follower   true    a      3.5.30    20Mi    0     Voter
store-2   91bc3c398fb3c146   Leader     true    b      3.5.30    1.5Ki   0     Voter
`);
  });

  it("says what is wrong, what is being done, and what can be saved", () => {
    const text = clusterText(broken, now);

    expect(text).toContain("Version:   3.5.29, changing to 3.5.30\n");
    expect(text).toContain("Doing:     RollingUpdate store-1 for 90s\n");
    expect(text).toContain(`What can be saved (kubectl quorate restore --survivor):
VOTER     POD       NODE   VOLUME    DATA VALID   TERM   INDEX   LAST SEEN
store-2   Running   b      Present   True         7      918     3s
`);
    expect(text).toContain(`CONDITION       STATUS   REASON            MESSAGE
Ready           False    NoQuorum          1 of 3
QuorumHealthy   False    LostRecoverable   store-2 has its data
Available       True     NoSpace           reads only
`);
  });

  it("says so while the operator has not seen it", () => {
    const unseen = { metadata: { name: "new" }, spec: {} } as Cluster;

    expect(clusterText(unseen, now)).toBe("new: not seen by the operator yet\n");
    expect(listText([unseen], now)).toContain("not seen by the operator yet");
    expect(listText([], now)).toBe("No clusters found.\n");
  });
});

describe("isReady", () => {
  it("does not believe a condition that is about an older spec", () => {
    const ready = (observedGeneration: number): Cluster =>
      ({
        ...healthy,
        status: { conditions: [{ type: "Ready", status: "True", reason: "x", message: "x", observedGeneration }] },
      }) as Cluster;

    expect([isReady(healthy), isReady(broken), isReady(ready(3)), isReady(ready(4))]).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });
});

describe("sizes and ages", () => {
  it.each([
    [0, "0B"],
    [1023, "1023B"],
    [1024, "1Ki"],
    [1.5 * 2 ** 30, "1.5Gi"],
    [2 ** 50, "1024Ti"],
  ])("%d bytes are %s", (bytes, text) => {
    expect(bytesText(bytes)).toBe(text);
  });

  it.each([
    [-5, "0s"],
    [119, "119s"],
    [120, "2m"],
    [7199, "119m"],
    [7200, "2h"],
    [172_800, "2d"],
  ])("%d seconds are %s", (seconds, text) => {
    expect(ageText(ago(seconds), now)).toBe(text);
  });
});
