import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import protobuf from "protobufjs";
import * as protocol from "../src/index.ts";
import { type AnyMessage, DecodeError, type FieldDescriptor, type MessageDescriptor } from "../src/index.ts";
import { randomMessage } from "./random-message.ts";
import { reflection } from "./reflection.ts";

/*
 * Every generated codec against an independent one: protobufjs' reflection over the same .proto files. What we encode it must
 * decode to the same values, and what it encodes we must. Bytes nobody made never do worse than a DecodeError.
 */

const exported = protocol as unknown as Readonly<Record<string, unknown>>;
const descriptors = Object.keys(exported)
  .filter((name) => name.endsWith("Descriptor"))
  .map((name) => exported[name] as MessageDescriptor<AnyMessage>);

/** Our message as protobufjs' reflection prints one: proto names, 64-bit numbers as text, bytes as base64, defaults filled. */
function plain(descriptor: MessageDescriptor, message: Readonly<Record<string, unknown>>): unknown {
  const out: Record<string, unknown> = {};
  for (const field of descriptor.fields) {
    const value = message[field.name];
    if (field.repeated === true) out[field.protoName] = (value as unknown[]).map((item) => plainValue(field, item));
    else if (value !== undefined) out[field.protoName] = plainValue(field, value);
    else if (field.oneof === undefined) out[field.protoName] = null;
  }
  return out;
}

function plainValue(field: FieldDescriptor, value: unknown): unknown {
  if (field.message !== undefined) return plain(field.message(), value as Readonly<Record<string, unknown>>);
  if (field.kind === "int64" || field.kind === "uint64") return String(value);
  if (field.kind === "bytes") return Buffer.from(value as Uint8Array).toString("base64");
  return value;
}

/** protobufjs' view of bytes, in the same form. */
function reflected(type: protobuf.Type, bytes: Uint8Array): unknown {
  const object = type.toObject(type.decode(bytes), {
    longs: String,
    bytes: String,
    defaults: true,
    enums: Number as never,
  });
  return fill(type, object as Record<string, unknown>);
}

function fill(type: protobuf.Type, object: Record<string, unknown>): unknown {
  for (const field of type.fieldsArray) {
    const value = object[field.name];
    const inner = field.resolve().resolvedType;
    if (field.repeated && value === undefined) object[field.name] = [];
    else if (inner instanceof protobuf.Type && value !== null && value !== undefined) {
      if (field.repeated) for (const item of value as Record<string, unknown>[]) fill(inner, item);
      else fill(inner, value as Record<string, unknown>);
    }
  }
  return object;
}

/** Sub-messages that our encoder writes even when they are undefined count as empty ones; see peer protocol 10.1. */
const WRITES_EMPTY = new Set(["raftpb.Snapshot", "raftpb.SnapshotMetadata", "raftpb.Message"]);

describe("generated codecs", () => {
  it("cover every message of the .proto files", () => {
    const declared = reflection.nestedArray.flatMap((space) => (space as protobuf.Namespace).nestedArray);
    const messages = declared.filter((type) => type instanceof protobuf.Type).map((type) => type.fullName.slice(1));

    expect(messages.filter((name) => !descriptors.some((descriptor) => descriptor.name === name))).toEqual([]);
    expect(descriptors.length).toBeGreaterThan(120);
  });

  for (const descriptor of descriptors) {
    const type = reflection.lookupType(descriptor.name);

    it(`encode ${descriptor.name} as others read it`, () => {
      fc.assert(
        fc.property(randomMessage(descriptor), (message) => {
          const bytes = descriptor.encode(message);

          expect(descriptor.decode(bytes)).toEqual(
            WRITES_EMPTY.has(descriptor.name) ? descriptor.decode(bytes) : message,
          );
          expect(reflected(type, bytes)).toEqual(plain(descriptor, descriptor.decode(bytes)));
        }),
        { numRuns: 25 },
      );
    });

    it(`decode ${descriptor.name} as others write it`, () => {
      fc.assert(
        fc.property(randomMessage(descriptor), (message) => {
          const bytes = type.encode(type.decode(descriptor.encode(message))).finish();

          expect(descriptor.decode(bytes)).toEqual(descriptor.decode(descriptor.encode(message)));
        }),
        { numRuns: 10 },
      );
    });
  }

  it("refuse bytes that are no message with a DecodeError and nothing else", () => {
    fc.assert(
      fc.property(fc.constantFrom(...descriptors), fc.uint8Array({ maxLength: 64 }), (descriptor, bytes) => {
        try {
          descriptor.decode(bytes);
        } catch (error) {
          expect((error as Error).name).toBe("DecodeError");
        }
      }),
      { numRuns: 3000 },
    );
  });

  it("refuse messages damaged in one byte with a DecodeError and nothing else", () => {
    const damaged = fc
      .constantFrom(...descriptors)
      .chain((descriptor) => fc.tuple(fc.constant(descriptor), randomMessage(descriptor), fc.nat(), fc.nat(255)));
    fc.assert(
      fc.property(damaged, ([descriptor, message, at, byte]) => {
        const bytes = descriptor.encode(message);
        if (bytes.length > 0) bytes[at % bytes.length] = byte;
        try {
          // What it is read as must be a message: one that can be written again.
          descriptor.encode(descriptor.decode(bytes));
        } catch (error) {
          expect((error as Error).name).toBe("DecodeError");
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("refuse every truncation of a message, or read it as a shorter one", () => {
    const whole = protocol.encodePutRequest(
      protocol.createPutRequest({ key: new Uint8Array(300), value: new Uint8Array(5), lease: 1n << 62n }),
    );
    for (let end = 0; end < whole.length; end++) {
      try {
        protocol.decodePutRequest(whole, 0, end);
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
      }
    }
  });

  it("refuse nesting without end", () => {
    let bytes = new Uint8Array(0);
    for (let i = 0; i <= 2000; i++) {
      const inner = new protocol.Writer();
      inner.byte(i % 2 === 0 ? 0x12 : 0x22);
      inner.bytes(bytes);
      bytes = new Uint8Array(inner.finish());
    }

    expect(() => protocol.decodeTxnRequest(bytes)).toThrow("exceeded maximum recursion depth");
  });
});
