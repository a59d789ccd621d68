import type { FieldDescriptor, MessageDescriptor } from "../descriptor.ts";
import { MESSAGE_DEPTH_MAX } from "../limits.ts";
import { bytesFromBase64 } from "./base64.ts";
import { INTEGER_RANGES, integerOf } from "./integer.ts";
import { JsonError } from "./json-error.ts";
import { JsonReader } from "./json-reader.ts";

/** Fields of each kind of message by both of their names. */
const namedFields = new WeakMap<MessageDescriptor, ReadonlyMap<string, FieldDescriptor>>();

/**
 * The message that one well-formed JSON value stands for (see `JsonValues`). Fields may have their proto name or its camelCase form;
 * unknown fields and unknown enum names are passed over, null means the default, 64-bit integers may be text. Throws
 * {@link JsonError} in protojson's words. Source: protojson with unknown fields discarded, as etcd's gateway sets it.
 */
export function decodeJson<T>(descriptor: MessageDescriptor<T>, json: Uint8Array): T {
  return readMessage(new JsonReader(json), descriptor, 1) as T;
}

function readMessage(reader: JsonReader, descriptor: MessageDescriptor, depth: number): unknown {
  if (depth > MESSAGE_DEPTH_MAX) throw new JsonError("proto: exceeded max recursion depth");
  if (reader.peek() === "string") reader.text();
  else if (reader.read() === "object") return readFields(reader, descriptor, depth);
  throw reader.unexpected();
}

function readFields(reader: JsonReader, descriptor: MessageDescriptor, depth: number): unknown {
  const fields = fieldsByName(descriptor);
  const init: Record<string, unknown> = {};
  const seen: FieldDescriptor[] = [];
  while (reader.peek() !== "objectEnd") {
    const field = fields.get(reader.text());
    if (field === undefined) {
      reader.skipValue();
      continue;
    }
    if (seen.includes(field)) throw reader.error(`duplicate field ${reader.raw()}`);
    seen.push(field);
    if (reader.peek() === "null") {
      reader.read();
      continue;
    }
    if (field.oneof !== undefined && isTaken(field, init, descriptor)) {
      throw reader.error(`error parsing ${reader.raw()}, oneof ${descriptor.name}.${field.oneof} is already set`);
    }
    const value = field.repeated === true ? readList(reader, field, depth) : readValue(reader, field, depth);
    if (value !== undefined) init[field.name] = value;
  }
  reader.read();
  return descriptor.create(init);
}

/** Whether another field of the same oneof has been given. */
function isTaken(
  field: FieldDescriptor,
  init: Readonly<Record<string, unknown>>,
  descriptor: MessageDescriptor,
): boolean {
  return descriptor.fields.some((other) => other.oneof === field.oneof && Object.hasOwn(init, other.name));
}

function readList(reader: JsonReader, field: FieldDescriptor, depth: number): unknown[] {
  if (reader.peek() === "string") {
    reader.text();
    throw reader.unexpected();
  }
  if (reader.read() !== "array") throw reader.unexpected();
  const items: unknown[] = [];
  while (reader.peek() !== "arrayEnd") {
    const item = readValue(reader, field, depth);
    // Names of enum values that are not known leave nothing behind.
    if (item !== undefined) items.push(item);
  }
  reader.read();
  return items;
}

/** Undefined only for an enum's name that is not known. */
function readValue(reader: JsonReader, field: FieldDescriptor, depth: number): unknown {
  if (field.kind === "message") {
    return field.message === undefined ? undefined : readMessage(reader, field.message(), depth + 1);
  }
  const isText = reader.peek() === "string";
  const text = isText ? reader.text() : "";
  const kind = isText ? "string" : reader.read();
  let value: unknown;
  switch (field.kind) {
    case "bytes":
      value = isText ? bytesFromBase64(text) : undefined;
      break;
    case "string":
      value = isText ? text : undefined;
      break;
    case "bool":
      value = kind === "boolean" ? reader.raw() === "true" : undefined;
      break;
    case "enum":
      if (isText) return enumValue(field, text);
      value = kind === "number" ? numberOf(integerOf(reader.raw(), INTEGER_RANGES.int32)) : undefined;
      break;
    default: {
      const wide = integerText(reader, kind, text);
      const exact = wide === undefined ? undefined : integerOf(wide, INTEGER_RANGES[field.kind]);
      value = field.bigint === true ? exact : numberOf(exact);
    }
  }
  if (value === undefined)
    throw reader.error(`invalid value for ${field.kind} field ${jsonName(field)}: ${reader.raw()}`);
  return value;
}

/** The text of the number that a token gives, as number or as text. */
function integerText(reader: JsonReader, kind: string, text: string): string | undefined {
  if (kind === "number") return reader.raw();
  return kind === "string" ? text : undefined;
}

function numberOf(value: bigint | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}

function enumValue({ values }: FieldDescriptor, name: string): number | undefined {
  return values !== undefined && Object.hasOwn(values, name) ? values[name] : undefined;
}

function fieldsByName(descriptor: MessageDescriptor): ReadonlyMap<string, FieldDescriptor> {
  let fields = namedFields.get(descriptor);
  if (fields === undefined) {
    const byName = new Map<string, FieldDescriptor>();
    for (const field of descriptor.fields) byName.set(field.protoName, field);
    for (const field of descriptor.fields) byName.set(jsonName(field), field);
    fields = byName;
    namedFields.set(descriptor, fields);
  }
  return fields;
}

/** The camelCase form that protobuf derives from a proto name: letters behind an underscore go up, nothing goes down. */
function jsonName(field: FieldDescriptor): string {
  return field.protoName.replace(/_([a-zA-Z0-9])/g, (_match, letter: string) => letter.toUpperCase());
}
