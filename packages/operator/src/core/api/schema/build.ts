import type {
  Fields,
  Given,
  GivenFields,
  Held,
  HeldFields,
  JsonObject,
  Presence,
  Rule,
  Schema,
  SchemaNode,
} from "./schema.ts";

// The words that schemas are written in. Every field says what it is for: the text is the API's documentation.

interface FieldOptions {
  readonly required?: true;
  readonly default?: unknown;
}

type PresenceOf<O> = O extends { readonly default: unknown }
  ? "defaulted"
  : O extends { readonly required: true }
    ? "required"
    : "optional";

function schema<S>(description: string, node: SchemaNode, options: FieldOptions): S {
  const presence: Presence =
    options.default !== undefined ? "defaulted" : options.required === true ? "required" : "optional";
  return { node, presence, default: options.default, description } as S;
}

interface TextOptions extends FieldOptions {
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
}

export function text<const O extends TextOptions>(
  description: string,
  options: O,
): Schema<string, string, PresenceOf<O>> {
  return schema(description, stringNode(options), options);
}

/** Text of a closed set. */
export function oneOf<const V extends string, const O extends FieldOptions>(
  description: string,
  values: readonly V[],
  options: O,
): Schema<V, V, PresenceOf<O>> {
  return schema(description, { ...stringNode({}), enum: values }, options);
}

/** A point in time, RFC 3339. */
export function time<const O extends FieldOptions>(
  description: string,
  options: O,
): Schema<string, string, PresenceOf<O>> {
  return schema(description, { ...stringNode({ maxLength: 64 }), format: "date-time" }, options);
}

/**
 * A length of time as Go writes it: `90s`, `1h30m`, `100ms`. Each unit at most once and few digits: no sum of some overflows the 64-bit
 * nanoseconds that CEL computes with.
 */
export const DURATION_PATTERN = ["h", "m", "s", "ms"].map((unit) => `([0-9]{1,5}(\\.[0-9]{1,3})?${unit})?`).join("");

export function duration<const O extends FieldOptions>(
  description: string,
  options: O,
): Schema<string, string, PresenceOf<O>> {
  const node = stringNode({ pattern: `^${DURATION_PATTERN}$`, minLength: 2, maxLength: 32 });
  return schema(description, node, options);
}

/** Name of another object of the namespace. */
export function nameOf<const O extends FieldOptions>(
  description: string,
  options: O,
): Schema<string, string, PresenceOf<O>> {
  const pattern = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$";
  return schema(description, stringNode({ pattern, minLength: 1, maxLength: 253 }), options);
}

interface IntegerOptions extends FieldOptions {
  readonly min?: number;
  readonly max?: number;
}

export function integer<const O extends IntegerOptions>(
  description: string,
  options: O,
): Schema<number, number, PresenceOf<O>> {
  return schema(
    description,
    { kind: "integer", format: "int32", min: options.min, max: options.max ?? 2 ** 31 - 1 },
    options,
  );
}

/** An integer that may pass 2^31; one that may pass 2^53 has to be text instead. */
export function longInteger<const O extends IntegerOptions>(
  description: string,
  options: O,
): Schema<number, number, PresenceOf<O>> {
  return schema(
    description,
    { kind: "integer", format: "int64", min: options.min, max: options.max ?? Number.MAX_SAFE_INTEGER },
    options,
  );
}

export function flag<const O extends FieldOptions>(
  description: string,
  options: O,
): Schema<boolean, boolean, PresenceOf<O>> {
  return schema(description, { kind: "boolean" }, options);
}

export type Quantity = string | number;

/** Not negative, and with few enough digits that every reader computes with the same number. */
export const QUANTITY_PATTERN = "^[0-9]{1,15}(\\.[0-9]{1,9})?([KMGTPE]i|[numkMGTPE]|[eE][0-9]{1,2})?$";

export function quantity<const O extends FieldOptions>(
  description: string,
  options: O,
): Schema<Quantity, Quantity, PresenceOf<O>> {
  return schema(description, { kind: "quantity" }, options);
}

interface ListOptions extends FieldOptions {
  readonly minItems?: number;
  readonly maxItems: number;
  readonly keys?: readonly string[];
  readonly set?: true;
}

export function list<S extends Schema, const O extends ListOptions>(
  description: string,
  item: S,
  options: O,
): Schema<readonly Held<S>[], readonly Given<S>[], PresenceOf<O>> {
  const { minItems, maxItems, keys = [] } = options;
  const type = keys.length > 0 ? "map" : options.set === true ? "set" : "atomic";
  return schema(description, { kind: "list", item, minItems, maxItems, type, keys }, options);
}

interface MapOptions extends FieldOptions {
  readonly maxProperties: number;
}

export function map<S extends Schema, const O extends MapOptions>(
  description: string,
  value: S,
  options: O,
): Schema<Readonly<Record<string, Held<S>>>, Readonly<Record<string, Given<S>>>, PresenceOf<O>> {
  return schema(description, { kind: "map", value, maxProperties: options.maxProperties }, options);
}

export function object<const F extends Fields, const O extends FieldOptions>(
  description: string,
  fields: F,
  options: O,
): Schema<HeldFields<F>, GivenFields<F>, PresenceOf<O>> {
  return schema(description, { kind: "object", fields, rules: [] }, options);
}

/** An object that is always there, so that the defaults in it apply to the shortest spec too. */
export function section<const F extends Fields>(
  description: string,
  fields: F,
): Schema<HeldFields<F>, GivenFields<F>, "defaulted"> {
  return object(description, fields, { default: {} });
}

/** An object most of whose fields are not ours to describe; those given have to be there. */
export function anything<const O extends FieldOptions, const F extends Fields = Record<never, never>>(
  description: string,
  options: O,
  fields?: F,
): Schema<HeldFields<F> & JsonObject, HeldFields<F> & JsonObject, PresenceOf<O>> {
  return schema(description, { kind: "anything", fields: fields ?? {} }, options);
}

/** Tells the type checker more of a value than the schema says of it. */
export function holding<T>() {
  return <P extends Presence>(held: Schema<unknown, unknown, P>): Schema<T, T, P> => held as Schema<T, T, P>;
}

/** The schema of an object with further rules over its fields. */
export function withRules<S extends Schema>(ruled: S, ...rules: readonly Rule<Held<S>>[]): S {
  const { node } = ruled;
  if (node.kind !== "object") throw new TypeError("only objects have rules");
  return { ...ruled, node: { ...node, rules: [...node.rules, ...(rules as readonly Rule[])] } };
}

/** A rule about one state of the object. */
export function rule<Self>(cel: string, message: string, holds: (self: Self) => boolean): Rule<Self> {
  return { cel, message, isTransition: false, holds };
}

/** A rule about a change; it runs only where both the old and the new object are there. */
export function transition<Self>(
  cel: string,
  message: string,
  holds: (self: Self, oldSelf: Self) => boolean,
): Rule<Self> {
  return { cel, message, isTransition: true, holds };
}

function stringNode(options: TextOptions): Extract<SchemaNode, { kind: "string" }> {
  return {
    kind: "string",
    enum: undefined,
    pattern: options.pattern,
    minLength: options.minLength,
    maxLength: options.maxLength ?? 253,
    format: undefined,
  };
}
