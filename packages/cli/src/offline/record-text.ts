import { latin1FromBytes } from "@quorate/base";
import {
  decodeKeyValue,
  decodeLease,
  decodeRole,
  decodeUser,
  PermissionDescriptor,
  UserAddOptionsDescriptor,
} from "@quorate/protocol";
import type { BboltRecord } from "@quorate/storage";
import { goQuote } from "../go/go-quote.ts";
import { protoText } from "./proto-text.ts";

type RecordText = (record: BboltRecord) => string;

/** Key and value as they are. */
export const plainText: RecordText = ({ key, value }) => `key=${goQuote(key)}, value=${goQuote(value)}`;

/**
 * The text of a bucket's records, decoded where etcd's tool knows how (CLI page, D). A record that cannot be decoded, which ends etcd's
 * tool, is shown as it is.
 */
export function decodedText(bucket: string): RecordText {
  const decode = DECODERS.get(bucket);
  if (decode === undefined) return plainText;
  return (record) => {
    try {
      return decode(record);
    } catch {
      return plainText(record);
    }
  };
}

/** A revision and what was put there. Throws what the decoder does, or a RangeError for a key that is no revision. */
export const keyText: RecordText = ({ key, value }) => {
  const { main, sub } = revisionOf(key);
  const kv = decodeKeyValue(value);
  return (
    `rev={Revision:{Main:${main} Sub:${sub}} tombstone:${key.length === TOMBSTONE_BYTES}}, ` +
    `value=[key ${goQuote(kv.key)} | val ${goQuote(kv.value)} | created ${kv.createRevision} | mod ${kv.modRevision} | ver ${kv.version}]`
  );
};

const REVISION_BYTES = 17;
const TOMBSTONE_BYTES = 18;
const SEPARATOR = 0x5f;

/** The revision in a key of bucket `key`. Throws a RangeError for another one. */
export function revisionOf(key: Uint8Array): { readonly main: bigint; readonly sub: bigint } {
  const isRevision = key.length === REVISION_BYTES || (key.length === TOMBSTONE_BYTES && key[REVISION_BYTES] === 0x74);
  if (!isRevision || key[8] !== SEPARATOR) throw new RangeError("not a revision");
  const view = new DataView(key.buffer, key.byteOffset, key.length);
  return { main: view.getBigInt64(0), sub: view.getBigInt64(9) };
}

const leaseText: RecordText = ({ key, value }) => {
  const { remainingTtl, ttl } = decodeLease(value);
  return `lease ID=${uint64Of(key).toString(16).padStart(16, "0")}, TTL=${ttl}s, remaining TTL=${remainingTtl}s`;
};

const authText: RecordText = ({ key, value }) => {
  const shown = latin1FromBytes(key) === "authRevision" ? uint64Of(value) : `[${value.join(" ")}]`;
  return `key=${goQuote(key)}, value=${shown}`;
};

const roleText: RecordText = ({ value }) => {
  const role = decodeRole(value);
  const permissions = role.keyPermission.map((permission) => protoText(PermissionDescriptor, permission).trimEnd());
  return `role=${goQuote(role.name)}, keyPermission=[${permissions.join(" ")}]`;
};

/** The password's hash is not shown. */
const userText: RecordText = ({ value }) => {
  const user = decodeUser(value);
  const options = user.options === undefined ? "<nil>" : protoText(UserAddOptionsDescriptor, user.options).trimEnd();
  return `user=${goQuote(user.name)}, roles=[${user.roles.map((role) => goQuote(role)).join(" ")}], option=${options}`;
};

const metaText: RecordText = (record) => {
  const { key, value } = record;
  switch (latin1FromBytes(key)) {
    case "consistent_index":
    case "term":
      return `key=${goQuote(key)}, value=${uint64Of(value)}`;
    case "scheduledCompactRev":
    case "finishedCompactRev": {
      const { main, sub } = revisionOf(value);
      return `key=${goQuote(key)}, value={${main} ${sub}}`;
    }
    default:
      return plainText(record);
  }
};

const DECODERS: ReadonlyMap<string, RecordText> = new Map([
  ["key", keyText],
  ["lease", leaseText],
  ["auth", authText],
  ["authRoles", roleText],
  ["authUsers", userText],
  ["meta", metaText],
]);

function uint64Of(bytes: Uint8Array): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getBigUint64(0);
}
