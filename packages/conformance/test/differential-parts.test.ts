/** The differential test's own parts: what it must notice and what it must not. */
import { describe, expect, it } from "@jest/globals";
import { SeededChoice } from "@quorate/testkit";
import { BEHAVIOUR_CHANGES, hasChange } from "../src/differential/behaviour-changes.ts";
import { canonicalResponse } from "../src/differential/canonical.ts";
import { differences } from "../src/differential/differences.ts";
import { inRange } from "../src/differential/key-space.ts";
import { StepGenerator } from "../src/differential/step-generator.ts";
import { World } from "../src/differential/world.ts";

const kv = (key: string, version: number): object => ({ key: Buffer.from(key), version: String(version) });
const change = (id: string): (typeof BEHAVIOUR_CHANGES)[number] => {
  const found = BEHAVIOUR_CHANGES.find((one) => one.id === id);
  if (found === undefined) throw new Error(`no change ${id}`);
  return found;
};

describe("differences", () => {
  it("names the paths that differ and is silent about equal bytes", () => {
    const left = { a: Buffer.from("x"), b: [{ c: 1 }, { c: 2 }] };
    expect(differences(left, { a: new Uint8Array([120]), b: [{ c: 1 }, { c: 3 }] })).toEqual(["b.1.c: 2 | 3"]);
    expect(differences(left, { ...left, b: [{ c: 1 }] })).toEqual(["b.length: 2 | 1", 'b.1: {"c":2} | absent']);
  });
});

describe("canonicalResponse", () => {
  it("gives keys that sort alike an order, and only counts those that a limit cut", () => {
    const request = { sort_target: 1, sort_order: 1, limit: 3 };
    const answer = (kvs: readonly object[]): unknown => canonicalResponse("KV/Range", request, { kvs, more: true });

    expect(answer([kv("b", 1), kv("a", 1), kv("x", 2)])).toEqual(answer([kv("a", 1), kv("b", 1), kv("y", 2)]));
    expect(answer([kv("b", 1), kv("a", 1)])).not.toEqual(answer([kv("b", 1), kv("a", 2)]));
  });

  it("hides who answered but not whether the header says so", () => {
    const header = { cluster_id: "1", member_id: "2", raft_term: "0", revision: "7" };
    const { header: masked } = canonicalResponse("KV/Put", {}, { header });
    expect(masked).toEqual({ cluster_id: "set", member_id: "set", raft_term: "unset", revision: "7" });
  });
});

describe("behaviour changes", () => {
  it("belong to the releases that they say", () => {
    const tombstone = change("tombstone-at-compaction");
    const versions = ["3.4.23", "3.4.34", "3.5.15", "3.5.30", "3.7.1", "4.0.0"];
    expect(versions.map((version) => hasChange(tombstone, version))).toEqual([false, true, false, true, true, true]);
  });

  it("excuse a lease only in a keys-only answer", () => {
    const step = (keysOnly: boolean) =>
      ({ kind: "call", method: "KV/Range", request: { keys_only: keysOnly } }) as const;
    const answer = (lease: string): object => ({ ok: true, response: { kvs: [{ key: "a", lease }] } });
    const { asOlder } = change("keys-only-lease");

    expect(asOlder(step(true), answer("0"), answer("5"))).toEqual(answer("5"));
    expect(asOlder(step(false), answer("0"), answer("5"))).toEqual(answer("0"));
  });
});

describe("key ranges", () => {
  it("follow the API's conventions", () => {
    const a = Buffer.from("a");
    expect(inRange(a, { key: a, range_end: Buffer.alloc(0) })).toBe(true);
    expect(inRange(Buffer.from("aa"), { key: a, range_end: Buffer.alloc(0) })).toBe(false);
    expect(inRange(Buffer.from("zz"), { key: a, range_end: Buffer.from([0]) })).toBe(true);
    expect(inRange(Buffer.from("b"), { key: a, range_end: Buffer.from("b") })).toBe(false);
  });
});

describe("StepGenerator", () => {
  it("draws the same steps from the same seed", () => {
    const draw = (seed: number): string => {
      const generator = new StepGenerator(new SeededChoice(seed), new World());
      return JSON.stringify(Array.from({ length: 300 }, (_, i) => generator.next(i, 300)));
    };
    expect(draw(3)).toBe(draw(3));
    expect(draw(3)).not.toBe(draw(4));
  });
});
