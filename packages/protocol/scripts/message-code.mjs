/** The TypeScript of one message: interface, create, write, encode, read, decode, descriptor. Used by generate.mjs. */

const wire = (f) => (["message", "bytes", "string"].includes(f.kind) ? 2 : 0);
const tagBytes = (value) => {
  const bytes = [];
  while (value >= 0x80) {
    bytes.push((value & 0x7f) | 0x80);
    value >>>= 7;
  }
  bytes.push(value);
  return bytes;
};
const writeTag = (value) =>
  tagBytes(value)
    .map((byte) => `writer.byte(${byte});`)
    .join(" ");

function tsType(f) {
  if (f.repeated) return `readonly ${f.base}[]`;
  return f.kind === "message" || f.oneof !== undefined ? `${f.base} | undefined` : f.base;
}
function initial(f) {
  if (f.repeated) return "[]";
  if (f.kind === "message" || f.oneof !== undefined) return "undefined";
  return zero(f);
}
function zero(f) {
  return f.kind === "bytes"
    ? "EMPTY_BYTES"
    : f.kind === "string"
      ? '""'
      : f.kind === "bool"
        ? "false"
        : f.big
          ? "0n"
          : "0";
}
function writeValue(f, value) {
  switch (f.kind) {
    case "bytes":
      return `writer.bytes(${value});`;
    case "string":
      return `writer.bytes(utf8Bytes(${value}));`;
    case "bool":
      return `writer.bool(${value});`;
    case "message":
      return `{ const start = writer.begin(); write${f.ref.name}(writer, ${value}); writer.end(start); }`;
    default:
      return f.big
        ? `writer.bigint(${value});`
        : f.kind === "uint32" || f.kind === "uint64"
          ? `writer.varint(${value});`
          : `writer.int64(${value});`;
  }
}
function isSet(f, value) {
  if (f.kind === "bytes" || f.kind === "string") return `${value}.length > 0`;
  if (f.kind === "bool") return value;
  return `${value} !== ${zero(f)}`;
}
function writeField(f) {
  const value = `message.${f.name}`;
  const tag = f.id * 8 + wire(f);
  if (f.packed) {
    return `if (${value}.length > 0) { ${writeTag(f.id * 8 + 2)} const start = writer.begin(); for (const item of ${value}) ${writeValue(f, "item")} writer.end(start); }`;
  }
  if (f.repeated) return `for (const item of ${value}) { ${writeTag(tag)} ${writeValue(f, "item")} }`;
  if (f.always && f.kind === "message")
    return `{ ${writeTag(tag)} ${writeValue(f, `${value} ?? create${f.ref.name}()`)} }`;
  if (f.kind === "message" || f.oneof !== undefined)
    return `if (${value} !== undefined) { ${writeTag(tag)} ${writeValue(f, value)} }`;
  if (f.always) return `${writeTag(tag)} ${writeValue(f, value)}`;
  return `if (${isSet(f, value)}) { ${writeTag(tag)} ${writeValue(f, value)} }`;
}
function readValue(f) {
  switch (f.kind) {
    case "bytes":
      return "reader.view()";
    case "string":
      return "reader.string()";
    case "bool":
      return "reader.bool()";
    case "enum":
    case "int32":
      return "reader.int32()";
    case "uint32":
      return "reader.uint32()";
    case "uint64":
      return f.big ? "reader.uint64Big()" : "reader.uint64()";
    case "int64":
      return f.big ? "reader.int64Big()" : "reader.int64()";
    default:
      throw new Error(f.kind);
  }
}
const local = (f) => `_${f.name}`;
function readField(f, fields) {
  const tag = f.id * 8 + wire(f);
  const others =
    f.oneof === undefined
      ? ""
      : fields
          .filter((o) => o.oneof === f.oneof && o !== f)
          .map((o) => ` ${local(o)} = undefined;`)
          .join("");
  if (f.kind === "message") {
    const before = f.repeated ? "" : `, ${local(f)}`;
    const read = `read${f.ref.name}(reader, reader.delimited()${before})`;
    // A message that comes twice is merged: fields of the later one are laid over those of the earlier.
    return f.repeated
      ? `case ${tag}: ${local(f)}.push(${read}); break;`
      : `case ${tag}: ${local(f)} = ${read};${others} break;`;
  }
  if (!f.repeated) return `case ${tag}: ${local(f)} = ${readValue(f)};${others} break;`;
  const one = `case ${tag}: ${local(f)}.push(${readValue(f)}); break;`;
  if (wire(f) === 2) return one;
  const packed = `const outer = reader.enter(reader.delimited()); while (reader.position < reader.end) ${local(f)}.push(${readValue(f)}); reader.leave(outer);`;
  return `${one}\n      case ${f.id * 8 + 2}: { ${packed} break; }`;
}

