/** The checker must accept what an order explains and reject each kind of lie that the fault suite is for. */
import { describe, expect, it } from "@jest/globals";
import { seedFromEnvironment } from "@quorate/testkit";
import fc from "fast-check";
import { applyToKey } from "../../src/faults/key-model.ts";
import { checkLinearizability, type Verdict } from "../../src/faults/linearizability.ts";
import type { KeyInput, KeyOutput, KeyState, Operation } from "../../src/faults/operation.ts";

const NEVER = Number.POSITIVE_INFINITY;

function operation(called: number, returned: number, input: KeyInput, output?: KeyOutput): Operation {
  return { client: 0, key: "k", input, output, called, returned: output === undefined ? NEVER : returned };
}

const put = (called: number, returned: number, value: string): Operation =>
  operation(called, returned, { kind: "put", value }, { kind: "put" });
const lostPut = (called: number, value: string): Operation => operation(called, NEVER, { kind: "put", value });
const get = (called: number, returned: number, value?: string, version = 1): Operation => {
  const found = value === undefined ? undefined : { value, version };
  return operation(called, returned, { kind: "get" }, { kind: "get", found });
};
const remove = (called: number, returned: number, deleted: boolean): Operation =>
  operation(called, returned, { kind: "delete" }, { kind: "delete", deleted });
const swap = (called: number, returned: number, version: number, value: string): Operation =>
  operation(called, returned, { kind: "cas", version, value }, { kind: "cas", succeeded: true });
const refused = (called: number, returned: number, version: number, found?: KeyState): Operation =>
  operation(called, returned, { kind: "cas", version, value: "no" }, { kind: "cas", succeeded: false, found });

function verdictOf(history: readonly Operation[]): Verdict | undefined {
  return checkLinearizability(history)[0]?.verdict;
}

describe("histories that an order explains", () => {
  it.each<[string, readonly Operation[]]>([
    ["one after the other", [put(0, 1, "a"), get(2, 3, "a"), remove(4, 5, true), get(6, 7), remove(8, 9, false)]],
    ["a read during a write sees the old value", [put(0, 9, "a"), get(1, 2)]],
    ["a read during a write sees the new value", [put(0, 9, "a"), get(1, 2, "a")]],
    ["two writes at once, in either order", [put(0, 9, "a"), put(0, 9, "b"), get(10, 11, "a", 2)]],
    ["an unanswered write that took effect late", [lostPut(0, "a"), get(1, 2), get(3, 4, "a")]],
    ["an unanswered write that never took effect", [lostPut(0, "a"), get(1, 2), get(3, 4)]],
    ["a swap over an unanswered write", [lostPut(0, "a"), swap(1, 2, 1, "b"), get(3, 4, "b", 2)]],
    ["a refused swap tells what it read", [put(0, 1, "a"), refused(2, 3, 0, { value: "a", version: 1 })]],
    ["calls that touch at one instant overlap", [put(0, 5, "a"), get(5, 6)]],
  ])("%s", (_, history) => expect(verdictOf(history)).toBe("linearizable"));
});

describe("histories that no order explains", () => {
  it.each<[string, readonly Operation[]]>([
    ["a stale read", [put(0, 1, "a"), put(2, 3, "b"), get(4, 5, "a")]],
    ["a lost acknowledged write", [put(0, 1, "a"), get(2, 3)]],
    ["a read of the new value, then of the old", [put(0, 9, "a"), get(1, 2, "a"), get(3, 4)]],
    ["a value that nobody wrote", [put(0, 1, "a"), get(2, 3, "z")]],
    ["a write that took effect twice", [put(0, 1, "a"), get(2, 3, "a", 2)]],
    ["an unanswered write before it was sent", [get(0, 1, "a"), lostPut(2, "a")]],
    ["an unanswered write that comes and goes", [lostPut(0, "a"), get(1, 2, "a"), get(3, 4)]],
    ["two swaps of the same version", [put(0, 1, "a"), swap(2, 9, 1, "b"), swap(2, 9, 1, "c")]],
    ["a swap refused for no reason", [put(0, 1, "a"), refused(2, 3, 1, { value: "a", version: 1 })]],
    ["a delete that found nothing", [put(0, 1, "a"), remove(2, 3, false)]],
    ["a delete that found something deleted", [put(0, 1, "a"), remove(2, 3, true), remove(4, 5, true)]],
    [
      "two readers who see two writes in opposite orders",
      [put(0, 9, "a"), put(0, 9, "b"), get(1, 2, "a", 1), get(3, 4, "b", 2), get(5, 6, "a", 1)],
    ],
  ])("%s", (_, history) => {
    const [verdict] = checkLinearizability(history);
    expect(verdict?.verdict).toBe("violation");
    expect(verdict?.evidence.length).toBeGreaterThan(0);
  });

  it("finds the one bad key among good ones", () => {
    const good = [put(0, 1, "a"), get(2, 3, "a")].map((each) => ({ ...each, key: "good" }));
    const verdicts = checkLinearizability([...good, put(0, 1, "a"), get(2, 3)]);
    expect(verdicts.map(({ key, verdict }) => `${key} ${verdict}`)).toEqual(["good linearizable", "k violation"]);
  });
});

