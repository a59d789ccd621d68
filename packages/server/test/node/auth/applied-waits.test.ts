import { beforeEach, describe, expect, it } from "@jest/globals";
import { AppliedWaits } from "../../../src/node/auth/applied-waits.ts";

const MANY = 10_000;

describe("waiting for what is applied", () => {
  let appliedIndex: number;
  let nowMs: number;
  let looks: number;
  let ran: number[];
  let waits: AppliedWaits;

  /** A time that counts how often another one is compared with it. */
  const countedNow = {
    valueOf: () => {
      looks++;
      return nowMs;
    },
  } as unknown as number;

  beforeEach(() => {
    [appliedIndex, nowMs, looks, ran] = [10, 0, 0, []];
    waits = new AppliedWaits({ appliedIndex: () => appliedIndex, nowMs: () => countedNow, waitMs: 1000 });
  });

  const wait = (index: number): void => waits.whenApplied(index, 1, () => void ran.push(index));

  it("looks at none of those who wait when none is due", () => {
    for (let i = 0; i < MANY; i++) wait(1_000_000 + (i % 100));
    looks = 0;
    for (let i = 0; i < 1000; i++) {
      appliedIndex++;
      waits.applied();
    }
    expect(ran).toEqual([]);
    expect(looks).toBeLessThanOrEqual(1000);
  });

  it("looks at those alone who are due", () => {
    for (let i = 0; i < MANY; i++) wait(11 + i);
    looks = 0;
    for (let i = 0; i < MANY; i++) {
      appliedIndex++;
      waits.applied();
      expect(ran.length).toBe(i + 1);
    }
    expect(ran).toEqual(Array.from({ length: MANY }, (_, i) => 11 + i));
    expect(looks).toBeLessThanOrEqual(MANY);
  });

  it("finds them after a leap, and runs each once", () => {
    for (const index of [50, 20, 50, 5000, 9000]) wait(index);
    wait(10);
    expect(ran).toEqual([10]);
    appliedIndex = 5000;
    waits.applied();
    expect(ran.slice(1).sort((a, b) => a - b)).toEqual([20, 50, 50, 5000]);
    nowMs = 1000;
    waits.applied();
    appliedIndex = 9000;
    waits.applied();
    expect(ran.slice(5)).toEqual([9000]);
  });

  it("lets those who wait in vain go in the order in which they came, and has room again", () => {
    for (let i = 0; i < MANY; i++) {
      nowMs = i < MANY / 2 ? 0 : 500;
      wait(1_000_000);
    }
    wait(2_000_000);
    expect(ran).toEqual([2_000_000]);
    looks = 0;
    nowMs = 1000;
    waits.applied();
    expect(ran.length).toBe(1 + MANY / 2);
    expect(looks).toBeLessThanOrEqual(MANY / 2 + 1);
    for (let i = 0; i < MANY / 2; i++) wait(3_000_000);
    expect(ran.length).toBe(1 + MANY / 2);
    appliedIndex = 1_000_000;
    waits.applied();
    expect(ran.length).toBe(1 + MANY);
  });
});
