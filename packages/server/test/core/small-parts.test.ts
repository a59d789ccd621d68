import { createHash } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import { MapBackend } from "@quorate/mvcc/testing";
import { createAlarmMember, decodeAlarmMember, type ErrorCode, encodeAlarmMember } from "@quorate/protocol";
import {
  ALARM_CORRUPT,
  ALARM_NONE,
  ALARM_NOSPACE,
  Alarms,
  AutoCompaction,
  bootstrapClusterId,
  bootstrapMemberId,
  type CheckpointConfig,
  type CheckpointPosition,
  Checkpoints,
  type ClusterMember,
  Counts,
  hexId,
  LeaseExpiry,
  Membership,
  memberJson,
  PendingRequests,
  parseMemberJson,
  Quota,
  RequestIds,
} from "@quorate/server/core";

const sha1 = (bytes: Uint8Array): Uint8Array => createHash("sha1").update(bytes).digest();
const text = new TextDecoder();

describe("member and cluster IDs", () => {
  it("are those etcd computes", () => {
    const member = bootstrapMemberId(["http://127.0.0.1:23800"], "etcd-cluster", sha1);

    expect(member).toBe(3319814642761637952n);
    expect(hexId(member)).toBe("2e1259d415f2a040");
    expect(bootstrapClusterId([member], sha1)).toBe(324952591200643719n);
  });

  it("do not depend on the order of URLs or members", () => {
    expect(bootstrapMemberId(["http://b:1", "http://a:1"], "t", sha1)).toBe(
      bootstrapMemberId(["http://a:1", "http://b:1"], "t", sha1),
    );
    expect(bootstrapClusterId([2n, 1n], sha1)).toBe(bootstrapClusterId([1n, 2n], sha1));
  });

  it("survive JSON whole, which numbers would not", () => {
    const member: ClusterMember = {
      id: 0xffff_ffff_ffff_fffen,
      name: 'n"1',
      peerUrls: ["http://a:1"],
      clientUrls: ["http://a:2"],
      isLearner: true,
    };

    expect(text.decode(memberJson(member))).toBe(
      '{"id":18446744073709551614,"peerURLs":["http://a:1"],"isLearner":true,"name":"n\\"1","clientURLs":["http://a:2"]}',
    );
    expect(parseMemberJson(memberJson(member))).toEqual(member);
    expect(parseMemberJson(new TextEncoder().encode("{}"))).toBeUndefined();
    expect(parseMemberJson(new TextEncoder().encode('{"id":1'))).toBeUndefined();
  });
});

describe("Membership", () => {
  const member: ClusterMember = { id: 5n, name: "", peerUrls: ["http://a:1"], clientUrls: [], isLearner: false };

  it("is what the backend holds", () => {
    const backend = new MapBackend();
    const membership = new Membership(backend);
    membership.add(member);
    membership.add({ ...member, id: 4n, isLearner: true });
    membership.setAttributes(5n, "n5", ["http://a:2"]);
    membership.promote(4n);
    membership.setClusterVersion("3.7.0");
    membership.add({ ...member, id: 9n });
    membership.remove(9n);

    const again = new Membership(backend);
    expect(again.list()).toEqual([
      { ...member, id: 4n },
      { ...member, name: "n5", clientUrls: ["http://a:2"] },
    ]);
    expect(again.isRemoved(9n)).toBe(true);
    expect(again.clusterVersion).toBe("3.7.0");
  });

  it("ignores what members that are gone publish", () => {
    const membership = new Membership(new MapBackend());

    membership.setAttributes(7n, "ghost", []);

    expect(membership.list()).toEqual([]);
  });
});

describe("RequestIds", () => {
  it("are made of member, time and counter, and ascend", () => {
    const ids = new RequestIds(0xabcd_0000_0000_1234n, 2 ** 40 + 5);

    expect(ids.next()).toBe((0x1234n << 48n) | (5n << 8n) | 1n);
    expect(ids.nextLow48()).toBe(5 * 256 + 2);
    expect(ids.high16).toBe(0x1234);
  });

  it("give lease IDs that are positive", () => {
    const ids = new RequestIds(0xffffn, 2 ** 39);

    for (let i = 0; i < 300; i++) {
      const id = ids.nextLeaseId();
      expect(id > 0n && id < 2n ** 63n).toBe(true);
    }
  });
});

