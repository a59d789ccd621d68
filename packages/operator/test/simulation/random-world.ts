import type { Prng } from "@quorate/base";
import {
  type ClaimView,
  type EtcdCluster,
  type EtcdMember,
  type EtcdMemberEntry,
  type EtcdMemberList,
  type EtcdRestore,
  type EtcdStatus,
  type IdentityLatch,
  type MemberAnswer,
  memberWithDefaults,
  type NodeView,
  type PodView,
  peerUrlOf,
  restoreWithDefaults,
  type World,
  withDefaults,
} from "../../src/core/index.ts";

const NOW = 1_800_000_000_000;
const GIB = 2 ** 30;
const IDS = ["cafe", "beef"] as const;

/** Any combination of objects, answers, half-done states and stale views. Most parts are as in a healthy cluster, so that deep states are met. */
export function randomWorld(prng: Prng): World {
  return new WorldMaker(prng).make();
}

class WorldMaker {
  readonly #prng: Prng;
  /** One in how many things is unusual: some worlds are nearly well, others a mess. */
  readonly #oddness: number;
  /** The members' files are mostly empty. */
  readonly #isSparse: boolean;
  /** Serial of a member that has only just been thought of. */
  #joiner: number | undefined;

  constructor(prng: Prng) {
    this.#prng = prng;
    this.#oddness = this.#pick([3, 8, 20, 60, 1000]);
    this.#isSparse = this.#once(5);
  }

  #pick<T>(values: readonly T[]): T {
    return values[this.#prng.below(values.length)] as T;
  }

