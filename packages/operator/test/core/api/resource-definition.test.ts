import { describe, expect, it } from "@jest/globals";
import { check } from "../../../src/core/api/schema/check.ts";
import { fillDefaults } from "../../../src/core/api/schema/defaults.ts";
import type { JsonObject, Schema } from "../../../src/core/api/schema/schema.ts";
import { structuralSchema } from "../../../src/core/api/schema/structural.ts";
import { DEFINITIONS } from "../../../src/core/index.ts";

/** Every schema of every kind, with where it is. */
const all = DEFINITIONS.flatMap(({ kind, spec, status }) => [
  ...within(spec, `${kind}.spec`),
  ...within(status, `${kind}.status`),
]);

describe("the schemas of the kinds", () => {
  it("have a text for every field", () => {
    expect(all.filter(([, { description }]) => !/^[A-Z`].*[.]$/s.test(description)).map(([path]) => path)).toEqual([]);
  });

  it("have defaults that they themselves allow, rules included", () => {
    const defaulted = all.filter(([, schema]) => schema.default !== undefined);

    expect(defaulted.length).toBeGreaterThan(50);
    for (const [path, schema] of defaulted) {
      expect(check(schema, path, fillDefaults(schema, schema.default))).toEqual([]);
    }
  });

  it("write defaults out to the last field, since the API server asks the rules about them as they stand", () => {
    const [spec] = DEFINITIONS;
    const written = structuralSchema(spec?.spec as Schema)["default"] as JsonObject;

    expect(written).toMatchObject({ replicas: 3, config: { autoCompaction: { mode: "Periodic" } } });
  });

  it("bound every list, map and text, since the cost of rules is reckoned from the bounds", () => {
    const unbounded = all.filter(([, { node }]) => {
      if (node.kind === "list") return !(node.maxItems <= 64);
      if (node.kind === "map") return !(node.maxProperties <= 32);
      return node.kind === "string" && node.enum === undefined && !(node.maxLength <= 32768);
    });

    expect(unbounded.map(([path]) => path)).toEqual([]);
  });

  it("tell items of map lists apart by fields that are always there", () => {
    for (const [path, { node }] of all) {
      if (node.kind !== "list" || node.type !== "map") continue;
      const { node: item } = node.item;
      const fields = item.kind === "object" ? item.fields : {};
      expect([path, ...node.keys.map((key) => fields[key]?.presence)]).not.toContain("optional");
      expect(node.keys.every((key) => fields[key] !== undefined)).toBe(true);
    }
  });
});

function within(schema: Schema, path: string): (readonly [string, Schema])[] {
  const { node } = schema;
  const own = [path, schema] as const;
  if (node.kind === "list") return [own, ...within(node.item, `${path}[]`)];
  if (node.kind === "map") return [own, ...within(node.value, `${path}{}`)];
  if (node.kind !== "object" && node.kind !== "anything") return [own];
  return [own, ...Object.entries(node.fields).flatMap(([name, field]) => within(field, `${path}.${name}`))];
}
