import { describe, expect, it } from "@jest/globals";
import { errorFromStatus } from "../src/etcd-error.ts";
import { TimeLimit } from "../src/time-limit.ts";
import { TokenSource } from "../src/token-source.ts";

const NONE = new TimeLimit(Number.POSITIVE_INFINITY);
const OFF = errorFromStatus(9, "etcdserver: authentication is not enabled");
const REFUSED = errorFromStatus(16, "etcdserver: invalid auth token");

/** A source whose server gives `t1`, `t2`, … or fails as told. */
function counted(failures: readonly (Error | undefined)[] = []) {
  let calls = 0;
  const source = new TokenSource(undefined, async () => {
    const failure = failures[calls++];
    if (failure !== undefined) throw failure;
    return `t${calls}`;
  });
  return { source, calls: () => calls };
}

describe("TokenSource", () => {
  it("fetches nothing until a token is needed, and then one for all who wait", async () => {
    const { source, calls } = counted();
    expect(calls()).toBe(0);
    expect(await Promise.all([source.current(NONE), source.current(NONE), source.current(NONE)])).toEqual([
      "t1",
      "t1",
      "t1",
    ]);
    expect(await source.current(NONE)).toBe("t1");
    expect(calls()).toBe(1);
  });

  it("renews a refused token once, however many calls it was refused to", async () => {
    const { source, calls } = counted();
    const used = await source.current(NONE);
    await Promise.all([source.renew(used, NONE), source.renew(used, NONE)]);
    await source.renew(used, NONE);
    expect([await source.current(NONE), calls()]).toEqual(["t2", 2]);
  });

  it("has no token while authentication is off, and asks again when a call is refused", async () => {
    const { source } = counted([OFF]);
    expect(await source.current(NONE)).toBeUndefined();
    expect(await source.current(NONE)).toBeUndefined();
    await source.renew(undefined, NONE);
    expect(await source.current(NONE)).toBe("t2");
  });

  it("passes on what the server says to the password, and asks again next time", async () => {
    const wrong = errorFromStatus(3, "etcdserver: authentication failed, invalid user ID or password");
    const { source } = counted([wrong]);
    await expect(source.current(NONE)).rejects.toBe(wrong);
    expect(await source.current(NONE)).toBe("t2");
  });

  it("is waited for only as long as each caller wants, and comes for the others", async () => {
    let give = (_token: string): void => {};
    const source = new TokenSource(
      undefined,
      () =>
        new Promise((resolve) => {
          give = resolve;
        }),
    );
    const controller = new AbortController();
    const patient = source.current(NONE);
    const late = source.current(new TimeLimit(20));
    const aborted = source.current(new TimeLimit(60_000, controller.signal));

    await expect(late).rejects.toMatchObject({ code: "deadlineExceeded" });
    controller.abort();
    await expect(aborted).rejects.toMatchObject({ code: "aborted" });
    await expect(source.current(new TimeLimit(60_000, controller.signal))).rejects.toMatchObject({ code: "aborted" });
    give("t1");

    expect(await patient).toBe("t1");
  });

  it("takes refusals for its own only where it can do something about them", () => {
    const fixed = new TokenSource("given", undefined);
    expect([fixed.refuses(REFUSED), counted().source.refuses(REFUSED), counted().source.refuses(OFF)]).toEqual([
      false,
      true,
      false,
    ]);
  });
});
