import { must, utf8Bytes, utf8Text } from "@quorate/base";
import type { Backend } from "@quorate/mvcc";
import { type ClusterMember, hexId, memberJson, parseMemberJson } from "./member.ts";

const CLUSTER_VERSION = utf8Bytes("clusterVersion");
const REMOVED = utf8Bytes("removed");

/**
 * The members of the cluster, kept in the backend buckets `members`, `members_removed` and `cluster`, changed only by
 * applied entries. File formats page, section 2.3; peer protocol page, sections 13.6 and 14.
 */
export class Membership {
  readonly #backend: Backend;
  readonly #members = new Map<bigint, ClusterMember>();
  readonly #removed = new Set<bigint>();
  #clusterVersion: string | undefined;

  constructor(backend: Backend) {
    this.#backend = backend;
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
  }

  /** Members in ascending ID order. */
  list(): ClusterMember[] {
    return [...this.#members.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  get(id: bigint): ClusterMember | undefined {
    return this.#members.get(id);
  }

  isRemoved(id: bigint): boolean {
    return this.#removed.has(id);
  }

  /** The cluster version as `major.minor.patch`, undefined until it was decided. */
  get clusterVersion(): string | undefined {
    return this.#clusterVersion;
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

  updatePeerUrls(id: bigint, peerUrls: readonly string[]): void {
    const member = this.#members.get(id);
    if (member !== undefined) this.#store({ ...member, peerUrls });
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

  #store(member: ClusterMember): void {
    this.#members.set(member.id, member);
    this.#backend.put("members", utf8Bytes(hexId(member.id)), memberJson(member));
  }
}
