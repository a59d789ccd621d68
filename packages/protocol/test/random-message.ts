import fc from "fast-check";
import type { AnyMessage, FieldDescriptor, MessageDescriptor } from "../src/index.ts";

/** Numbers at the edges of varint sizes, and 2^53 - 1. */
const COUNTS = [0, 1, 127, 128, 16_383, 16_384, 2 ** 31, 2 ** 32, 2 ** 42, 2 ** 49, Number.MAX_SAFE_INTEGER];
const IDENTITIES = [0n, 1n, 127n, 128n, 2n ** 31n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n];

function scalar(field: FieldDescriptor): fc.Arbitrary<unknown> {
  switch (field.kind) {
    case "bool":
      return fc.boolean();
    case "bytes":
      return fc.uint8Array({ maxLength: 200 });
    case "string":
      return fc.string({ unit: "grapheme", maxLength: 40 });
    case "enum":
      return fc.constantFrom(...Object.values(field.values ?? {}), 99, -1);
    case "uint32":
      return fc.constantFrom(0, 1, 127, 128, 2 ** 31, 2 ** 32 - 1);
    case "int32":
      return fc.constantFrom(0, 1, 2, 23, 2 ** 31 - 1, -1, -(2 ** 31));
    case "int64":
      if (field.bigint === true) return fc.constantFrom(...IDENTITIES, -1n, -(2n ** 63n));
      return fc.constantFrom(...COUNTS, -1, -128, -(2 ** 40), Number.MIN_SAFE_INTEGER);
    default:
      if (field.bigint === true) return fc.constantFrom(...IDENTITIES, 2n ** 64n - 1n);
      return fc.constantFrom(...COUNTS);
  }
}

function fieldValue(field: FieldDescriptor, depth: number): fc.Arbitrary<unknown> {
  const one = field.message === undefined ? scalar(field) : randomMessage(field.message(), depth - 1);
  if (field.repeated === true)
    return depth <= 0 && field.message !== undefined ? fc.constant([]) : fc.array(one, { maxLength: 3 });
  if (field.message === undefined) return one;
  return depth <= 0 ? fc.constant(undefined) : fc.option(one, { nil: undefined });
}

/** Messages of a kind, with at most one field of each oneof set, as encoders make them. */
export function randomMessage(descriptor: MessageDescriptor, depth = 3): fc.Arbitrary<AnyMessage> {
  const free = descriptor.fields.filter((field) => field.oneof === undefined);
  const oneofs = [...new Set(descriptor.fields.map((field) => field.oneof))].filter((name) => name !== undefined);
  const chosen = oneofs.map((name) => {
    const members = descriptor.fields.filter((field) => field.oneof === name);
    const usable = members.filter((field) => field.message === undefined || depth > 0);
    const each = usable.map((field) =>
      (field.message === undefined ? scalar(field) : randomMessage(field.message(), depth - 1)).map((value) => ({
        [field.name]: value,
      })),
    );
    return fc.oneof(fc.constant({}), ...each);
  });
  const plain = fc.record(Object.fromEntries(free.map((field) => [field.name, fieldValue(field, depth)])));
  return fc
    .tuple(plain, ...chosen)
    .map((parts) => descriptor.create(Object.assign({}, ...parts) as object) as AnyMessage);
}