describe("PendingRequests", () => {
  const answers = (): {
    failed: [number, ErrorCode][];
    request: (id: number) => { applied(): void; failed(code: ErrorCode): void };
  } => {
    const failed: [number, ErrorCode][] = [];
    return { failed, request: (id) => ({ applied() {}, failed: (code) => failed.push([id, code]) }) };
  };

  it("find each request once, in any order, over gaps and trims", () => {
    const pending = new PendingRequests();
    const { request } = answers();
    const base = 2 ** 47;
    const waiting = new Map<number, unknown>();
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 1500; i++) {
        const id = base + round * 5000 + i * 3;
        const one = request(id);
        waiting.set(id, one);
        pending.add(id, one, 0);
      }
      for (const id of [...waiting.keys()].filter((_, i) => i % 7 !== 0)) {
        expect(pending.take(id)).toBe(waiting.get(id));
        waiting.delete(id);
        expect(pending.take(id)).toBeUndefined();
      }
      expect(pending.size).toBe(waiting.size);
    }
    expect(pending.take(1)).toBeUndefined();
    expect(pending.take(base + 1)).toBeUndefined();
    for (const [id, one] of waiting) expect(pending.take(id)).toBe(one);
    expect(pending.size).toBe(0);
  });

  it("expire the oldest and leave the rest", () => {
    const pending = new PendingRequests();
    const { failed, request } = answers();
    for (const [id, tick] of [
      [10, 1],
      [11, 2],
      [12, 3],
    ] as const) {
      pending.add(id, request(id), tick);
    }
    pending.take(10);

    expect(pending.expire(3, () => "timeout")).toBe(1);
    expect(failed).toEqual([[11, "timeout"]]);
    expect(pending.size).toBe(1);
    pending.failAll("stopped");
    expect(failed).toEqual([
      [11, "timeout"],
      [12, "stopped"],
    ]);
    expect(pending.size).toBe(0);
  });
});

describe("Alarms", () => {
  const codec = {
    encode: ({ memberId, type }: { memberId: bigint; type: number }): Uint8Array =>
      encodeAlarmMember(createAlarmMember({ memberId, alarm: type })),
    decode: (bytes: Uint8Array): { memberId: bigint; type: number } => {
      const { memberId, alarm } = decodeAlarmMember(bytes);
      return { memberId, type: alarm };
    },
  };

  it("are raised once for member and type, disarmed exactly, and kept in the backend", () => {
    const backend = new MapBackend();
    const alarms = new Alarms(backend, codec);
    const noSpace = { memberId: 1n, type: ALARM_NOSPACE };
    const corrupt = { memberId: 2n, type: ALARM_CORRUPT };

    expect(alarms.activate({ memberId: 1n, type: ALARM_NONE })).toEqual([]);
    expect([alarms.activate(noSpace), alarms.activate(noSpace), alarms.activate(corrupt)]).toEqual([
      [noSpace],
      [noSpace],
      [corrupt],
    ]);
    expect(alarms.deactivate({ memberId: 2n, type: ALARM_NOSPACE })).toEqual([]);

    const again = new Alarms(backend, codec);
    expect(again.list(ALARM_NONE)).toEqual([noSpace, corrupt]);
    expect(again.list(ALARM_CORRUPT)).toEqual([corrupt]);
    expect(again.deactivate(noSpace)).toEqual([noSpace]);
    expect(new Alarms(backend, codec).isActive(ALARM_NOSPACE)).toBe(false);
  });
});

describe("Quota", () => {
  const backend = Object.assign(new MapBackend(), { sizeBytes: () => 1000 });

  it("admits what stays below the limit, and what costs nothing at any size", () => {
    const quota = new Quota(backend, 1100);

    expect([quota.admits(99), quota.admits(100), quota.admits(0)]).toEqual([true, false, true]);
    expect(new Quota(backend, 10).admits(0)).toBe(true);
    expect(new Quota(backend, undefined).admits(2 ** 50)).toBe(true);
  });
});

