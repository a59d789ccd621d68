/** How a field's value looks: the proto type, with messages and enums named as such. */
export type FieldKind = "bool" | "bytes" | "enum" | "int32" | "int64" | "message" | "string" | "uint32" | "uint64";

/** One field of a message, for code that treats all messages alike. */
export interface FieldDescriptor {
  readonly id: number;
  /** As in the .proto file. */
  readonly protoName: string;
  /** As in the TypeScript interface. */
  readonly name: string;
  readonly kind: FieldKind;
  readonly repeated?: boolean;
  /** A 64-bit integer held as bigint. */
  readonly bigint?: boolean;
  /** The oneof it belongs to; it is undefined unless it is the one that is set. */
  readonly oneof?: string;
  /** Of kind message. */
  readonly message?: () => MessageDescriptor;
  /** Of kind enum: names to numbers. */
  readonly values?: Readonly<Record<string, number>>;
}

/** A message, for code that treats all messages alike. `T` is its interface. */
export interface MessageDescriptor<T = unknown> {
  /** Full proto name. */
  readonly name: string;
  /** In order of their numbers. */
  readonly fields: readonly FieldDescriptor[];
  /** A message with the given fields, the others at their defaults. */
  create(init?: Partial<T>): T;
  encode(message: T): Uint8Array;
  /** Decodes `bytes[start, end)`; byte fields share it. Throws DecodeError. */
  decode(bytes: Uint8Array, start?: number, end?: number): T;
}

/** A method of a service. */
export interface MethodDescriptor {
  /** `package.Service`. */
  readonly service: string;
  readonly method: string;
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly kind: "unary" | "serverStream" | "clientStream" | "bidi";
  readonly request: MessageDescriptor;
  readonly response: MessageDescriptor;
}
