import type { IncomingHttpHeaders } from "node:http";

/** Release of gateway: etcd up to 3.5 has version 1 of grpc-gateway, from 3.6 on version 2. */
export type GatewayRelease = 1 | 2;

/** Fields whose values differ between two members of any kind; that they are there is compared. */
const MASKED: ReadonlySet<string> = new Set([
  "cluster_id",
  "member_id",
  "memberID",
  "raft_term",
  "raftTerm",
  "raftIndex",
  "raftAppliedIndex",
  "hash",
  "dbSize",
  "dbSizeInUse",
  "token",
  "blob",
  "remaining_bytes",
  // Of /debug/vars.
  "cmdline",
  "memstats",
  "file_descriptor_limit",
  "id",
  "term",
  "vote",
  "lead",
  "commit",
  "applied",
  "match",
  "next",
]);

/** A member's ID where it names a field. */
const MEMBER = /^[0-9a-f]{13,16}$/;

/** Fields of answers that releases with version 1 of the gateway do not have. */
const NEW_FIELDS: ReadonlySet<string> = new Set([
  "version",
  "storageVersion",
  "dbSizeQuota",
  "downgradeInfo",
  "hash_revision",
]);

/** Texts of decoders, which version 1 has others for. */
const DECODER_TEXT =
  /^(?:proto:|invalid character|unexpected EOF|json:|bad |unknown |illegal base64|error parsing|Failed to decode)/;

/** When a call's time is over, etcd's gateway and its server both end it; which of them comes first is chance. */
const RESET = "stream terminated by RST_STREAM with error code: CANCEL";
const DEADLINE = "context deadline exceeded";

/** HTTP status of a gRPC code where version 1 has another. */
const CANCELED = 1;
const CANCELED_HTTP_1 = 408;
const CANCELED_HTTP_2 = 499;

/** What can be compared of an answer. With a peer of version 1, what that version has in another form is brought to one. */
export function canonicalAnswer(
  status: number,
  headers: IncomingHttpHeaders,
  body: unknown,
  other: GatewayRelease,
): Readonly<Record<string, unknown>> {
  const told = other === 1 ? likeVersion2(body) : body;
  return {
    status: other === 1 && codeOf(told) === CANCELED && status === CANCELED_HTTP_1 ? CANCELED_HTTP_2 : status,
    type: headers["content-type"],
    grpc: headers["grpc-metadata-content-type"],
    authenticate: headers["www-authenticate"],
    location: headers.location,
    body: masked(told, other),
  };
}

/** A line of a stream, or another value of an answer. */
export function canonicalValue(value: unknown, other: GatewayRelease): unknown {
  return masked(other === 1 ? likeVersion2(value) : value, other);
}

/** Errors of version 1, `{error, message, code}` and `{error: {grpc_code, message, …}}` in streams, in the form of version 2. */
function likeVersion2(body: unknown): unknown {
  if (typeof body !== "object" || body === null) return body;
  const { code, error, message } = body as Readonly<Record<string, unknown>>;
  if (typeof error === "string") return withoutDecoderText({ code, message });
  if (typeof code === "number") return withoutDecoderText({ code, message });
  if (typeof error === "object" && error !== null) {
    const inner = error as Readonly<Record<string, unknown>>;
    return { error: withoutDecoderText({ code: inner["grpc_code"] ?? inner["code"], message: inner["message"] }) };
  }
  return body;
}

function withoutDecoderText(status: { readonly code: unknown; readonly message: unknown }): unknown {
  return DECODER_TEXT.test(String(status.message)) ? { ...status, message: "of a decoder" } : status;
}

function codeOf(body: unknown): unknown {
  return typeof body === "object" && body !== null ? (body as Readonly<Record<string, unknown>>)["code"] : undefined;
}

function masked(value: unknown, other: GatewayRelease, key = ""): unknown {
  if (MASKED.has(key)) return "masked";
  if (Array.isArray(value)) {
    const items = value.map((item) => masked(item, other, key));
    // Members are in the order of their IDs.
    return key === "members" ? items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : items;
  }
  if (typeof value === "object" && value !== null) {
    const fields = Object.entries(value as Readonly<Record<string, unknown>>)
      .filter(([name, field]) => other === 2 || !isNew(name, field))
      .map(([name, field]) => [MEMBER.test(name) ? "member" : name, masked(field, other, name)] as const);
    const result = Object.fromEntries(fields);
    // What is left of a lease's time goes down meanwhile.
    if ("grantedTTL" in result) result["TTL"] = "masked";
    return result;
  }
  return typeof value === "string" ? maskedText(value, key) : value;
}

/** `version` is also the count of a key's changes. */
function isNew(name: string, field: unknown): boolean {
  return NEW_FIELDS.has(name) && !(name === "version" && typeof field === "string" && /^\d{1,4}$/.test(field));
}

function maskedText(text: string, key: string): string {
  // The space behind the colon differs between builds of protobuf, on purpose.
  if (key === "message") return text === RESET ? DEADLINE : text.replace(/^proto:\u00a0/, "proto: ");
  if (key === "peerURLs" || key === "clientURLs") return text.replace(/:\d+$/, "");
  // IDs that a server chooses are long, those that a script chooses short.
  return (key === "ID" || key === "leader" || key === "lease") && text.length > 12 ? "masked" : text;
}
