import { concatBytes, utf8Bytes, utf8Text } from "@quorate/base";
import { goJsonText } from "../json/go-json.ts";

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

/** The ID of a member added to a running cluster: its sorted peer URLs, then the decimal seconds of the wall clock. */
export function addedMemberId(peerUrls: readonly string[], unixSeconds: number, sha1: Sha1): bigint {
  return bootstrapMemberId(peerUrls, String(unixSeconds), sha1);
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
  const fields = [`"id":${BigInt.asUintN(64, member.id)}`, `"peerURLs":${goJsonText(member.peerUrls)}`];
  if (member.isLearner) fields.push(`"isLearner":true`);
  if (member.name !== "") fields.push(`"name":${goJsonText(member.name)}`);
  if (member.clientUrls.length > 0) fields.push(`"clientURLs":${goJsonText(member.clientUrls)}`);
  return utf8Bytes(`{${fields.join(",")}}`);
}

/** The context of the change that turns learner `id` into a voter. Peer protocol page, section 14. */
export function promotionJson(id: bigint): Uint8Array {
  return utf8Bytes(`{"id":${BigInt.asUintN(64, id)},"peerURLs":null,"isPromote":true}`);
}

/** Reads {@link memberJson}; undefined where the text is not a member. */
export function parseMemberJson(bytes: Uint8Array): ClusterMember | undefined {
  return parseChangeContext(bytes)?.member;
}

/** What the context of a configuration change says: the member it is about, and whether a learner becomes a voter. */
export interface ChangeContext {
  readonly member: ClusterMember;
  readonly isPromotion: boolean;
}

/** Reads the context of a configuration change, see {@link memberJson} and {@link promotionJson}; undefined where it is none. */
export function parseChangeContext(bytes: Uint8Array): ChangeContext | undefined {
  const text = utf8Text(bytes);
  const id = MEMBER_ID.exec(text)?.[1];
  if (id === undefined) return undefined;
  const record = parseObject(text);
  if (record === undefined) return undefined;
  const member = {
    id: BigInt(id),
    name: typeof record["name"] === "string" ? record["name"] : "",
    peerUrls: stringList(record["peerURLs"]),
    clientUrls: stringList(record["clientURLs"]),
    isLearner: record["isLearner"] === true,
  };
  return { member, isPromotion: record["isPromote"] === true };
}

/** Reads a JSON array of members, as `/members` answers it; undefined where it is none. */
export function parseMemberListJson(text: string): ClusterMember[] | undefined {
  let list: unknown;
  try {
    // The digits of an ID are beyond what a number holds: they are read as text.
    list = JSON.parse(text.replace(MEMBER_IDS, '"id":"$1"'));
  } catch {
    return undefined;
  }
  if (!Array.isArray(list)) return undefined;
  const members = list.map((item: unknown) => parseMemberJson(utf8Bytes(withNumericId(item))));
  return members.every((member) => member !== undefined) ? members : undefined;
}

/** An ID of up to twenty digits, before any text that a member's name could hold: quotes in names are escaped. */
const MEMBER_ID = /"id"\s*:\s*(\d{1,20})\b/;
const MEMBER_IDS = /"id"\s*:\s*(\d{1,20})\b/g;

function withNumericId(item: unknown): string {
  return (JSON.stringify(item) ?? "").replace(/"id":"(\d+)"/, '"id":$1');
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null ? (parsed as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}

function stringList(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
}
