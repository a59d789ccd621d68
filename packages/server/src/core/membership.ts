import { assert, must, utf8Bytes, utf8Text } from "@quorate/base";
import type { Backend } from "@quorate/mvcc";
import type { ErrorCode } from "@quorate/protocol";
import { type ConfChange, ConfChangeType } from "@quorate/raft";
import { compareMinor, parseVersion } from "./cluster-version.ts";
import { type DowngradeInfo, downgradeJson, NO_DOWNGRADE, parseDowngradeJson } from "./downgrade.ts";
import { type ClusterMember, hexId, memberJson, parseChangeContext, parseMemberJson } from "./member.ts";

const CLUSTER_VERSION = utf8Bytes("clusterVersion");
const DOWNGRADE = utf8Bytes("downgrade");
const REMOVED = utf8Bytes("removed");
/** From this cluster version on, learners stay learners when their URLs change. */
const LEARNERS_KEPT = { major: 3, minor: 6, patch: 0 };

/** Limits that are this member's own; etcd has the same hole: members that differ in them may disagree. */
export interface MembershipConfig {
  /** Most learners at a time (`--max-learners`). */
  readonly maxLearners: number;
}

/** A change of one member as the log holds it. */
export type MembershipChange = Pick<ConfChange, "type" | "nodeId" | "context">;

/** What became of a change when its entry was applied. */
export interface ChangeOutcome {
  /** Why it was refused; undefined when it took effect. A refused one is given to raft as a change of member 0. */
  readonly refused: ErrorCode | undefined;
  readonly kind: "add" | "promote" | "remove" | "update";
  readonly id: bigint;
  /** The member as it is now; undefined if refused or removed. */
  readonly member: ClusterMember | undefined;
}

/**
 * The members of the cluster, kept in the backend buckets `members`, `members_removed` and `cluster`, changed only by
 * applied entries. File formats page, section 2.3; peer protocol page, sections 13.6 and 14.
 */
export class Membership {
  readonly #backend: Backend;
  readonly #maxLearners: number;
  readonly #members = new Map<bigint, ClusterMember>();
  readonly #removed = new Set<bigint>();
  #clusterVersion: string | undefined;
  #downgrade: DowngradeInfo = NO_DOWNGRADE;

  constructor(backend: Backend, config: MembershipConfig = { maxLearners: 1 }) {
    this.#backend = backend;
    this.#maxLearners = config.maxLearners;
    this.reload();
  }

