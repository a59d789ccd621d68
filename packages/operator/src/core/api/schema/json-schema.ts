import { QUANTITY_PATTERN } from "./build.ts";
import type { JsonObject, ListNode, Schema, StringNode } from "./schema.ts";

/**
 * The schema as JSON Schema (draft 7), for values files: objects refuse keys that they do not know, so that a slip of the pen is told
 * rather than dropped. Rules are left to the API server.
 */
export function jsonSchema(schema: Schema): JsonObject {
  return withoutAbsent({ description: schema.description, ...shape(schema) });
}

function shape({ node }: Schema): JsonObject {
  switch (node.kind) {
    case "string":
      return stringShape(node);
    case "integer":
      return { type: "integer", minimum: node.min, maximum: node.max };
    case "boolean":
      return { type: "boolean" };
    case "quantity":
      return { type: ["integer", "string"], minimum: 0, pattern: QUANTITY_PATTERN };
    case "list":
      return listShape(node);
    case "map":
      return { type: "object", additionalProperties: jsonSchema(node.value), maxProperties: node.maxProperties };
    case "object":
      return objectShape(node.fields, false);
    case "anything":
      return objectShape(node.fields, true);
  }
}

function stringShape({ enum: values, pattern, minLength, maxLength }: StringNode): JsonObject {
  return values === undefined ? { type: "string", minLength, maxLength, pattern } : { type: "string", enum: values };
}

function listShape(node: ListNode): JsonObject {
  return {
    type: "array",
    items: jsonSchema(node.item),
    minItems: node.minItems,
    maxItems: node.maxItems,
    uniqueItems: node.type === "set" ? true : undefined,
  };
}

function objectShape(fields: Readonly<Record<string, Schema>>, isOpen: boolean): JsonObject {
  const entries = Object.entries(fields);
  const required = entries.filter(([, { presence }]) => presence === "required").map(([name]) => name);
  return {
    type: "object",
    required: required.length > 0 ? required : undefined,
    properties: Object.fromEntries(entries.map(([name, field]) => [name, jsonSchema(field)])),
    additionalProperties: isOpen,
  };
}

function withoutAbsent(value: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined));
}
