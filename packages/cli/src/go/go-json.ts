import { base64FromBytes, type FieldDescriptor, goJsonText, type MessageDescriptor } from "@quorate/protocol";

/** A value as Go's `encoding/json` prints it; bytes have been made base64 text before. `undefined` fields are left out. */
export type GoValue = null | boolean | number | bigint | string | readonly GoValue[] | GoObject;

/** Its fields in the order in which they are printed. */
export interface GoObject {
  readonly [name: string]: GoValue | undefined;
}

/** The text of `json.Marshal`: no spaces, integers of any size as digits, `<`, `>` and `&` escaped as for HTML. */
export function goJson(value: GoValue): string {
  if (value === null) return "null";
  switch (typeof value) {
    case "string":
      return goJsonText(value);
    case "number":
      return Number.isSafeInteger(value) ? String(value) : String(BigInt(value));
    case "bigint":
    case "boolean":
      return String(value);
    default:
      return isList(value) ? `[${value.map(goJson).join(",")}]` : objectJson(value);
  }
}

/**
 * A message as its Go struct prints: fields under their proto names, the zero ones left out, bytes as base64, enums as numbers, the
 * member of a oneof inside an object named after it. CLI page, A1.3.
 */
export function messageValue<T>(descriptor: MessageDescriptor<T>, message: T): GoObject {
  const values = message as Readonly<Record<string, unknown>>;
  const out: Record<string, GoValue> = {};
  for (const field of descriptor.fields) {
    const value = values[field.name];
    if (field.oneof !== undefined) {
      const name = field.oneof.charAt(0).toUpperCase() + field.oneof.slice(1);
      out[name] ??= {};
      if (value !== undefined) out[name] = { [field.protoName]: fieldValue(field, value) };
    } else if (field.repeated === true) {
      const items = value as readonly unknown[];
      if (items.length > 0) out[field.protoName] = items.map((item) => fieldValue(field, item));
    } else if (!isZero(value)) {
      out[field.protoName] = fieldValue(field, value);
    }
  }
  return out;
}

function isList(value: readonly GoValue[] | GoObject): value is readonly GoValue[] {
  return Array.isArray(value);
}

function objectJson(value: GoObject): string {
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return `{${fields.map(([name, field]) => `${goJsonText(name)}:${goJson(field ?? null)}`).join(",")}}`;
}

function fieldValue(field: FieldDescriptor, value: unknown): GoValue {
  if (field.kind === "message" && field.message !== undefined) return messageValue(field.message(), value);
  return value instanceof Uint8Array ? base64FromBytes(value) : (value as GoValue);
}

function isZero(value: unknown): boolean {
  if (value instanceof Uint8Array) return value.length === 0;
  return value === undefined || value === 0 || value === 0n || value === false || value === "";
}
