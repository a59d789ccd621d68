import { base64FromBytes, bytesFromBase64 } from "./base64.ts";
import type { FieldDescriptor, MessageDescriptor } from "./descriptor.ts";

/** A message as its fields, whatever its kind. */
export type AnyMessage = Readonly<Record<string, unknown>>;

/** The text is not JSON of the message; the message says which field. */
export class JsonError extends Error {
  override readonly name = "JsonError";
}

const UINT64_END = 1n << 64n;
const INT64_END = 1n << 63n;
const UINT32_END = 2 ** 32;

/**
 * The message as a plain value for `JSON.stringify`, as etcd's JSON gateway prints it: proto names, 64-bit integers as text, bytes
 * as base64, enums by name, what is zero or empty left out. gRPC API page, section 14.
 */
export function toJson(descriptor: MessageDescriptor, message: AnyMessage): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const field of descriptor.fields) {
    const value = message[field.name];
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
      return field.message === undefined ? undefined : toJson(field.message(), value as AnyMessage);
    case "bytes":
      return base64FromBytes(value as Uint8Array);
    case "int64":
    case "uint64":
      return String(value);
    case "enum":
      return enumName(field, value as number) ?? value;
    default:
      return value;
  }
}

function enumName(field: FieldDescriptor, value: number): string | undefined {
  return Object.entries(field.values ?? {}).find(([, number]) => number === value)?.[0];
}

/**
 * The message that a parsed JSON value stands for. Fields may have their proto name or its camelCase form; unknown ones are
 * passed over, null means the default. Throws {@link JsonError}.
 */
export function fromJson(descriptor: MessageDescriptor, json: unknown): AnyMessage {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new JsonError(`${descriptor.name} is not an object`);
  }
  const init: Record<string, unknown> = {};
  const given = json as Readonly<Record<string, unknown>>;
  for (const field of descriptor.fields) {
    const value = given[field.protoName] ?? given[camelCase(field.protoName)];
    if (value === undefined || value === null) continue;
    init[field.name] = field.repeated === true ? listFromJson(field, value) : valueFromJson(field, value);
  }
  return descriptor.create(init);
}

function listFromJson(field: FieldDescriptor, value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new JsonError(`${field.protoName} is not a list`);
  return value.map((item) => valueFromJson(field, item));
}

function valueFromJson(field: FieldDescriptor, value: unknown): unknown {
  switch (field.kind) {
    case "message":
      return field.message === undefined ? undefined : fromJson(field.message(), value);
    case "bytes":
      return checked(field, typeof value === "string" ? bytesFromBase64(value) : undefined);
    case "string":
      return checked(field, typeof value === "string" ? value : undefined);
    case "bool":
      return checked(field, typeof value === "boolean" ? value : undefined);
    case "enum":
      return checked(field, typeof value === "string" ? field.values?.[value] : integer(value, -(2 ** 31), 2 ** 31));
    case "int32":
      return checked(field, integer(value, -(2 ** 31), 2 ** 31));
    case "uint32":
      return checked(field, integer(value, 0, UINT32_END));
    default:
      return checked(field, wideInteger(field, value));
  }
}

function checked<T>(field: FieldDescriptor, value: T | undefined): T {
  if (value === undefined) throw new JsonError(`invalid value for ${field.kind} field ${field.protoName}`);
  return value;
}

function integer(value: unknown, from: number, end: number): number | undefined {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isInteger(number) && number >= from && number < end ? number : undefined;
}

function wideInteger(field: FieldDescriptor, value: unknown): number | bigint | undefined {
  if (typeof value === "number" && !Number.isInteger(value)) return undefined;
  if (typeof value !== "number" && !(typeof value === "string" && /^-?\d+$/.test(value))) return undefined;
  const wide = BigInt(value);
  const signed = field.kind === "int64";
  if (wide < (signed ? -INT64_END : 0n) || wide >= (signed ? INT64_END : UINT64_END)) return undefined;
  return field.bigint === true ? wide : Number(wide);
}

function camelCase(protoName: string): string {
  return protoName.replace(/_([a-zA-Z0-9])/g, (_match, letter: string) => letter.toUpperCase());
}