describe("Checkpoints", () => {
  const config: CheckpointConfig = { entriesMax: 10, spacingMs: 100, bytesMax: 1000, ageMaxMs: 5000 };

  function harness(): {
    now: { ms: number; urgent: boolean };
    saves: (() => void)[];
    checkpoints: Checkpoints;
  } {
    const now = { ms: 0, urgent: false };
    const saves: (() => void)[] = [];
    const position: CheckpointPosition = {
      index: 1,
      term: 1,
      revision: 1,
      confState: { voters: [], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false },
    };
    const checkpoints = new Checkpoints(config, {
      nowMs: () => now.ms,
      isUrgent: () => now.urgent,
      position: () => position,
      save: (_position, done) => saves.push(done),
      failed: () => {},
    });
    return { now, saves, checkpoints };
  }

  it("are made anew on demand, also when nothing was applied, but not while the state is replaced", () => {
    const { checkpoints, saves } = harness();
    const renewed: string[] = [];
    checkpoints.renew(() => renewed.push("first"));
    checkpoints.renew(() => renewed.push("second"));
    expect(saves.length).toBe(1);
    saves[0]?.();
    expect([renewed, saves.length]).toEqual([["first"], 2]);
    saves[1]?.();
    checkpoints.hold(() => {});
    checkpoints.renew(() => renewed.push("third"));
    expect([renewed, saves.length]).toEqual([["first", "second", "third"], 2]);
  });

  it("are due after enough entries and a pause, after many bytes, with age, and when urgent", () => {
    const { now, saves, checkpoints } = harness();
    checkpoints.applied(10, 1);
    expect(saves.length).toBe(0);
    now.ms = 100;
    checkpoints.visit();
    expect(saves.length).toBe(1);
    saves[0]?.();
    checkpoints.applied(1, 1000);
    expect(saves.length).toBe(2);
    saves[1]?.();
    checkpoints.visit();
    checkpoints.applied(1, 1);
    now.ms = 6000;
    checkpoints.visit();
    expect(saves.length).toBe(3);
    saves[2]?.();
    now.urgent = true;
    checkpoints.applied(1, 1);
    expect(saves.length).toBe(4);
  });

  it("are made one at a time, and a stop waits for one of everything", () => {
    const { now, saves, checkpoints } = harness();
    let finished = 0;
    now.ms = 100;
    checkpoints.applied(10, 1);
    checkpoints.applied(1, 5000);
    checkpoints.finish(() => finished++);
    expect([saves.length, finished]).toEqual([1, 0]);
    saves[0]?.();
    expect([saves.length, finished]).toEqual([2, 0]);
    saves[1]?.();
    expect(finished).toBe(1);
    checkpoints.finish(() => finished++);
    expect([saves.length, finished]).toEqual([2, 2]);
  });
});

