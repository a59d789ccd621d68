import type { FieldDescriptor, MessageDescriptor } from "../descriptor.ts";
import { base64FromBytes } from "./base64.ts";

const INT64_MAX = (1n << 63n) - 1n;
const UINT64_MAX = (1n << 64n) - 1n;

/** A message as its fields, whatever its kind. */
export type AnyMessage = Readonly<Record<string, unknown>>;

/**
 * The message as a plain value for `JSON.stringify`, as etcd's JSON gateway prints it: proto names in order of the fields,
 * 64-bit integers as text, bytes as base64, enums by name, what is zero or empty left out unless it is the chosen one of a
 * oneof; a message that is present shows even when empty. gRPC API page, section 14.
 */
export function toJson<T>(descriptor: MessageDescriptor<T>, message: T): Record<string, unknown> {
  const fields = message as AnyMessage;
  const out: Record<string, unknown> = {};
  for (const field of descriptor.fields) {
    const value = fields[field.name];
    if (field.repeated === true) {
      const items = value as readonly unknown[];
      if (items.length > 0) out[field.protoName] = items.map((item) => valueToJson(field, item));
    } else if (value !== undefined && (field.oneof !== undefined || !isDefault(value))) {
      out[field.protoName] = valueToJson(field, value);
    }
  }
  return out;
}

function isDefault(value: unknown): boolean {
  if (value instanceof Uint8Array) return value.length === 0;
  return value === 0 || value === 0n || value === false || value === "";
}

function valueToJson(field: FieldDescriptor, value: unknown): unknown {
  switch (field.kind) {
    case "message":
      return field.message === undefined ? undefined : toJson(field.message(), value);
    case "bytes":
      return base64FromBytes(value as Uint8Array);
    case "int64":
    case "uint64":
      return wideText(field, value as number | bigint);
    case "enum":
      return enumName(field, value as number) ?? value;
    default:
      return value;
  }
}

/** A number beyond 2^53 prints in an exponent form by itself, and may have been rounded past the largest value. */
function wideText(field: FieldDescriptor, value: number | bigint): string {
  if (typeof value === "bigint" || Number.isSafeInteger(value)) return String(value);
  const max = field.kind === "int64" ? INT64_MAX : UINT64_MAX;
  const wide = BigInt(value);
  return String(wide > max ? max : wide);
}

function enumName(field: FieldDescriptor, value: number): string | undefined {
  return Object.entries(field.values ?? {}).find(([, number]) => number === value)?.[0];
}
