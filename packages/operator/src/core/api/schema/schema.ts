/**
 * A small language for the schemas of custom resources. One value of it is the source of everything else: the static types are inferred
 * from it, and the OpenAPI schema of the resource definition, the defaults, the operator's own validation and the field reference in the
 * documentation are computed from it. It has just what a Kubernetes structural schema can say.
 */

/** Brings what a field holds to the type checker; no value ever has these properties. */
declare const held: unique symbol;
declare const given: unique symbol;

export type Presence = "required" | "optional" | "defaulted";

/**
 * The schema of one value. `Held` is what the operator reads once defaults are filled in, `Given` what a user may write, `P` whether a
 * field of this schema has to be there.
 */
export interface Schema<Held = unknown, Given = Held, P extends Presence = Presence> {
  readonly node: SchemaNode;
  readonly presence: P;
  /** JSON value that the API server fills in where there is none. */
  readonly default: unknown;
  readonly description: string;
  readonly [held]?: Held;
  readonly [given]?: Given;
}

/** What a change of a field makes the operator do: nothing disruptive, replace members one by one, add or remove members, be refused. */
export type Rolls = "now" | "roll" | "scale" | "frozen";

export type SchemaNode =
  | StringNode
  | IntegerNode
  | { readonly kind: "boolean" }
  | QuantityNode
  | ListNode
  | MapNode
  | ObjectNode
  | AnythingNode;

export interface StringNode {
  readonly kind: "string";
  readonly enum: readonly string[] | undefined;
  /** RE2 and JavaScript must read it alike. */
  readonly pattern: string | undefined;
  /** Characters. */
  readonly minLength: number | undefined;
  /** Characters. */
  readonly maxLength: number;
  readonly format: "date-time" | undefined;
}

export interface IntegerNode {
  readonly kind: "integer";
  readonly format: "int32" | "int64";
  readonly min: number | undefined;
  readonly max: number | undefined;
}

/** A Kubernetes quantity: a number, or text as `8Gi`. */
export interface QuantityNode {
  readonly kind: "quantity";
}

export interface ListNode {
  readonly kind: "list";
  readonly item: Schema;
  readonly minItems: number | undefined;
  readonly maxItems: number;
  /** `map` lists are told apart by their keys, `set` lists hold each value once, `atomic` ones are replaced whole. */
  readonly type: "map" | "set" | "atomic";
  readonly keys: readonly string[];
}

export interface MapNode {
  readonly kind: "map";
  readonly value: Schema;
  readonly maxProperties: number;
}

/** Any object, kept as it is: parts of a Pod, whose schema Kubernetes owns. Some fields can be asked for all the same. */
export interface AnythingNode {
  readonly kind: "anything";
  readonly fields: Readonly<Record<string, Schema>>;
}

export interface ObjectNode {
  readonly kind: "object";
  readonly fields: Readonly<Record<string, Schema>>;
  readonly rules: readonly Rule[];
}

/** A rule over more than one field: once for the API server, in CEL, and once for the operator. Both must agree. */
export interface Rule<Self = JsonObject> {
  /** CEL over `self` (and `oldSelf` for rules about changes). */
  readonly cel: string;
  /** What the user reads when it refuses. */
  readonly message: string;
  /** True if the rule compares with the object before; such rules run only on updates. */
  readonly isTransition: boolean;
  /** The same rule for the operator: true if it is kept. It sees only values that the schema allows, defaults filled in. */
  readonly holds: (self: Self, oldSelf: Self) => boolean;
}

export type JsonObject = { readonly [field: string]: unknown };

/** What the operator reads of a value of this schema: fields that have defaults are always there. */
export type Held<S> = S extends Schema<infer H, unknown, Presence> ? H : never;

/** What a user may write: fields that have defaults may be left out. */
export type Given<S> = S extends Schema<unknown, infer G, Presence> ? G : never;

export type Fields = Readonly<Record<string, Schema>>;

type KeysBy<F extends Fields, P extends Presence> = {
  [K in keyof F]: F[K] extends Schema<unknown, unknown, infer Q> ? (Q extends P ? K : never) : never;
}[keyof F];

export type HeldFields<F extends Fields> = Flat<
  { readonly [K in KeysBy<F, "required" | "defaulted">]: Held<F[K]> } & {
    readonly [K in KeysBy<F, "optional">]?: Held<F[K]> | undefined;
  }
>;

export type GivenFields<F extends Fields> = Flat<
  { readonly [K in KeysBy<F, "required">]: Given<F[K]> } & {
    readonly [K in KeysBy<F, "optional" | "defaulted">]?: Given<F[K]> | undefined;
  }
>;

type Flat<T> = { [K in keyof T]: T[K] };
