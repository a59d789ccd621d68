import type { FieldDescriptor, MessageDescriptor } from "@quorate/protocol";

/** Declared before the others although its number is the highest: etcd prints it first. */
const FIRST_FIELD = "header";

/**
 * A message as text on one line, such as `ID:6 put:<key:"foo1" value:"bar1" > `: what etcd's dump tools print of a request
 * (CLI page, C). Zero values are left out, but for the chosen member of a oneof.
 */
export function protoText<T>(descriptor: MessageDescriptor<T>, message: T): string {
  const values = message as Readonly<Record<string, unknown>>;
  let text = "";
  for (const field of inOrder(descriptor.fields)) {
    const value = values[field.name];
    const items = field.repeated === true ? (value as readonly unknown[]) : isShown(field, value) ? [value] : [];
    for (const item of items) text += `${field.protoName}:${valueText(field, item)} `;
  }
  return text;
}

/** Bytes in quotes as protobuf's text has them: what is no printable ASCII in three octal digits. */
export function escapedText(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += ESCAPES.get(byte) ?? plainOrOctal(byte);
  return `"${text}"`;
}

const ESCAPES: ReadonlyMap<number, string> = new Map([
  [0x0a, "\\n"],
  [0x0d, "\\r"],
  [0x09, "\\t"],
  [0x22, '\\"'],
  [0x5c, "\\\\"],
]);

function plainOrOctal(byte: number): string {
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, "0")}`;
}

function inOrder(fields: readonly FieldDescriptor[]): readonly FieldDescriptor[] {
  const first = fields.filter(({ protoName }) => protoName === FIRST_FIELD);
  return [...first, ...fields.filter(({ protoName }) => protoName !== FIRST_FIELD)];
}

function isShown(field: FieldDescriptor, value: unknown): boolean {
  if (value === undefined) return false;
  if (field.oneof !== undefined || field.kind === "message") return true;
  if (value instanceof Uint8Array) return value.length > 0;
  return value !== "" && value !== 0 && value !== 0n && value !== false;
}

function valueText(field: FieldDescriptor, value: unknown): string {
  switch (field.kind) {
    case "message":
      return field.message === undefined ? "<>" : `<${protoText(field.message(), value)}>`;
    case "bytes":
      return escapedText(value as Uint8Array);
    case "string":
      return escapedText(new TextEncoder().encode(value as string));
    case "enum": {
      const name = Object.entries(field.values ?? {}).find(([, number]) => number === value)?.[0];
      return name ?? String(value);
    }
    default:
      return String(value);
  }
}
