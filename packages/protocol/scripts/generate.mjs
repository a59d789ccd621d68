/**
 * Generates src/generated/*.ts from proto/*.proto: for each message an interface, `createX`, `encodeX`, `writeX`, `decodeX`
 * and its descriptor; for each service its methods. Run it after changing a .proto file and commit the result on its own.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";

const packageRoot = join(dirname(fileURLToPath(import.meta.url)), "..");
const out = join(packageRoot, "src", "generated");

/** Proto file, generated file, and what the names of its messages are prefixed with. */
const FILES = [
  { proto: "kv.proto", ts: "kv.ts" },
  { proto: "auth.proto", ts: "auth.ts" },
  { proto: "rpc.proto", ts: "rpc.ts" },
  { proto: "raft_internal.proto", ts: "raft-internal.ts" },
  { proto: "raft.proto", ts: "raft.ts", prefix: "Raft" },
  { proto: "wal.proto", ts: "wal.ts", prefix: "Wal" },
  { proto: "snap.proto", ts: "snap.ts", rename: { Snapshot: "SnapFile" } },
  { proto: "lease.proto", ts: "lease.ts" },
  { proto: "election.proto", ts: "election.ts" },
  { proto: "lock.proto", ts: "lock.ts" },
];
const ENUM_NAMES = { "authpb.Permission.Type": "PermissionType" };

/** Identities: 64 bits, bigint. Every other integer is a count, a position or a time, and a number. */
const IDENTITIES = new Set([
  "cluster_id",
  "member_id",
  "ID",
  "lease",
  "leader",
  "memberID",
  "targetID",
  "watch_id",
  "member_ID",
  "NodeID",
  "ClusterID",
  "to",
  "from",
  "vote",
  "node_id",
  "id",
  "voters",
  "learners",
  "voters_outgoing",
  "learners_next",
]);
/** Scalars of proto2 messages that are written even when zero, as etcd's encoders do. */
const ALWAYS_WRITTEN = {
  "raftpb.Entry": ["Term", "Index"],
  "raftpb.ConfState": ["auto_leave"],
  "raftpb.SnapshotMetadata": ["conf_state", "index", "term"],
  "raftpb.Snapshot": ["metadata"],
  "raftpb.Message": ["type", "to", "from", "term", "logTerm", "index", "commit"],
  "raftpb.HardState": ["term", "vote", "commit"],
  "raftpb.ConfChange": ["id", "type", "node_id"],
  "raftpb.ConfChangeSingle": ["type", "node_id"],
  "walpb.Record": ["type", "crc"],
  "walpb.Snapshot": ["index", "term"],
  "snappb.Snapshot": ["crc"],
};

const roots = FILES.map((file) => {
  const text = readFileSync(join(packageRoot, "proto", file.proto), "utf8");
  const parsed = protobuf.parse(text, new protobuf.Root(), { keepCase: true });
  return { ...file, parsed, space: parsed.root.lookup(parsed.package), packageName: parsed.package };
});

/** Full proto name of a type to {name, file, kind}. */
const types = new Map();
for (const root of roots) collect(root.space, root);

function collect(space, root) {
  for (const nested of space.nestedArray) {
    if (nested instanceof protobuf.Type) {
      const name =
        root.rename?.[nested.name] ??
        (nested.name.startsWith(root.prefix ?? "") ? nested.name : `${root.prefix ?? ""}${nested.name}`);
      types.set(`${root.packageName}.${nested.name}`, { name, ts: root.ts, kind: "message", type: nested });
      for (const inner of nested.nestedArray) {
        const full = `${root.packageName}.${nested.name}.${inner.name}`;
        types.set(full, { name: ENUM_NAMES[full] ?? inner.name, ts: root.ts, kind: "enum", type: inner });
      }
    } else if (nested instanceof protobuf.Enum) {
      types.set(`${root.packageName}.${nested.name}`, { name: nested.name, ts: root.ts, kind: "enum", type: nested });
    }
  }
}

