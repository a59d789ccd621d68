import { QUANTITY_PATTERN } from "./build.ts";
import { fillDefaults } from "./defaults.ts";
import type { IntegerNode, JsonObject, ListNode, Rule, Schema, StringNode } from "./schema.ts";

/**
 * The schema as a structural schema of a CustomResourceDefinition, keys in the order in which people read them. A default is written out
 * with the defaults inside of it: the API server asks the rules about it as it stands, and refuses a definition whose default breaks one.
 */
export function structuralSchema(schema: Schema): JsonObject {
  return withoutAbsent({
    description: schema.description,
    ...shape(schema),
    default: fillDefaults(schema, schema.default),
  });
}

function shape(schema: Schema): JsonObject {
  const { node } = schema;
  switch (node.kind) {
    case "string":
      return stringShape(node);
    case "integer":
      return integerShape(node);
    case "boolean":
      return { type: "boolean" };
    case "quantity":
      return { "x-kubernetes-int-or-string": true, pattern: QUANTITY_PATTERN, minimum: 0 };
    case "list":
      return listShape(node);
    case "map":
      return {
        type: "object",
        additionalProperties: structuralSchema(node.value),
        maxProperties: node.maxProperties,
      };
    case "object":
      return { ...objectShape(node.fields), "x-kubernetes-validations": validations(node.rules) };
    case "anything":
      return { ...objectShape(node.fields), "x-kubernetes-preserve-unknown-fields": true };
  }
}

function stringShape(node: StringNode): JsonObject {
  if (node.enum !== undefined) return { type: "string", enum: node.enum };
  const { format, minLength, maxLength, pattern } = node;
  return { type: "string", format, minLength, maxLength, pattern };
}

function integerShape(node: IntegerNode): JsonObject {
  return { type: "integer", format: node.format, minimum: node.min, maximum: node.max };
}

function listShape(node: ListNode): JsonObject {
  return {
    type: "array",
    items: structuralSchema(node.item),
    minItems: node.minItems,
    maxItems: node.maxItems,
    "x-kubernetes-list-type": node.type,
    "x-kubernetes-list-map-keys": node.type === "map" ? node.keys : undefined,
  };
}

function objectShape(fields: Readonly<Record<string, Schema>>): JsonObject {
  const names = Object.keys(fields);
  const required = names.filter((name) => fields[name]?.presence === "required");
  const properties = Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, structuralSchema(field)]));
  return {
    type: "object",
    required: required.length > 0 ? required : undefined,
    properties: names.length > 0 ? properties : undefined,
  };
}

/** The rules as the API server takes them. */
export function validations(rules: readonly Rule[]): readonly JsonObject[] | undefined {
  if (rules.length === 0) return undefined;
  return rules.map(({ cel, message }) => ({ rule: cel, message }));
}

function withoutAbsent(value: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined));
}
