/**
 * Generates src/generated/*.ts from proto/*.proto: for each message an interface, `createX`, `encodeX`, `writeX`, `decodeX`
 * and its descriptor; for each service its methods. Run it after changing a .proto file and commit the result on its own.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";
import { messageCode } from "./message-code.mjs";

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
  { proto: "health.proto", ts: "health.ts" },
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
  const syntax = /syntax = "(proto[23])"/.exec(text)[1];
  return { ...file, parsed, syntax, space: parsed.root.lookup(parsed.package), packageName: parsed.package };
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

function fieldsOf(type, root) {
  const proto2 = root.syntax === "proto2";
  return type.fieldsArray.map((field) => describe(field, root, type, proto2)).sort((a, b) => a.id - b.id);
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
    const full = `${root.packageName}.${nested.name}`;
    const fields = fieldsOf(nested, root);
    body.push(...messageCode(full, types.get(full).name, fields));
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