function resolve(typeName, root, owner) {
  const candidates = [`${root.packageName}.${owner.name}.${typeName}`, `${root.packageName}.${typeName}`, typeName];
  for (const candidate of candidates) if (types.has(candidate)) return { full: candidate, ...types.get(candidate) };
  throw new Error(`unknown type ${typeName} in ${owner.name}`);
}

const camel = (name) => {
  const words = name
    .replace(/URLs/g, "Urls")
    .replace(/IDs?(?=$|_|[A-Z])/g, "Id")
    .replace(/TTL/g, "Ttl");
  const joined = words.replace(/_([a-zA-Z])/g, (_, letter) => letter.toUpperCase());
  return joined[0].toLowerCase() + joined.slice(1);
};

const INTEGERS = new Set(["int32", "uint32", "int64", "uint64"]);

function describe(field, root, owner, proto2) {
  const scalar = ["bytes", "string", "bool"].includes(field.type) || INTEGERS.has(field.type);
  const ref = scalar ? undefined : resolve(field.type, root, owner);
  const kind = ref === undefined ? field.type : ref.kind;
  const big = IDENTITIES.has(field.name) && (field.type === "int64" || field.type === "uint64");
  const base =
    kind === "message"
      ? ref.name
      : kind === "bytes"
        ? "Uint8Array"
        : kind === "string"
          ? "string"
          : kind === "bool"
            ? "boolean"
            : big
              ? "bigint"
              : "number";
  const always = (ALWAYS_WRITTEN[`${root.packageName}.${owner.name}`] ?? []).includes(field.name);
  return {
    id: field.id,
    proto: field.name,
    name: camel(field.name),
    kind,
    big,
    base,
    ref,
    repeated: field.repeated,
    always,
    oneof: field.partOf?.name,
    packed: field.repeated && !proto2 && kind !== "message" && kind !== "bytes" && kind !== "string",
  };
}

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
    const read = `read${f.ref.name}(reader, reader.delimited())`;
    // A message that comes twice is merged by protobuf; only the last is kept here, which no encoder makes a difference of.
    return f.repeated
      ? `case ${tag}: ${local(f)}.push(${read}); break;`
      : `case ${tag}: ${local(f)} = ${read};${others} break;`;
  }
  if (!f.repeated) return `case ${tag}: ${local(f)} = ${readValue(f)};${others} break;`;
  const one = `case ${tag}: ${local(f)}.push(${readValue(f)}); break;`;
  if (wire(f) === 2) return one;
  return `${one}\n      case ${f.id * 8 + 2}: { const stop = reader.delimited(); while (reader.position < stop) ${local(f)}.push(${readValue(f)}); break; }`;
}

