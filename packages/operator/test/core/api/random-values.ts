import fc from "fast-check";
import { DENIED_FLAGS } from "../../../src/core/api/cluster/server.ts";
import type { Schema, StringNode } from "../../../src/core/api/schema/schema.ts";

const DURATIONS = [
  "0s",
  "9ms",
  "10ms",
  "100ms",
  "0.5s",
  "1s",
  "5s",
  "5.001s",
  "50s",
  "51s",
  "59s",
  "1m",
  "1m59s",
  "2m",
];
const LONG_DURATIONS = ["9m59s", "10m", "2h", "360h", "720h", "1080h", "2160h"];
const QUANTITIES = [
  "0",
  "1",
  "999m",
  "1023",
  "1Ki",
  "100m",
  "0.5",
  "250m",
  "63Mi",
  "64Mi",
  "1.5Gi",
  "8Gi",
  "64Gi",
  "65Gi",
];
const NUMBERS = [0, 1, 1024, 67108864, 8589934592, 68719476736];

/** Keys that rules about maps tell apart, beside harmless ones. */
const KEYS = ["cpu", "memory", "app", "example.com/team", "etcd.quorate.dev/member", "app.kubernetes.io/name"];
const FLAGS = [...DENIED_FLAGS, "snapshot-catchup-entries", "pre-vote", "Pre-Vote", "--pre-vote", "enable-pprof"];

/** Texts by the name of their field, where a rule looks at it. */
const TEXTS: Readonly<Record<string, readonly string[]>> = {
  retention: ["8h", "0s", "1000", "30m"],
  name: ["data", "tmp", "tls", "etcd", "prepare", "agent", "logs"],
  "extraEnv.name": ["ETCD_NAME", "QUORATE_X", "GOGC", "etcd_x"],
};

/**
 * Values that the schema allows, chosen so that rules are kept about as often as broken: what a rule compares is drawn from the
 * neighbourhood of its bounds. Optional fields are there now and then.
 */
export function valuesOf(schema: Schema, path: string): fc.Arbitrary<unknown> {
  const { node } = schema;
  switch (node.kind) {
    case "string":
      return textOf(node, path);
    case "integer": {
      const min = node.min ?? 0;
      return fc.oneof(
        fc.integer({ min, max: Math.min(min + 3, node.max ?? min + 3) }),
        fc.integer({ min, max: Math.max(min, Math.min(node.max ?? 100, 1000)) }),
      );
    }
    case "boolean":
      return fc.boolean();
    case "quantity":
      return fc.constantFrom<string | number>(...QUANTITIES, ...NUMBERS);
    case "list": {
      const unique =
        node.type === "map" ? { selector: (item: unknown) => JSON.stringify((item as { name: string }).name) } : {};
      const items = valuesOf(node.item, path);
      const bounds = { minLength: node.minItems ?? 0, maxLength: Math.min(node.maxItems, (node.minItems ?? 0) + 2) };
      return node.type === "atomic" ? fc.array(items, bounds) : fc.uniqueArray(items, { ...bounds, ...unique });
    }
    case "map": {
      const keys = fc.constantFrom(...(path.endsWith("extraArgs") ? FLAGS : KEYS));
      return fc.dictionary(keys, valuesOf(node.value, path), { maxKeys: Math.min(3, node.maxProperties) });
    }
    case "object":
    case "anything":
      return fieldsOf(node.fields, path);
  }
}

function fieldsOf(fields: Readonly<Record<string, Schema>>, path: string): fc.Arbitrary<unknown> {
  const entries = Object.entries(fields).map(([name, field]) => {
    const values = valuesOf(field, `${path}.${name}`);
    return [
      name,
      field.presence === "required"
        ? values
        : fc.oneof({ arbitrary: fc.constant(undefined), weight: 4 }, { arbitrary: values, weight: 1 }),
    ] as const;
  });
  return fc
    .record(Object.fromEntries(entries))
    .map((record) => Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)));
}

function textOf(node: StringNode, path: string): fc.Arbitrary<string> {
  const { minLength = 0, maxLength, pattern } = node;
  if (node.enum !== undefined) return fc.constantFrom(...node.enum);
  const [parent = "", name = ""] = path.split(".").slice(-2);
  const known = TEXTS[`${parent}.${name}`] ?? TEXTS[name];
  if (known !== undefined) return fc.constantFrom(...known);
  if (pattern === undefined) return fc.string({ minLength, maxLength: minLength + 8 });
  if (pattern.includes("ms)?")) return fc.constantFrom(...DURATIONS, ...LONG_DURATIONS);
  const matching = fc.stringMatching(new RegExp(pattern), { size: "-1" });
  return matching.filter((text) => text.length >= minLength && text.length <= maxLength);
}
