import type { FieldDescriptor, MessageDescriptor } from "../descriptor.ts";
import { LENGTH_DELIMITED, Reader } from "../reader.ts";
import { base64FromBytes } from "./base64.ts";

/** A part is handed out once it has so many characters. */
const PART_CHARS = 64 * 1024;
/** Bytes that are written as base64 in one go; a multiple of three, so that no padding comes between. */
const BASE64_STEP_BYTES = 48 * 1024;

type Parts = Generator<string, void, undefined>;

/** What has been written and not yet handed out. */
interface Out {
  text: string;
}

/** What is looked up for each field of a message, prepared once a kind. */
interface FieldText {
  readonly field: FieldDescriptor;
  /** `"name":` */
  readonly name: string;
  /** Of kind enum: names, quoted, by number. */
  readonly values: ReadonlyMap<number, string>;
}

const fieldTexts = new WeakMap<MessageDescriptor, ReadonlyMap<number, FieldText>>();

/**
 * The JSON text of an encoded message, the same as of `toJson`, in parts of about 64 KiB: a long answer neither takes a turn of the
 * event loop for itself nor is in memory twice. The bytes must have the form that encoders give them (each field at one place), and
 * must not change meanwhile. Throws `DecodeError`.
 */
export function* jsonParts(
  descriptor: MessageDescriptor,
  bytes: Uint8Array,
  start = 0,
  end: number = bytes.length,
): Generator<string, void, undefined> {
  const out: Out = { text: "" };
  yield* writeMessage(out, new Reader(bytes, start, end), descriptor, end);
  yield out.text;
}

function* writeMessage(out: Out, reader: Reader, descriptor: MessageDescriptor, end: number): Parts {
  const outer = reader.enter(end);
  const fields = textsOf(descriptor);
  let separator = "{";
  let list: FieldText | undefined;
  while (reader.position < end) {
    const tag = reader.tag();
    const text = fields.get(tag >>> 3);
    if (list !== undefined && text !== list) {
      out.text += "]";
      list = undefined;
    }
    if (text === undefined || isDefault(reader, text.field)) {
      reader.skip(tag);
      continue;
    }
    if (list === undefined) out.text += separator + text.name;
    if (text.field.repeated === true) {
      out.text += list === undefined ? "[" : ",";
      list = text;
    }
    separator = ",";
    yield* writeValue(out, reader, text, tag);
    if (out.text.length >= PART_CHARS) yield* handOut(out);
  }
  if (list !== undefined) out.text += "]";
  out.text += separator === "{" ? "{}" : "}";
  reader.leave(outer);
}

function* handOut(out: Out): Parts {
  yield out.text;
  out.text = "";
}

/** Whether a value is zero or empty, which leaves no trace in JSON outside of lists and oneofs. Encoders write none. */
function isDefault(reader: Reader, { kind, oneof, repeated }: FieldDescriptor): boolean {
  if (oneof !== undefined || repeated === true || kind === "message") return false;
  return reader.bytes[reader.position] === 0;
}

function* writeValue(out: Out, reader: Reader, text: FieldText, tag: number): Parts {
  const { field } = text;
  if (field.kind === "message") {
    const end = reader.delimited();
    if (field.message !== undefined) yield* writeMessage(out, reader, field.message(), end);
  } else if (field.kind === "bytes") {
    yield* writeBytes(out, reader.view());
  } else if (field.kind !== "string" && (tag & 7) === LENGTH_DELIMITED) {
    writePacked(out, reader, text);
  } else {
    out.text += scalar(reader, text);
  }
}

function* writeBytes(out: Out, bytes: Uint8Array): Parts {
  out.text += '"';
  for (let from = 0; from < bytes.length; from += BASE64_STEP_BYTES) {
    out.text += base64FromBytes(bytes.subarray(from, from + BASE64_STEP_BYTES));
    if (out.text.length >= PART_CHARS) yield* handOut(out);
  }
  out.text += '"';
}

/** Numbers of a list, all in one field. */
function writePacked(out: Out, reader: Reader, text: FieldText): void {
  const end = reader.delimited();
  let separator = "";
  while (reader.position < end) {
    out.text += separator + scalar(reader, text);
    separator = ",";
  }
}

function scalar(reader: Reader, { field, values }: FieldText): string {
  switch (field.kind) {
    case "string":
      return JSON.stringify(reader.string());
    case "bool":
      return String(reader.bool());
    case "int32":
      return String(reader.int32());
    case "uint32":
      return String(reader.uint32());
    case "enum": {
      const value = reader.int32();
      return values.get(value) ?? String(value);
    }
    default:
      return wideText(reader, field.kind === "int64");
  }
}

/** A 64-bit integer, exact, in quotes. */
function wideText(reader: Reader, isSigned: boolean): string {
  const { position } = reader;
  const value = reader.uint64();
  if (value <= Number.MAX_SAFE_INTEGER) return `"${value}"`;
  reader.position = position;
  return `"${isSigned ? reader.int64Big() : reader.uint64Big()}"`;
}

function textsOf(descriptor: MessageDescriptor): ReadonlyMap<number, FieldText> {
  let texts = fieldTexts.get(descriptor);
  if (texts === undefined) {
    texts = new Map(descriptor.fields.map((field) => [field.id, textOf(field)]));
    fieldTexts.set(descriptor, texts);
  }
  return texts;
}

function textOf(field: FieldDescriptor): FieldText {
  const names = Object.entries(field.values ?? {});
  return {
    field,
    name: `${JSON.stringify(field.protoName)}:`,
    values: new Map(names.map(([name, number]) => [number, JSON.stringify(name)])),
  };
}
