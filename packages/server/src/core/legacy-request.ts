import { utf8Bytes, utf8Text } from "@quorate/base";
import { DecodeError, Reader, Writer } from "@quorate/protocol";

const METHOD_TAG = 0x12;
const PATH_TAG = 0x1a;
const VALUE_TAG = 0x22;
const ID_TAG = 0x08;
const LENGTH_DELIMITED = 2;
const SLASH = 0x2f;
const ATTRIBUTES_PATH = /^\/0\/members\/([0-9a-f]{1,16})\/attributes$/;
/** The path under which the cluster version is set. */
export const LEGACY_VERSION_PATH: string = "/0/version";

/**
 * What a request of etcd's old v2 API means to a member. `attributes` and `clusterVersion` stand for the requests of the same
 * effect in `etcdserverpb.InternalRaftRequest`; `none` touches nothing but the v2 key space, which this member does not have.
 */
export type LegacyRequest =
  | {
      readonly kind: "attributes";
      readonly memberId: bigint;
      readonly name: string;
      readonly clientUrls: readonly string[];
    }
  | { readonly kind: "clusterVersion"; readonly version: string }
  | { readonly kind: "none"; readonly method: string; readonly path: string };

/**
 * Whether an entry's data may be a legacy request: it begins with the ID or the v2 field, which no proposer of
 * `InternalRaftRequest` writes. PERF: one look at one byte, for the path of every entry.
 */
export function mayBeLegacyRequest(data: Uint8Array): boolean {
  return data[0] === ID_TAG || data[0] === METHOD_TAG;
}

/**
 * Reads a request of the v2 API, raw (`etcdserverpb.Request`) or wrapped in field 2 of `InternalRaftRequest`, which members of etcd
 * 3.5 and older propose to publish their attributes and to set the cluster version; undefined where `data` (borrowed) is no such
 * request. Throws DecodeError for one that names a member and does not say what etcd would understand. Peer protocol page,
 * section 12.2.
 *
 * The two forms differ in field 3: a path begins with a slash, which is not the beginning of an encoded RangeRequest.
 */
export function decodeLegacyRequest(data: Uint8Array): LegacyRequest | undefined {
  if (!mayBeLegacyRequest(data)) return undefined;
  const raw = requestFields(data, 0, data.length);
  if (raw?.path !== undefined) return meaning(raw);
  if (raw?.method === undefined) return undefined;
  const { start, end } = raw.method;
  const wrapped = requestFields(data, start, end);
  return wrapped?.path === undefined ? undefined : meaning(wrapped);
}

/**
 * A request of the v2 API that sets `path` to `value`, raw as members of etcd 3.4 and 3.5 propose it. `id` is the request's ID, not 0.
 * Peer protocol page, section 12.2.
 */
export function encodeLegacyPut(id: bigint, path: string, value: string): Uint8Array {
  const writer = new Writer();
  writer.byte(ID_TAG);
  writer.bigint(id);
  for (const [tag, text] of [
    [METHOD_TAG, "PUT"],
    [PATH_TAG, path],
    [VALUE_TAG, value],
  ] as const) {
    const bytes = utf8Bytes(text);
    writer.byte(tag);
    writer.bytes(bytes);
  }
  return writer.finish();
}

/** The path under which a member's attributes are set. */
export function legacyAttributesPath(memberId: bigint): string {
  return `/0/members/${memberId.toString(16)}/attributes`;
}

/** A member's attributes as the value there. */
export function legacyAttributes(name: string, clientUrls: readonly string[]): string {
  return JSON.stringify({ name, clientURLs: clientUrls });
}

/** The ID of a legacy request that is not wrapped; 0n where it has none. */
export function legacyRequestId(data: Uint8Array): bigint {
  return data[0] === ID_TAG ? new Reader(data, 1, data.length).uint64Big() : 0n;
}

/** Where the fields lie that matter; a path that does not begin with a slash is none. */
interface Fields {
  readonly data: Uint8Array;
  method: { readonly start: number; readonly end: number } | undefined;
  path: string | undefined;
  value: Uint8Array;
}

function requestFields(data: Uint8Array, start: number, end: number): Fields | undefined {
  const fields: Fields = { data, method: undefined, path: undefined, value: data.subarray(0, 0) };
  const reader = new Reader(data, start, end);
  try {
    while (reader.position < end) readField(reader, fields);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
  return fields;
}

function readField(reader: Reader, fields: Fields): void {
  const tag = reader.tag();
  if ((tag & 7) !== LENGTH_DELIMITED) {
    reader.skip(tag);
    return;
  }
  const end = reader.delimited();
  const start = reader.position;
  if (tag === METHOD_TAG) fields.method = { start, end };
  else if (tag === PATH_TAG && fields.data[start] === SLASH) fields.path = utf8Text(fields.data.subarray(start, end));
  else if (tag === VALUE_TAG) fields.value = fields.data.subarray(start, end);
  reader.position = end;
}

function meaning({ data, method, path = "", value }: Fields): LegacyRequest {
  const verb = method === undefined ? "" : utf8Text(data.subarray(method.start, method.end));
  const memberId = ATTRIBUTES_PATH.exec(path)?.[1];
  if (verb === "PUT" && memberId !== undefined) {
    return { kind: "attributes", memberId: BigInt(`0x${memberId}`), ...attributes(value) };
  }
  if (verb === "PUT" && path === LEGACY_VERSION_PATH) return { kind: "clusterVersion", version: utf8Text(value) };
  return { kind: "none", method: verb, path };
}

function attributes(value: Uint8Array): { readonly name: string; readonly clientUrls: readonly string[] } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(utf8Text(value));
  } catch {
    parsed = undefined;
  }
  if (typeof parsed !== "object" || parsed === null) throw new DecodeError("attributes of a member are not JSON", 0);
  const { name, clientURLs } = parsed as { readonly name?: unknown; readonly clientURLs?: unknown };
  return {
    name: typeof name === "string" ? name : "",
    clientUrls: Array.isArray(clientURLs) ? clientURLs.filter((url): url is string => typeof url === "string") : [],
  };
}
