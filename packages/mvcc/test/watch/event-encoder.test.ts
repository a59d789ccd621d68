import { describe, expect, it } from "@jest/globals";
import { encodeStoredEvent, Writer } from "@quorate/protocol";
import fc from "fast-check";
import { KeyChange } from "../../src/change.ts";
import { EventEncoder, eventFieldBytes } from "../../src/watch/event-encoder.ts";

const size = fc.oneof(fc.nat(200), fc.nat(5000), fc.nat(70_000));
const filled = fc.tuple(size, fc.nat(255)).map(([length, byte]) => new Uint8Array(length).fill(byte));

describe("EventEncoder", () => {
  it("makes what the protocol's own encoder makes, and never writes over what it gave out", () => {
    const one = fc.record({ tombstone: fc.boolean(), kv: filled, previous: fc.option(filled, { nil: undefined }) });
    fc.assert(
      fc.property(fc.array(one, { minLength: 1, maxLength: 60 }), (inputs) => {
        const encoder = new EventEncoder();
        const events = inputs.map(({ tombstone, kv, previous }) =>
          encoder.encode(new KeyChange("k", tombstone, kv, 1, 2, 0), previous),
        );
        for (const [i, { tombstone, kv, previous }] of inputs.entries()) {
          const expected = encodeStoredEvent(tombstone ? 1 : 0, kv, previous);
          expect(Buffer.compare(events[i] as Uint8Array, expected)).toBe(0);
        }
      }),
      { numRuns: 50 },
    );
  });

  it.each([0, 1, 127, 128, 16_383, 16_384])("knows what an event of %d bytes takes in a response", (length) => {
    const writer = new Writer();
    writer.byte(0x5a);
    writer.bytes(new Uint8Array(length));
    expect(eventFieldBytes(new Uint8Array(length))).toBe(writer.finish().length);
  });
});
