import { concatBytes, utf8Bytes, utf8Text } from "@quorate/base";

/** SHA-1 of `bytes`, 20 bytes. etcd derives its IDs from it; it protects nothing. */
export type Sha1 = (bytes: Uint8Array) => Uint8Array;

/** A member of the cluster as the members bucket holds it. Unstarted members have neither name nor client URLs. */
export interface ClusterMember {
  readonly id: bigint;
  readonly name: string;
  /** Sorted as strings. */
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly isLearner: boolean;
}

function firstEight(digest: Uint8Array): bigint {
  return new DataView(digest.buffer, digest.byteOffset, 8).getBigUint64(0);
}

/** The ID of a bootstrap member: sorted peer URLs without separator, then the cluster token. Peer protocol page, section 1. */
export function bootstrapMemberId(peerUrls: readonly string[], token: string, sha1: Sha1): bigint {
  return firstEight(sha1(utf8Bytes([...peerUrls].sort().join("") + token)));
}

/** The cluster's ID: the bootstrap members' IDs ascending, eight bytes each. Peer protocol page, section 1. */
export function bootstrapClusterId(memberIds: readonly bigint[], sha1: Sha1): bigint {
  const sorted = [...memberIds].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return firstEight(sha1(concatBytes(sorted.map(bigEndian64))));
}

/** The eight bytes of a uint64, most significant first. */
export function bigEndian64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, value));
  return bytes;
}

/** The text form of a member or cluster ID: lower-case hex without padding. */
export function hexId(id: bigint): string {
  return BigInt.asUintN(64, id).toString(16);
}

/**
 * The JSON of a member as etcd stores and exchanges it. The ID is a decimal number beyond 2^53, which is why this is
 * written by hand: JSON.stringify has no way to say it.
 */
export function memberJson(member: ClusterMember): Uint8Array {
  const fields = [`"id":${BigInt.asUintN(64, member.id)}`, `"peerURLs":${JSON.stringify(member.peerUrls)}`];
  if (member.isLearner) fields.push(`"isLearner":true`);
  if (member.name !== "") fields.push(`"name":${JSON.stringify(member.name)}`);
  if (member.clientUrls.length > 0) fields.push(`"clientURLs":${JSON.stringify(member.clientUrls)}`);
  return utf8Bytes(`{${fields.join(",")}}`);
}

/** Reads {@link memberJson}; undefined where the text is not a member. */
export function parseMemberJson(bytes: Uint8Array): ClusterMember | undefined {
  const text = utf8Text(bytes);
  const id = /"id"\s*:\s*(\d+)/.exec(text)?.[1];
  if (id === undefined) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  const record = parsed as Readonly<Record<string, unknown>>;
  return {
    id: BigInt(id),
    name: typeof record["name"] === "string" ? record["name"] : "",
    peerUrls: stringList(record["peerURLs"]),
    clientUrls: stringList(record["clientURLs"]),
    isLearner: record["isLearner"] === true,
  };
}

function stringList(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
}