/** Code lines of the message `full`, called `name` in TypeScript. `fields` are what generate.mjs describes, by number. */
export function messageCode(full, name, fields) {
  const lines = [];
  lines.push(
    `/** \`${full}\` */`,
    `export interface ${name} {`,
    ...fields.map((f) => `  readonly ${f.name}: ${tsType(f)};`),
    "}",
    "",
  );
  const init = fields.length === 0 ? "_init" : "init";
  lines.push(`/** A {@link ${name}} with the given fields, the others at their defaults. */`);
  lines.push(`export function create${name}(${init}: Partial<${name}> = {}): ${name} {`);
  lines.push(
    fields.length === 0
      ? "  return {};"
      : `  return { ${fields.map((f) => `${f.name}: init.${f.name} ?? ${initial(f)}`).join(", ")} };`,
    "}",
    "",
  );
  const unused = fields.length === 0 ? "_" : "";
  lines.push(`/** Writes the fields of a {@link ${name}}, without tag or length. */`);
  lines.push(
    `export function write${name}(${unused}writer: Writer, ${unused}message: ${name}): void {`,
    ...fields.map((f) => `  ${writeField(f)}`),
    "}",
    "",
  );
  lines.push(`export function encode${name}(message: ${name}): Uint8Array {`);
  lines.push(`  return encodeMessage(write${name}, message);`, "}", "");
  const from = fields.some((f) => !f.repeated) ? "from" : fields.length > 0 ? "before" : "_before";
  if (from === "from") lines.push(`const ZERO_${name}: ${name} = create${name}();`, "");
  lines.push(`/** Reads fields up to \`end\`, within the reader's limits, and lays them over those of \`before\`. */`);
  lines.push(
    `export function read${name}(reader: Reader, end: number, ${from === "_before" ? from : "before"}?: ${name} | undefined): ${name} {`,
  );
  lines.push("  const outer = reader.enter(end);");
  if (from === "from") lines.push(`  const from = before ?? ZERO_${name};`);
  for (const f of fields)
    lines.push(
      f.repeated
        ? `  const ${local(f)}: ${f.base}[] = before === undefined ? [] : [...before.${f.name}];`
        : `  let ${local(f)}: ${tsType(f)} = from.${f.name};`,
    );
  lines.push("  while (reader.position < end) {", "    const tag = reader.tag();");
  if (fields.length === 0) lines.push("    reader.skip(tag);");
  else
    lines.push(
      "    switch (tag) {",
      ...fields.map((f) => `      ${readField(f, fields)}`),
      "      default: reader.skip(tag);",
      "    }",
    );
  lines.push("  }", "  reader.leave(outer);");
  lines.push(`  return { ${fields.map((f) => `${f.name}: ${local(f)}`).join(", ")} };`, "}", "");
  lines.push(`/** Decodes \`bytes[start, end)\`; byte fields share it. Throws DecodeError. */`);
  lines.push(`export function decode${name}(bytes: Uint8Array, start = 0, end: number = bytes.length): ${name} {`);
  lines.push(`  return read${name}(new Reader(bytes, start, end), end);`, "}", "");
  lines.push(
    `export const ${name}Descriptor: MessageDescriptor<${name}> = {`,
    `  name: "${full}",`,
    `  create: create${name},`,
    `  encode: encode${name},`,
    `  decode: decode${name},`,
    "  fields: [",
  );
  for (const f of fields) {
    const ref =
      f.kind === "message"
        ? `, message: () => ${f.ref.name}Descriptor`
        : f.kind === "enum"
          ? `, values: ${f.ref.name}`
          : "";
    const flags = `${f.repeated ? ", repeated: true" : ""}${f.big ? ", bigint: true" : ""}${f.oneof ? `, oneof: "${f.oneof}"` : ""}`;
    lines.push(`    { id: ${f.id}, protoName: "${f.proto}", name: "${f.name}", kind: "${f.kind}"${flags}${ref} },`);
  }
  lines.push("  ],", "};", "");
  return lines;
}
