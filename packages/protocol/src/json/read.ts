import type { FieldDescriptor, MessageDescriptor } from "../descriptor.ts";
import { MESSAGE_DEPTH_MAX } from "../limits.ts";
import { bytesFromBase64 } from "./base64.ts";
import { JsonError } from "./json-error.ts";

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const PLAIN_INTEGER = /^-?\d+$/;
const LONE_SURROGATE = /\p{Surrogate}/u;
/** Longer text of a number is out of every range. */
const NUMBER_LENGTH_MAX = 64;
const RAW_LENGTH_MAX = 64;

/** First value and end of what an integer kind holds. */
const RANGES = {
  int32: [-(1n << 31n), 1n << 31n],
  uint32: [0n, 1n << 32n],
  int64: [-(1n << 63n), 1n << 63n],
  uint64: [0n, 1n << 64n],
} as const;

/**
 * The message that a parsed JSON value stands for; parse with `parseJson`, which keeps long integers exact. Fields may have
 * their proto name or its camelCase form; unknown fields and unknown enum names are passed over, null means the default.
 * Throws {@link JsonError}. Source: protojson with unknown fields discarded, as etcd's gateway sets it.
 */
export function fromJson<T>(descriptor: MessageDescriptor<T>, json: unknown): T {
  return messageFromJson(descriptor, json, 1) as T;
}

function messageFromJson(descriptor: MessageDescriptor, json: unknown, depth: number): unknown {
  if (depth > MESSAGE_DEPTH_MAX) throw new JsonError("exceeded maximum recursion depth");
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new JsonError(`unexpected token ${raw(json)}: ${descriptor.name} is not an object`);
  }
  const init: Record<string, unknown> = {};
  const given = json as Readonly<Record<string, unknown>>;
  const oneofs = new Set<string>();
  for (const field of descriptor.fields) {
    const value = givenValue(given, field);
    if (value === undefined) continue;
    if (field.oneof !== undefined) {
      if (oneofs.has(field.oneof)) {
        throw new JsonError(
          `error parsing "${jsonName(field)}", oneof ${descriptor.name}.${field.oneof} is already set`,
        );
      }
      oneofs.add(field.oneof);
    }
    init[field.name] = field.repeated === true ? listFromJson(field, value, depth) : valueFromJson(field, value, depth);
  }
  return descriptor.create(init);
}

/** The value given for a field under either of its names; undefined for none and for null. */
function givenValue(given: Readonly<Record<string, unknown>>, field: FieldDescriptor): unknown {
  const camel = jsonName(field);
  const byProto = Object.hasOwn(given, field.protoName) ? given[field.protoName] : undefined;
  if (camel === field.protoName || !Object.hasOwn(given, camel)) return byProto ?? undefined;
  if (Object.hasOwn(given, field.protoName)) throw new JsonError(`duplicate field "${camel}"`);
  return given[camel] ?? undefined;
}

function listFromJson(field: FieldDescriptor, value: unknown, depth: number): unknown[] {
  if (!Array.isArray(value)) throw new JsonError(`unexpected token ${raw(value)}: ${jsonName(field)} is not a list`);
  const items = value.map((item) => valueFromJson(field, item, depth));
  // Names of enum values that are not known leave nothing behind.
  return items.filter((item) => item !== undefined);
}

/** Undefined only for an enum's name that is not known. */
function valueFromJson(field: FieldDescriptor, value: unknown, depth: number): unknown {
  switch (field.kind) {
    case "message":
      return field.message === undefined ? undefined : messageFromJson(field.message(), value, depth + 1);
    case "bytes":
      return checked(field, value, typeof value === "string" ? bytesFromBase64(value) : undefined);
    case "string":
      return checked(field, value, typeof value === "string" && !LONE_SURROGATE.test(value) ? value : undefined);
    case "bool":
      return checked(field, value, typeof value === "boolean" ? value : undefined);
    case "enum":
      return enumFromJson(field, value);
    default: {
      const wide = checked(field, value, integer(value, RANGES[field.kind]));
      return field.bigint === true ? wide : Number(wide);
    }
  }
}

function enumFromJson(field: FieldDescriptor, value: unknown): number | undefined {
  if (typeof value === "string") {
    const { values } = field;
    return values !== undefined && Object.hasOwn(values, value) ? values[value] : undefined;
  }
  return Number(checked(field, value, integer(value, RANGES.int32)));
}

function checked<T>(field: FieldDescriptor, value: unknown, result: T | undefined): T {
  if (result === undefined) {
    throw new JsonError(`invalid value for ${field.kind} field ${jsonName(field)}: ${raw(value)}`);
  }
  return result;
}

/** The integer in `[first, end)` that a number, or the text of one, stands for. */
function integer(value: unknown, [first, end]: readonly [bigint, bigint]): bigint | undefined {
  let wide: bigint;
  if (typeof value === "bigint") wide = value;
  else if (typeof value === "number") {
    if (!Number.isInteger(value)) return undefined;
    wide = BigInt(value);
  } else if (typeof value === "string") {
    if (value.length > NUMBER_LENGTH_MAX || !NUMBER.test(value)) return undefined;
    if (PLAIN_INTEGER.test(value)) wide = BigInt(value);
    else {
      const number = Number(value);
      if (!Number.isSafeInteger(number)) return undefined;
      wide = BigInt(number);
    }
  } else return undefined;
  return wide >= first && wide < end ? wide : undefined;
}

/** How the value looked, cut to what a message to a client should repeat. */
function raw(value: unknown): string {
  if (typeof value === "bigint") return String(value);
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "[" : "{";
  const text = JSON.stringify(value) ?? "null";
  return text.length > RAW_LENGTH_MAX ? `${text.slice(0, RAW_LENGTH_MAX)}...` : text;
}

/** The camelCase form that protobuf derives from a proto name: letters behind an underscore go up, nothing goes down. */
function jsonName(field: FieldDescriptor): string {
  return field.protoName.replace(/_([a-zA-Z0-9])/g, (_match, letter: string) => letter.toUpperCase());
}