function messageCode(type, root) {
  const { name } = types.get(`${root.packageName}.${type.name}`);
  const proto2 = root.parsed.syntax === "proto2" || ["raft.proto", "wal.proto", "snap.proto"].includes(root.proto);
  const fields = type.fieldsArray.map((field) => describe(field, root, type, proto2)).sort((a, b) => a.id - b.id);
  const full = `${root.packageName}.${type.name}`;
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
  lines.push(`/** Reads fields up to \`end\`, within the reader's limits. */`);
  lines.push(
    `export function read${name}(reader: Reader, end: number): ${name} {`,
    "  const outer = reader.enter(end);",
  );
  for (const f of fields)
    lines.push(
      f.repeated ? `  const ${local(f)}: ${f.base}[] = [];` : `  let ${local(f)}: ${tsType(f)} = ${initial(f)};`,
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
    `export const ${name}Descriptor: MessageDescriptor = {`,
    `  name: "${full}",`,
    `  create: create${name} as unknown as MessageDescriptor["create"],`,
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
  return { lines, fields, name };
}

function enumCode(name, type) {
  const pairs = Object.entries(type.values).map(([key, value]) => `${key}: ${value}`);
  return [
    `/** Values of \`${type.fullName.slice(1)}\`; a field may hold others, which are kept. */`,
    `export const ${name} = { ${pairs.join(", ")} } as const;`,
    "",
  ];
}

const byName = (a, b) => (a < b ? -1 : 1);

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const HEAD = "// Generated by scripts/generate.mjs from proto/. Do not edit.";
for (const root of roots) {
  const body = [];
  const imports = new Map();
  for (const { name, ts, kind, type } of types.values())
    if (ts === root.ts && kind === "enum") body.push(...enumCode(name, type));
  for (const nested of root.space.nestedArray) {
    if (!(nested instanceof protobuf.Type)) continue;
    const { lines, fields } = messageCode(nested, root);
    body.push(...lines);
    for (const f of fields) {
      if (f.ref === undefined || f.ref.ts === root.ts) continue;
      const from = imports.get(f.ref.ts) ?? new Set();
      if (f.ref.kind === "enum") from.add(f.ref.name);
      else {
        for (const item of [`type ${f.ref.name}`, `${f.ref.name}Descriptor`, `read${f.ref.name}`, `write${f.ref.name}`])
          from.add(item);
        if (f.always) from.add(`create${f.ref.name}`);
      }
      imports.set(f.ref.ts, from);
    }
  }
  const text = body.join("\n");
  const base = ["EMPTY_BYTES", "utf8Bytes"].filter((item) => text.includes(item));
  const head = [HEAD];
  if (base.length > 0) head.push(`import { ${base.join(", ")} } from "@quorate/base";`);
  head.push(
    'import type { MessageDescriptor } from "../descriptor.ts";',
    'import { Reader } from "../reader.ts";',
    'import { encodeMessage, type Writer } from "../writer.ts";',
  );
  for (const [file, items] of imports) head.push(`import { ${[...items].sort(byName).join(", ")} } from "./${file}";`);
  writeFileSync(join(out, root.ts), `${head.join("\n")}\n\n${text}`);
}

const services = [HEAD, 'import type { MethodDescriptor } from "../descriptor.ts";'];
const serviceImports = new Map();
const rows = [];
for (const root of roots) {
  for (const nested of root.space.nestedArray) {
    if (!(nested instanceof protobuf.Service)) continue;
    for (const method of nested.methodsArray) {
      const request = resolve(method.requestType, root, nested);
      const response = resolve(method.responseType, root, nested);
      for (const ref of [request, response]) {
        const from = serviceImports.get(ref.ts) ?? new Set();
        from.add(`${ref.name}Descriptor`);
        serviceImports.set(ref.ts, from);
      }
      const kind = method.requestStream
        ? method.responseStream
          ? "bidi"
          : "clientStream"
        : method.responseStream
          ? "serverStream"
          : "unary";
      rows.push(
        `  { service: "${root.packageName}.${nested.name}", method: "${method.name}", path: "/${root.packageName}.${nested.name}/${method.name}", kind: "${kind}", request: ${request.name}Descriptor, response: ${response.name}Descriptor },`,
      );
    }
  }
}
for (const [file, items] of serviceImports)
  services.push(`import { ${[...items].sort(byName).join(", ")} } from "./${file}";`);
services.push(
  "",
  "/** Every method of every service, in the order of the .proto files. */",
  "export const METHODS: readonly MethodDescriptor[] = [",
  ...rows,
  "];",
  "",
);
writeFileSync(join(out, "services.ts"), services.join("\n"));
writeFileSync(
  join(out, "index.ts"),
  `${[HEAD, ...roots.map((root) => `export * from "./${root.ts}";`), 'export * from "./services.ts";'].join("\n")}\n`,
);
// Formatted through standard input, because the formatter is told to leave generated folders alone.
const biome = join(packageRoot, "../../node_modules/@biomejs/biome/bin/biome");
for (const name of readdirSync(out)) {
  const input = readFileSync(join(out, name), "utf8");
  const args = [biome, "format", "--stdin-file-path", join("packages/protocol/src", name)];
  const cwd = join(packageRoot, "../..");
  writeFileSync(
    join(out, name),
    execFileSync(process.execPath, args, { cwd, input, maxBuffer: 1 << 26, encoding: "utf8" }),
  );
}