  /** Reads everything again from the backend: at start, and after a snapshot was installed. */
  reload(): void {
    this.#members.clear();
    this.#removed.clear();
    for (const record of this.#backend.list("members")) {
      const member = must(parseMemberJson(record.value), "a record of the members bucket is not a member");
      this.#members.set(member.id, member);
    }
    for (const record of this.#backend.list("members_removed")) this.#removed.add(BigInt(`0x${utf8Text(record.key)}`));
    const version = this.#backend.get("cluster", CLUSTER_VERSION);
    this.#clusterVersion = version === undefined ? undefined : utf8Text(version);
    const downgrade = this.#backend.get("cluster", DOWNGRADE);
    this.#downgrade = downgrade === undefined ? NO_DOWNGRADE : parseDowngradeJson(utf8Text(downgrade));
  }

  /** Members in ascending ID order. */
  list(): ClusterMember[] {
    return [...this.#members.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  get(id: bigint): ClusterMember | undefined {
    return this.#members.get(id);
  }

  /** IDs of members that were removed; they never come back. */
  get removedIds(): bigint[] {
    return [...this.#removed];
  }

  isRemoved(id: bigint): boolean {
    return this.#removed.has(id);
  }

  /** The cluster version as `major.minor.patch`, undefined until it was decided. */
  get clusterVersion(): string | undefined {
    return this.#clusterVersion;
  }

  /** Whether the cluster is on its way to an older version. */
  get downgrade(): DowngradeInfo {
    return this.#downgrade;
  }

  /**
   * Why the replicated state refuses a change, asked when its entry is applied; undefined if it takes effect. The order of the
   * checks is etcd's, as all members must come to the same answer. A change that crashes every member of etcd ends this one too.
   */
  validate(change: MembershipChange): ErrorCode | undefined {
    const { type, nodeId } = change;
    if (this.#removed.has(nodeId)) return "memberNotFound";
    switch (type) {
      case ConfChangeType.AddNode:
      case ConfChangeType.AddLearnerNode:
        return this.#validateAddition(change);
      case ConfChangeType.RemoveNode:
        return this.#members.has(nodeId) ? undefined : "memberNotFound";
      case ConfChangeType.UpdateNode: {
        if (!this.#members.has(nodeId)) return "memberNotFound";
        const { peerUrls } = contextOf(change).member;
        return this.#usesPeerUrls(peerUrls, nodeId) ? "peerUrlExist" : undefined;
      }
      default:
        assert(false, "a change of the membership is of a known type", { type });
        return undefined;
    }
  }

  /**
   * Carries out a change whose entry is applied, unless {@link validate} refuses it. Then tell raft: the change itself, or one of
   * member 0 if it was refused.
   */
  applyConfChange(change: MembershipChange): ChangeOutcome {
    const refused = this.validate(change);
    const id = change.nodeId;
    if (change.type === ConfChangeType.RemoveNode) {
      if (refused === undefined) this.remove(id);
      return { refused, kind: "remove", id, member: undefined };
    }
    const { isPromotion, member } = contextOf(change);
    const kind = change.type === ConfChangeType.UpdateNode ? "update" : isPromotion ? "promote" : "add";
    if (refused !== undefined) return { refused, kind, id, member: undefined };
    if (kind === "update") this.updatePeerUrls(id, member.peerUrls);
    else if (kind === "promote") this.promote(id);
    else this.add(member);
    return { refused, kind, id, member: this.#members.get(id) };
  }

  add(member: ClusterMember): void {
    this.#store(member);
  }

  remove(id: bigint): void {
    this.#members.delete(id);
    this.#removed.add(id);
    const key = utf8Bytes(hexId(id));
    this.#backend.delete("members", key);
    this.#backend.put("members_removed", key, REMOVED);
  }

  /** Turns a learner into a voter. */
  promote(id: bigint): void {
    const member = this.#members.get(id);
    if (member !== undefined) this.#store({ ...member, isLearner: false });
  }

  /**
   * Members of etcd 3.4 and 3.5 take a learner with new URLs for a voter (etcd issue 21694) and then refuse to promote it. In a
   * cluster of their version this member must say the same, or configurations would part. Mended in 3.7 and late patch releases.
   */
  updatePeerUrls(id: bigint, peerUrls: readonly string[]): void {
    const member = this.#members.get(id);
    if (member === undefined) return;
    const version = parseVersion(this.#clusterVersion ?? "");
    const forgets = version !== undefined && compareMinor(version, LEARNERS_KEPT) < 0;
    this.#store({ ...member, peerUrls, isLearner: member.isLearner && !forgets });
  }

  /** Name and client URLs a member published; ignored for members that were removed. */
  setAttributes(id: bigint, name: string, clientUrls: readonly string[]): void {
    const member = this.#members.get(id);
    if (member !== undefined) this.#store({ ...member, name, clientUrls });
  }

  setClusterVersion(version: string): void {
    this.#clusterVersion = version;
    this.#backend.put("cluster", CLUSTER_VERSION, utf8Bytes(version));
  }

  /** Begins a downgrade, or ends it. */
  setDowngrade(enabled: boolean, targetVersion: string): void {
    this.#downgrade = enabled ? { enabled, targetVersion } : NO_DOWNGRADE;
    this.#backend.put("cluster", DOWNGRADE, utf8Bytes(downgradeJson(this.#downgrade)));
  }

  #validateAddition(change: MembershipChange): ErrorCode | undefined {
    const known = this.#members.get(change.nodeId);
    const { isPromotion, member } = contextOf(change);
    if (isPromotion) {
      if (known === undefined) return "memberNotFound";
      return known.isLearner ? undefined : "memberNotLearner";
    }
    if (known !== undefined) return "memberExist";
    if (this.#usesPeerUrls(member.peerUrls, undefined)) return "peerUrlExist";
    if (!member.isLearner || change.type !== ConfChangeType.AddLearnerNode) return undefined;
    return this.#learnerCount() >= this.#maxLearners ? "tooManyLearners" : undefined;
  }

  #learnerCount(): number {
    let count = 0;
    for (const member of this.#members.values()) if (member.isLearner) count++;
    return count;
  }

  /** Whether one of `urls` is a peer URL of a member other than `except`. */
  #usesPeerUrls(urls: readonly string[], except: bigint | undefined): boolean {
    for (const member of this.#members.values()) {
      if (member.id !== except && member.peerUrls.some((url) => urls.includes(url))) return true;
    }
    return false;
  }

  #store(member: ClusterMember): void {
    this.#members.set(member.id, member);
    this.#backend.put("members", utf8Bytes(hexId(member.id)), memberJson(member));
  }
}

function contextOf(change: MembershipChange): NonNullable<ReturnType<typeof parseChangeContext>> {
  const context = must(parseChangeContext(change.context), "the context of a change of the membership is a member");
  assert(context.member.id === change.nodeId, "a change of the membership is about the member that its context names");
  return context;
}