  /** True once in `n`. */
  #once(n: number): boolean {
    return this.#prng.below(n) === 0;
  }

  #odd(): boolean {
    return this.#once(this.#oddness);
  }

  #ago(maxMs: number): string {
    return new Date(NOW - this.#prng.below(maxMs)).toISOString();
  }

  make(): World {
    const born = !this.#once(6);
    const count = this.#pick(born ? [0, 1, 1, 2, 3, 3, 3, 4, 5, 5, 7] : [0, 0, 1, 1, 1, 2]);
    const serials = Array.from({ length: count }, (_, index) => index + 1 + (this.#odd() ? 3 : 0));
    const unique = [...new Set(serials)];
    const restore = this.#once(8) ? this.#restore(unique) : undefined;
    const epoch = restore?.status?.recoveryEpoch ?? 0;
    const cluster = this.#cluster(born, unique);
    this.#joiner = this.#once(6) ? unique.at(-1) : undefined;
    const members = unique.map((serial) => this.#member(cluster, serial, born, epoch));
    const pods = members
      .filter((member) => !this.#odd() && member.spec.serial !== this.#joiner)
      .map((member) => this.#pod(member));
    const claims = members.filter(() => !this.#odd()).map((member) => this.#claim(member, born));
    if (this.#once(20) && members.length > 0) {
      // An adoption that stopped half-way.
      const claim = this.#formerClaim(members[0]?.spec.serial ?? 1);
      claims.splice(0, claims.length, {
        ...claim,
        member: undefined,
        isRetired: true,
        isTerminating: false,
        phase: "Bound",
      });
    }
    if (this.#odd()) pods.push({ ...this.#pod(this.#member(cluster, 40, true, 0)), member: "c-40" });
    for (let extra = 0; this.#once(5) && extra < 3; extra += 1) claims.push(this.#formerClaim(50 + extra));
    const entries = this.#entries(cluster, members, born);
    const leader = this.#pick(
      entries
        .filter((entry) => !entry.isLearner)
        .map((entry) => entry.id)
        .concat(this.#odd() ? ["0"] : []),
    );
    const answers = this.#answers(pods, entries, leader ?? "0");
    const list =
      entries.length > 0 && leader !== undefined && leader !== "0" && !this.#odd()
        ? this.#list(entries, leader)
        : undefined;
    return {
      nowMs: NOW,
      cluster,
      members: this.#shuffle(members),
      pods: this.#shuffle(pods),
      claims: this.#shuffle(claims),
      nodes: this.#once(2) ? [] : this.#nodes(pods),
      latches: this.#latches(cluster, born),
      etcd: {
        list,
        localLists: list === undefined ? this.#localLists(entries, answers) : new Map(),
        answers,
        alarms: this.#odd()
          ? [{ memberId: this.#pick(["1", "2", "77"]), alarm: this.#pick(["NOSPACE", "CORRUPT"] as const) }]
          : [],
        isReadable: list !== undefined && !this.#once(30),
      },
      wanted: {
        hash: this.#pick(["h1", "h1", "h1", "h2"]),
        image: "etcd",
        version: this.#pick(["3.6.4", "3.6.4", "3.7.0", "odd"]),
      },
      restore,
      missing: this.#odd() ? [{ kind: "Secret", name: "s", message: "it is not there" }] : [],
      certificates: this.#odd()
        ? [{ name: "c-1-tls", kind: "Member", notAfterMs: NOW + 1000, renewAtMs: NOW - 1, issuer: "x" }]
        : [],
      newestBackup: this.#once(2) ? undefined : { name: "b", completedMs: NOW - 1000, verified: this.#once(2) },
      ...(this.#odd() ? { specErrors: ["it breaks a rule"] } : {}),
      ...(this.#once(3)
        ? { calendar: { isWindowOpen: !this.#odd(), nextWindowMs: NOW + 1, defragDueSinceMs: NOW - 60_000 } }
        : {}),
      ...(this.#once(4) ? this.#changingAuthorities(members) : {}),
    };
  }

  /** A change of the authorities at any point, and members that have heard of it or not. */
  #changingAuthorities(members: readonly EtcdMember[]): Pick<World, "rotation" | "memberTls" | "certificates"> {
    const phase = this.#pick(["Asked", "TrustNew", "Reissue", "DropOld"] as const);
    const sinceMs = NOW - this.#pick([60_000, 3_600_000, 30 * 3_600_000]);
    const isSlow = this.#odd();
    const memberTls = members.flatMap(({ metadata }) =>
      isSlow && this.#once(3)
        ? []
        : [
            [
              metadata.name,
              {
                showsCurrent: !(isSlow && this.#once(3)),
                trustsNext: phase === "TrustNew" ? !(isSlow && this.#once(3)) : undefined,
                filesSinceMs: this.#once(2) ? NOW - 3_600_000 : undefined,
                trustsDropped: phase === "DropOld" ? isSlow && this.#once(3) : undefined,
              },
            ] as const,
          ],
    );
    const former = {
      notAfterMs: NOW + 3_600_000,
      renewAtMs: NOW + 1000,
      issuer: "x",
      isOfFormerAuthority: true,
    } as const;
    return {
      rotation: { phase, sinceMs },
      memberTls: new Map(memberTls),
      certificates: phase === "Reissue" && this.#odd() ? [{ name: "c-1-tls", kind: "Member", ...former }] : [],
    };
  }

  #shuffle<T>(values: readonly T[]): readonly T[] {
    const copy = [...values];
    for (let index = copy.length - 1; index > 0; index -= 1) {
      const other = this.#prng.below(index + 1);
      [copy[index], copy[other]] = [copy[other] as T, copy[index] as T];
    }
    return copy;
  }

  #cluster(born: boolean, serials: readonly number[]): EtcdCluster {
    const replicas = this.#pick([0, 1, 3, 3, 3, 5, 7, serials.length]);
    const bare = {
      apiVersion: "etcd.quorate.dev/v1alpha1",
      kind: "EtcdCluster",
      metadata: {
        name: "c",
        namespace: "ns",
        uid: "u-c",
        generation: 4,
        ...(this.#once(25) ? { deletionTimestamp: this.#ago(1000) } : {}),
        ...(this.#once(25) ? { annotations: { "etcd.quorate.dev/pause": "true" } } : {}),
      },
      spec: {
        replicas,
        allowEvenReplicas: this.#once(3),
        paused: this.#once(25),
        storage: {
          medium: this.#once(10) ? ("Memory" as const) : ("Disk" as const),
          whenScaled: this.#pick(["Delete", "Retain"] as const),
          whenDeleted: this.#pick(["Retain", "Delete"] as const),
          size: this.#odd() ? "16Gi" : "8Gi",
        },
        bootstrap: { retainedVolumes: this.#pick(["Refuse", "Adopt", "Ignore"] as const) },
        updateStrategy: {
          leader: this.#pick(["Automatic", "Supervised"] as const),
          minReadySeconds: this.#pick([0, 10]),
        },
        recovery: {
          quorumLoss: this.#pick(["Manual", "FromSurvivor"] as const),
          replaceMemberAfter: this.#pick(["0s", "2m", "10m"]),
        },
        podDisruptionBudget: { enabled: !this.#once(5) },
      },
    };
    if (this.#odd() && this.#odd()) return withDefaults(bare);
    const leader = this.#pick(serials.length === 0 ? [1] : serials);
    return {
      ...withDefaults(bare),
      status: {
        ...(born && !this.#odd() ? { clusterID: this.#odd() && this.#odd() ? IDS[1] : IDS[0] } : {}),
        lastSerial: this.#pick([0, 0, 3, 9]),
        leader: {
          member: `c-${leader}`,
          id: leader.toString(16),
          term: 2,
          since: this.#ago(20_000),
          ...(this.#odd() ? { lastUnplannedChange: this.#ago(60_000) } : {}),
        },
        quorumLostSince: this.#ago(7_200_000),
        conditions: [
          {
            type: "Available",
            status: "True",
            reason: this.#pick(["QuorumHealthy", "NotBootstrapped"]),
            message: "",
            lastTransitionTime: this.#ago(60_000),
          },
        ],
        pacing: this.#odd()
          ? { replacements: [this.#ago(3_600_000)], learnerFailures: 1, lastLearnerFailure: this.#ago(300_000) }
          : undefined,
      },
    };
  }

  #member(cluster: EtcdCluster, serial: number, born: boolean, epoch: number): EtcdMember {
    const joined = born && !this.#odd() && serial !== this.#joiner;
    const name = `${cluster.metadata.name}-${serial}`;
    const bare = {
      apiVersion: "etcd.quorate.dev/v1alpha1",
      kind: "EtcdMember",
      metadata: {
        name,
        namespace: "ns",
        uid: `u-${serial}`,
        generation: 1,
        ...(this.#odd() ? { deletionTimestamp: this.#ago(1000) } : {}),
      },
      spec: {
        clusterName: "c",
        serial,
        join:
          serial === 1
            ? this.#pick(["New", "New", "New", "Restore"] as const)
            : this.#pick(["Existing", "Existing", "Existing", "Existing", "Existing", "Restore"] as const),
        desiredRole: this.#odd() ? ("Absent" as const) : ("Voter" as const),
        recoveryEpoch: this.#once(3) ? epoch : 0,
      },
    };
    if (this.#odd() && this.#odd()) return memberWithDefaults(bare);
    return {
      ...memberWithDefaults(bare),
      status: {
        joined,
        memberID: joined ? serial.toString(16) : undefined,
        phase: joined ? this.#pick(["Voter", "Voter", "Voter", "Learner", "Leaving", "Lost"] as const) : "Pending",
        step: this.#isSparse ? "DrainingForDefrag" : this.#pick(["Draining", "Serving"]),
        stepStartedAt: this.#ago(20_000),
        unhealthySince: this.#once(2) ? this.#ago(1_800_000) : undefined,
        progressedAt: this.#odd() ? this.#ago(1_800_000) : undefined,
        conditions: [
          {
            type: "InSync",
            status: this.#pick(["True", "False"] as const),
            reason: "InSync",
            message: "",
            lastTransitionTime: this.#ago(1000),
          },
        ],
      },
    };
  }

  #pod(member: EtcdMember): PodView {
    const isBad = this.#odd();
    return {
      name: member.metadata.name,
      uid: `p-${member.spec.serial}`,
      member: member.metadata.name,
      phase: isBad ? this.#pick(["Pending", "Succeeded", "Failed", "Unknown"] as const) : "Running",
      ready: !isBad && !this.#odd(),
      readySinceMs: NOW - this.#prng.below(60_000),
      createdMs: NOW - this.#prng.below(3_600_000),
      isTerminating: this.#odd(),
      node: this.#odd() ? undefined : this.#pick(["n1", "n2", "n3"]),
      templateHash: this.#odd() ? "h0" : "h1",
      image: "etcd",
      forceEpoch: this.#odd() && this.#odd() ? 1 : undefined,
      restarts: this.#pick([0, 0, 9]),
      waitingReason: isBad
        ? this.#pick(["ImagePullBackOff", "CrashLoopBackOff", "Unschedulable", undefined])
        : undefined,
      waitingMessage: undefined,
      exitCode: isBad ? this.#pick([78, 79, 80, 1, undefined]) : undefined,
      isLabelledVoter: this.#once(2),
      annotations: member.status?.joined === true && !this.#odd() ? { "etcd.quorate.dev/joined": "true" } : {},
    };
  }

  #claim(member: EtcdMember, born: boolean): ClaimView {
    return {
      name: `data-${member.metadata.name}`,
      uid: `v-${member.spec.serial}`,
      member: member.metadata.name,
      serial: member.spec.serial,
      phase: this.#odd() ? this.#pick(["Pending", "Lost"] as const) : "Bound",
      isTerminating: this.#odd(),
      isRetired: false,
      requested: 8 * GIB,
      capacity: this.#odd() ? 4 * GIB : 8 * GIB,
      needsRestartToGrow: this.#odd(),
      storageClassName: "standard",
      canExpand: this.#pick([true, false, undefined]),
      clusterId: born && !this.#odd() ? IDS[0] : undefined,
    };
  }

  #formerClaim(serial: number): ClaimView {
    const isRetired = this.#once(2);
    return {
      ...this.#claim(this.#member({ metadata: { name: "c" } } as EtcdCluster, serial, true, 0), true),
      member: isRetired ? undefined : `c-${serial}`,
      isRetired,
      clusterId: this.#odd() ? IDS[1] : IDS[0],
    };
  }

  #entries(cluster: EtcdCluster, members: readonly EtcdMember[], born: boolean): readonly EtcdMemberEntry[] {
    if (!born && this.#once(2)) return [];
    const entries: EtcdMemberEntry[] = members
      .filter((member) => !this.#odd() && member.spec.serial !== this.#joiner)
      .map((member) => ({
        id: member.spec.serial.toString(16),
        name: this.#odd() ? "" : member.metadata.name,
        peerUrls: [peerUrlOf(cluster, member.metadata.name)],
        clientUrls: [],
        isLearner: this.#odd(),
      }));
    if (this.#odd())
      entries.push({
        id: "77",
        name: this.#pick(["", "guest"]),
        peerUrls: ["http://guest:2380"],
        clientUrls: [],
        isLearner: this.#once(2),
      });
    if (this.#odd())
      entries.push({
        id: "78",
        name: this.#pick(["", "c-60"]),
        peerUrls: [peerUrlOf(cluster, "c-60")],
        clientUrls: [],
        isLearner: this.#once(2),
      });
    return entries;
  }

  #list(entries: readonly EtcdMemberEntry[], leader: string): EtcdMemberList {
    return { clusterId: this.#odd() && this.#odd() ? IDS[1] : IDS[0], memberId: leader, members: entries };
  }

  #answers(pods: readonly PodView[], entries: readonly EtcdMemberEntry[], leader: string): Map<string, MemberAnswer> {
    const answers = new Map<string, MemberAnswer>();
    for (const pod of pods) {
      if (pod.phase !== "Running" || this.#odd()) continue;
      if (this.#odd()) {
        answers.set(pod.member, {
          kind: "failed",
          code: this.#pick(["Unreachable", "AuthFailed"]),
          message: "no answer",
        });
        continue;
      }
      answers.set(pod.member, { kind: "status", status: this.#status(pod.member, entries, leader) });
    }
    return answers;
  }

  #status(name: string, entries: readonly EtcdMemberEntry[], leader: string): EtcdStatus {
    const entry = entries.find((candidate) => candidate.name === name);
    return {
      clusterId: this.#once(300) ? IDS[1] : IDS[0],
      memberId: entry?.id ?? "99",
      leaderId: this.#odd() ? "0" : leader,
      raftTerm: this.#odd() ? 3 : 2,
      raftIndex: 5000,
      appliedIndex: this.#odd() ? 10 : 5000,
      isLearner: entry?.isLearner ?? false,
      revision: 4000,
      version: this.#odd() ? "3.5.1" : "3.6.4",
      dbSize: this.#odd() ? 2 * GIB : this.#isSparse ? GIB : 1000,
      dbSizeInUse: 900,
      quota: 2 * GIB,
      errors: [],
    };
  }

  #localLists(
    entries: readonly EtcdMemberEntry[],
    answers: ReadonlyMap<string, MemberAnswer>,
  ): ReadonlyMap<string, EtcdMemberList> {
    const lists = new Map<string, EtcdMemberList>();
    for (const [name, answer] of answers) {
      if (answer.kind === "status" && !this.#odd())
        lists.set(name, { clusterId: answer.status.clusterId, memberId: answer.status.memberId, members: entries });
    }
    return lists;
  }

  #nodes(pods: readonly PodView[]): readonly NodeView[] {
    const names = [...new Set(pods.map((pod) => pod.node).filter((node) => node !== undefined))];
    return names.map((name) => {
      const ready = !this.#odd();
      return {
        name,
        ready,
        notReadySinceMs: ready ? undefined : NOW - this.#prng.below(600_000),
        zone: this.#pick(["a", "b"]),
        isOutOfService: !ready && this.#once(3),
      };
    });
  }

  #latches(cluster: EtcdCluster, born: boolean): readonly IdentityLatch[] {
    const latches: IdentityLatch[] = [];
    if (cluster.status?.clusterID !== undefined) latches.push({ where: "status", clusterId: cluster.status.clusterID });
    if (born && !this.#odd()) latches.push({ where: "secret", clusterId: IDS[0] });
    return latches;
  }

  #restore(serials: readonly number[]): EtcdRestore {
    const isSurvivor = this.#once(2);
    const phase = this.#pick([
      "Pending",
      "Validating",
      "Fencing",
      "Seeding",
      "Growing",
      "Verifying",
      "Completed",
      "Failed",
    ] as const);
    const bare = {
      apiVersion: "etcd.quorate.dev/v1alpha1",
      kind: "EtcdRestore",
      metadata: { name: "r", namespace: "ns", uid: "u-r" },
      spec: {
        source: isSurvivor ? { survivor: this.#pick(["auto", "c-1", "c-9"]) } : { backupName: "b" },
        target: { clusterName: "c" },
        mode: this.#once(5) ? ("NewCluster" as const) : ("InPlace" as const),
        confirm: this.#odd() ? "f00d" : IDS[0],
      },
    };
    const hasBegun = phase !== "Pending" && phase !== "Validating" && !(phase === "Fencing" && this.#once(2));
    return {
      ...restoreWithDefaults(bare),
      status: {
        phase,
        ...(hasBegun
          ? {
              recoveryEpoch: 1,
              oldClusterID: IDS[0],
              survivor: `c-${this.#pick([...serials, 1])}`,
              seed: `c-${this.#pick([...serials, 1])}`,
            }
          : {}),
        ...(this.#once(2) ? { steps: [{ name: "Forced1", time: this.#ago(1000) }] } : {}),
        ...(phase === "Growing" || this.#odd() ? { newClusterID: isSurvivor ? IDS[0] : this.#pick(IDS) } : {}),
        artifact: { destination: {}, key: "k", revision: "100" } as never,
      },
    };
  }
}
