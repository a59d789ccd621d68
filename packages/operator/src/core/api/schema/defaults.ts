import type { JsonObject, Schema } from "./schema.ts";

/**
 * The value with the schema's defaults filled in, as the API server fills them in before it stores an object: a field that is absent gets
 * its default, then the fields inside are looked at. A null is an absent field there, and so it is here.
 */
export function fillDefaults(schema: Schema, value: unknown): unknown {
  const { node } = schema;
  switch (node.kind) {
    case "object":
    case "anything":
      return isObject(value) ? fillFields(node.fields, value) : value;
    case "list":
      return Array.isArray(value) ? value.map((item) => fillDefaults(node.item, item)) : value;
    case "map":
      return isObject(value) ? fillMap(node.value, value) : value;
    default:
      return value;
  }
}

function fillFields(fields: Readonly<Record<string, Schema>>, value: JsonObject): JsonObject {
  const filled: Record<string, unknown> = { ...value };
  for (const [name, field] of Object.entries(fields)) {
    const present = filled[name] ?? field.default;
    if (present === undefined) delete filled[name];
    else filled[name] = fillDefaults(field, present);
  }
  return filled;
}

function fillMap(schema: Schema, value: JsonObject): JsonObject {
  const present = Object.entries(value).filter(([, item]) => item !== null && item !== undefined);
  return Object.fromEntries(present.map(([key, item]) => [key, fillDefaults(schema, item)]));
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