describe("AutoCompaction", () => {
  const HOUR = 3_600_000;

  /** Targets by the step of a tenth of an hour in which they were due, `fails` saying which attempts come to nothing. */
  function compactions(periodMs: number, steps: number, fails: (step: number) => boolean, leads = true): unknown[] {
    const compaction = new AutoCompaction({ mode: "periodic", periodMs }, 0);
    const targets: [number, number][] = [];
    for (let step = 0; step <= steps; step++) {
      const nowMs = (step * HOUR) / 10;
      const target = compaction.visit(nowMs, 1 + step * 10, leads || step > 25);
      if (target === undefined) continue;
      targets.push([step, target]);
      compaction.done(target, !fails(step), nowMs);
    }
    return targets;
  }

  it("by revisions keeps as many, looking every five minutes, while this member leads", () => {
    const compaction = new AutoCompaction({ mode: "revision", revisions: 100 }, 0);

    expect(compaction.visit(299_999, 500, true)).toBeUndefined();
    expect(compaction.visit(300_000, 500, true)).toBe(400);
    // One at a time, and again when it failed.
    expect(compaction.visit(600_000, 510, true)).toBeUndefined();
    compaction.done(400, false, 600_000);
    expect(compaction.visit(900_000, 500, true)).toBe(400);
    compaction.done(400, true, 900_000);
    expect(compaction.visit(1_200_000, 500, true)).toBeUndefined();
    expect(compaction.visit(1_500_000, 90, true)).toBeUndefined();
    expect(compaction.visit(1_800_000, 600, false)).toBeUndefined();
    expect(compaction.visit(2_100_000, 600, true)).toBe(500);
  });

  it("by time compacts to the revision of one period ago, once an interval", () => {
    // From the second time on the newest note is a tenth of an interval old, as in etcd.
    const never = (): boolean => false;
    expect(compactions(HOUR, 32, never)).toEqual([
      [10, 1],
      [20, 91],
      [30, 191],
    ]);
    expect(compactions(3 * HOUR, 52, never)).toEqual([
      [30, 1],
      [40, 91],
      [50, 191],
    ]);
  });

  it("by time tries again a tenth of an interval after a failure, and at once when this member comes to lead", () => {
    expect(compactions(HOUR, 23, (step) => step < 12)).toEqual([
      [10, 1],
      [11, 1],
      [12, 11],
      [22, 111],
    ]);
    expect(compactions(HOUR, 40, () => false, false)).toEqual([
      [26, 151],
      [36, 251],
    ]);
  });

  it("does nothing when off", () => {
    expect(new AutoCompaction({ mode: "off" }, 0).visit(10 * HOUR, 1000, true)).toBeUndefined();
  });
});

describe("LeaseExpiry", () => {
  it("proposes each expired lease once until that is decided, and again when it failed", () => {
    const proposed: bigint[] = [];
    const done: ((revoked: boolean) => void)[] = [];
    let accepts = true;
    const lessor = { nextExpiryMs: 0, expired: () => [1n, 2n] } as unknown as ConstructorParameters<
      typeof LeaseExpiry
    >[0]["lessor"];
    const counts = new Counts();
    const expiry = new LeaseExpiry({
      counts,
      lessor,
      confirmLeadership: (confirmed) => confirmed(),
      proposeRevoke: (id, decided) => {
        if (!accepts) return false;
        proposed.push(id);
        done.push(decided);
        return true;
      },
    });
    expiry.visit(0);
    expiry.visit(500);
    expect(proposed).toEqual([1n, 2n]);
    done[0]?.(false);
    expect(counts.leasesExpired).toBe(0);
    expiry.visit(1000);
    expect(proposed).toEqual([1n, 2n, 1n]);
    done[1]?.(true);
    accepts = false;
    expiry.visit(1500);
    accepts = true;
    expiry.visit(2000);
    expect(proposed).toEqual([1n, 2n, 1n, 2n]);
    expect(counts.leasesExpired).toBe(1);
  });

  it("revokes nothing before a quorum has confirmed the leadership, and asks again after a refusal", () => {
    const proposed: bigint[] = [];
    const asked: { confirmed: () => void; failed: () => void }[] = [];
    let expired = [1n, 2n];
    const lessor = { nextExpiryMs: 100, expired: () => expired };
    const expiry = new LeaseExpiry({
      counts: new Counts(),
      lessor: lessor as unknown as ConstructorParameters<typeof LeaseExpiry>[0]["lessor"],
      confirmLeadership: (confirmed, failed) => void asked.push({ confirmed, failed }),
      proposeRevoke: (id) => proposed.push(id) > 0,
    });
    expiry.visit(99);
    expect(asked).toHaveLength(0);
    expiry.visit(100);
    expiry.visit(600);
    expect(asked).toHaveLength(1);
    asked[0]?.failed();
    expiry.visit(1100);
    expect(asked).toHaveLength(2);
    expect(proposed).toEqual([]);
    // Renewed while the quorum was asked.
    expired = [2n];
    asked[1]?.confirmed();
    expect(proposed).toEqual([2n]);
  });
});
