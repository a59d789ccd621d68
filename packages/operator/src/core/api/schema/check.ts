import { QUANTITY_PATTERN } from "./build.ts";
import { isObject } from "./defaults.ts";
import type { IntegerNode, JsonObject, ListNode, MapNode, Rule, Schema, StringNode } from "./schema.ts";

/** Something that a user has to change in an object. */
export interface Problem {
  /** Where, as `spec.storage.size`. */
  readonly path: string;
  readonly message: string;
}

/**
 * What the API server would refuse a value for, once defaults are filled in. Rules are asked only about objects that the schema allows, and
 * those about changes only where `old` has the object too, as there. Fields that the schema does not know do not count: they are dropped
 * before anything is stored.
 */
export function check(schema: Schema, path: string, value: unknown, old?: unknown): readonly Problem[] {
  const { node } = schema;
  switch (node.kind) {
    case "string":
      return typeof value === "string" ? checkString(node, path, value) : [wrongType(path, "text")];
    case "integer":
      return Number.isInteger(value) ? checkInteger(node, path, value as number) : [wrongType(path, "an integer")];
    case "boolean":
      return typeof value === "boolean" ? [] : [wrongType(path, "true or false")];
    case "quantity":
      return checkQuantity(path, value);
    case "list":
      return Array.isArray(value) ? checkList(node, path, value) : [wrongType(path, "a list")];
    case "map":
      return isObject(value) ? checkMap(node, path, value) : [wrongType(path, "an object")];
    case "object":
      return isObject(value) ? checkObject(node, path, value, old) : [wrongType(path, "an object")];
    case "anything":
      return isObject(value) ? checkFields(node.fields, path, value, undefined) : [wrongType(path, "an object")];
  }
}

function checkString(node: StringNode, path: string, value: string): readonly Problem[] {
  if (node.enum !== undefined) {
    return node.enum.includes(value) ? [] : [{ path, message: `must be one of ${node.enum.join(", ")}` }];
  }
  const length = Array.from(value).length; // in code points, as the API server counts
  if (length < (node.minLength ?? 0)) return [{ path, message: `must have at least ${node.minLength} characters` }];
  if (length > node.maxLength) return [{ path, message: `must have at most ${node.maxLength} characters` }];
  if (node.pattern !== undefined && !new RegExp(node.pattern).test(value)) {
    return [{ path, message: `must match ${node.pattern}` }];
  }
  return [];
}

function checkInteger(node: IntegerNode, path: string, value: number): readonly Problem[] {
  if (node.min !== undefined && value < node.min) return [{ path, message: `must be at least ${node.min}` }];
  if (node.max !== undefined && value > node.max) return [{ path, message: `must be at most ${node.max}` }];
  return [];
}

function checkQuantity(path: string, value: unknown): readonly Problem[] {
  const isQuantity =
    typeof value === "string"
      ? new RegExp(QUANTITY_PATTERN).test(value)
      : Number.isInteger(value) && Number(value) >= 0;
  return isQuantity ? [] : [wrongType(path, "a quantity, as 8Gi")];
}

function checkList(node: ListNode, path: string, value: readonly unknown[]): readonly Problem[] {
  if (value.length < (node.minItems ?? 0)) return [{ path, message: `must have at least ${node.minItems} items` }];
  if (value.length > node.maxItems) return [{ path, message: `must have at most ${node.maxItems} items` }];
  const problems = value.flatMap((item, index) => check(node.item, `${path}[${index}]`, item));
  return hasDuplicate(node, value) ? [...problems, { path, message: "must not hold the same item twice" }] : problems;
}

function hasDuplicate(node: ListNode, value: readonly unknown[]): boolean {
  if (node.type === "atomic") return false;
  const identities = value.map((item) =>
    JSON.stringify(node.type === "map" && isObject(item) ? node.keys.map((key) => item[key]) : item),
  );
  return new Set(identities).size < identities.length;
}

function checkMap(node: MapNode, path: string, value: JsonObject): readonly Problem[] {
  const entries = Object.entries(value);
  if (entries.length > node.maxProperties) return [{ path, message: `must have at most ${node.maxProperties} keys` }];
  return entries.flatMap(([key, item]) => check(node.value, `${path}[${key}]`, item));
}

function checkObject(
  node: { readonly fields: Readonly<Record<string, Schema>>; readonly rules: readonly Rule[] },
  path: string,
  value: JsonObject,
  old: unknown,
): readonly Problem[] {
  const problems = checkFields(node.fields, path, value, isObject(old) ? old : undefined);
  return problems.length > 0 ? problems : brokenRules(node.rules, path, value, isObject(old) ? old : undefined);
}

function checkFields(
  fields: Readonly<Record<string, Schema>>,
  path: string,
  value: JsonObject,
  old: JsonObject | undefined,
): readonly Problem[] {
  return Object.entries(fields).flatMap(([name, field]) => {
    const fieldPath = path === "" ? name : `${path}.${name}`;
    const item = value[name];
    if (item !== undefined) return check(field, fieldPath, item, old?.[name]);
    return field.presence === "required" ? [{ path: fieldPath, message: "is required" }] : [];
  });
}

/** The rules that an object whose fields are fine by themselves does not keep. */
export function brokenRules(
  rules: readonly Rule[],
  path: string,
  value: JsonObject,
  old: JsonObject | undefined,
): readonly Problem[] {
  return rules
    .filter(({ isTransition, holds }) =>
      isTransition ? old !== undefined && !holds(value, old) : !holds(value, value),
    )
    .map(({ message }) => ({ path, message }));
}

function wrongType(path: string, wanted: string): Problem {
  return { path, message: `must be ${wanted}` };
}