describe("the bound of the search", () => {
  it("gives up with `unknown` and never with a verdict", () => {
    const writes = Array.from({ length: 12 }, (_, index) => put(0, 100, `v${index}`));
    expect(checkLinearizability([...writes, get(101, 102, "nobody's", 12)], 1000)[0]?.verdict).toBe("unknown");
  });

  it("is not reached by a long history with many unanswered writes", () => {
    const history: Operation[] = [];
    for (let index = 0; index < 300; index++) {
      history.push(
        put(index * 10, index * 10 + 9, `v${index}`),
        get(index * 10 + 1, index * 10 + 2, `v${index}`, index + 1),
      );
      if (index % 10 === 0) history.push(lostPut(index * 10 + 3, `lost${index}`));
    }
    expect(verdictOf(history)).toBe("linearizable");
  });
});

/** Tries every order of every choice of unanswered calls. */
function bruteForce(history: readonly Operation[]): boolean {
  const search = (left: readonly Operation[], state: KeyState | undefined): boolean => {
    if (left.every(({ output }) => output === undefined)) return true;
    return left.some((next) => {
      if (left.some((other) => other !== next && other.returned < next.called)) return false;
      const step = applyToKey(state, next.input, next.output);
      return (
        step.possible &&
        search(
          left.filter((other) => other !== next),
          step.next,
        )
      );
    });
  };
  return search(history, undefined);
}

const value = fc.constantFrom("a", "b");
const version = fc.integer({ min: 0, max: 3 });
const found = fc.option(fc.record({ value, version: fc.integer({ min: 1, max: 3 }) }), { nil: undefined });
const call = fc.oneof(
  found.map((state): [KeyInput, KeyOutput] => [{ kind: "get" }, { kind: "get", found: state }]),
  value.map((text): [KeyInput, KeyOutput] => [{ kind: "put", value: text }, { kind: "put" }]),
  fc.boolean().map((deleted): [KeyInput, KeyOutput] => [{ kind: "delete" }, { kind: "delete", deleted }]),
  fc
    .tuple(version, value, fc.boolean(), found)
    .map(([at, text, succeeded, state]): [KeyInput, KeyOutput] => [
      { kind: "cas", version: at, value: text },
      succeeded ? { kind: "cas", succeeded } : { kind: "cas", succeeded, found: state },
    ]),
);
const anyOperation = fc
  .tuple(call, fc.integer({ min: 0, max: 12 }), fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 4 }))
  .map(([[input, output], called, took, dice]) =>
    operation(called, called + took, input, dice === 0 ? undefined : output),
  );

/** A history that a run of the model under random overlaps gives: right by construction. */
const rightHistory = fc.array(
  fc.tuple(call, fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 }), fc.boolean()),
  {
    maxLength: 40,
  },
);

describe("the checker against trying every order", () => {
  const seed = seedFromEnvironment(20);

  it("agrees on random small histories", () => {
    let right = 0;
    fc.assert(
      fc.property(fc.array(anyOperation, { minLength: 1, maxLength: 6 }), (history) => {
        const expected = bruteForce(history);
        right += Number(expected);
        expect(verdictOf(history)).toBe(expected ? "linearizable" : "violation");
      }),
      { seed, numRuns: 3000 },
    );
    // Both answers must have been asked for often, or the agreement says little.
    expect(right).toBeGreaterThan(100);
    expect(right).toBeLessThan(2900);
  });

  it("accepts what the model itself did", () => {
    fc.assert(
      fc.property(rightHistory, (calls) => {
        let state: KeyState | undefined;
        const history = calls.map(([[input], early, late, lost], at) => {
          const output = outputOf(state, input);
          state = applyToKey(state, input, undefined).next;
          return operation(at - early, at + late + 0.5, input, lost ? undefined : output);
        });
        expect(checkLinearizability(history).every(({ verdict }) => verdict === "linearizable")).toBe(true);
      }),
      { seed, numRuns: 300 },
    );
  });
});

function outputOf(state: KeyState | undefined, input: KeyInput): KeyOutput {
  switch (input.kind) {
    case "get":
      return { kind: "get", found: state };
    case "put":
      return { kind: "put" };
    case "delete":
      return { kind: "delete", deleted: state !== undefined };
    case "cas":
      return (state?.version ?? 0) === input.version
        ? { kind: "cas", succeeded: true }
        : { kind: "cas", succeeded: false, found: state };
  }
}
