import { afterEach, describe, expect, it } from "@jest/globals";
import { type Asker, HasherBusyError, NotWantedError, PasswordHasher } from "../../../src/node/auth/password-hasher.ts";

const COST = 4;
const wanted: Asker = { address: "10.0.0.1", isWanted: () => true };
let hasher: PasswordHasher | undefined;
afterEach(() => hasher?.close());

/** One of forty clients. */
function from(i: number): Asker {
  return { ...wanted, address: `10.0.0.${i % 40}` };
}

describe("hashing passwords", () => {
  it("makes bcrypt hashes that match their password alone", async () => {
    hasher = new PasswordHasher(COST);
    const hash = await hasher.hash("pässwörd", wanted);

    expect(hash).toMatch(/^\$2[ab]\$04\$[./A-Za-z0-9]{53}$/);
    expect(await hasher.matches("pässwörd", hash, wanted)).toBe(true);
    expect(await hasher.matches("password", hash, wanted)).toBe(false);
    expect(await hasher.matches("", await hasher.hash("", wanted), wanted)).toBe(true);
    expect(await hasher.matches("pw", hasher.hashNow("pw"), wanted)).toBe(true);
    for (const none of ["", "hash", "$2a$04$short", hash.replace("$04$", "$99$")]) {
      expect({ none, matches: await hasher.matches("pw", none, wanted) }).toEqual({ none, matches: false });
    }
    expect(PasswordHasher.isTooLong("ä".repeat(36))).toBe(false);
    expect(PasswordHasher.isTooLong("ä".repeat(36).concat("a"))).toBe(true);
  });

  it("leaves the event loop alone, and takes no more than it can bear", async () => {
    const busy = new PasswordHasher(8);
    hasher = busy;
    const known = busy.hashNow("pw");
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => busy.matches(i % 2 === 0 ? "pw" : "no", known, from(i))),
    );
    clearInterval(timer);
    expect(answers).toEqual(Array.from({ length: 40 }, (_, i) => i % 2 === 0));
    // Forty of them take far longer than the turns that this waits for.
    expect(turns).toBeGreaterThan(40);

    // One is at work, and a thousand wait.
    const many = Array.from({ length: 1002 }, (_, i) => busy.hash("pw", from(i)).catch((error: unknown) => error));
    expect(await many[1001]).toBeInstanceOf(HasherBusyError);
    await busy.close();
    expect(await many[1000]).toBeInstanceOf(Error);
    expect(await many[1000]).not.toBeInstanceOf(HasherBusyError);
  });

  it("gives clients turns, however many passwords one of them sends", async () => {
    const busy = new PasswordHasher(COST);
    hasher = busy;
    const known = busy.hashNow("pw");
    const answered: string[] = [];
    const note = (who: string) => (): void => void answered.push(who);
    // One is at work, and a thousand wait: there is room for no more.
    const crowd = Array.from({ length: 1001 }, () =>
      busy.matches("no", known, from(0)).then(note("A"), note("refused")),
    );
    // Networks of IPv6 are clients, not their addresses.
    const sixth = Array.from({ length: 50 }, (_, i) =>
      busy.matches("no", known, { ...wanted, address: `2001:db8::${i}` }).then(note("C"), note("refused")),
    );
    await busy.matches("pw", known, from(1)).then((isRight) => note(isRight ? "B" : "wrong")());
    // Those of the crowd that came last have given way to the others.
    expect(answered.filter((who) => who === "refused")).toHaveLength(51);
    expect(answered.filter((who) => who !== "refused")).toEqual(["A", "A", "C", "B"]);
    await Promise.all([...crowd, ...sixth]);
    for (const [who, answers] of [
      ["A", 950],
      ["C", 50],
      ["refused", 51],
    ] as const) {
      expect({ who, answers: answered.filter((each) => each === who).length }).toEqual({ who, answers });
    }
  });

  it("lets new passwords and logins take turns", async () => {
    const busy = new PasswordHasher(COST);
    hasher = busy;
    const known = busy.hashNow("pw");
    const answered: string[] = [];
    const add = (): Promise<unknown> => busy.hash("pw", wanted).then(() => answered.push("add"));
    const added = Array.from({ length: 10 }, add);
    const login = busy.matches("pw", known, wanted).then(() => answered.push("login"));
    await login;
    expect(answered).toEqual(["add", "login"]);
    await Promise.all(added);

    answered.length = 0;
    const logins = Array.from({ length: 10 }, () =>
      busy.matches("pw", known, wanted).then(() => answered.push("login")),
    );
    await add();
    expect(answered).toEqual(["login", "add"]);
    await Promise.all(logins);
  });

  it("compares with no hash that would keep it busy for hours", async () => {
    const known = new PasswordHasher(COST).hashNow("pw");
    const ofCost = (cost: number): string => known.replace("$04$", `$${cost}$`);
    hasher = new PasswordHasher(COST);
    expect([known, ofCost(16), ofCost(17), ofCost(31), "", "no hash"].map((hash) => hasher?.isTooDear(hash))).toEqual([
      false,
      false,
      true,
      true,
      false,
      false,
    ]);
    // What the member makes itself it compares.
    expect([20, 21].map((cost) => new PasswordHasher(20).isTooDear(ofCost(cost)))).toEqual([false, true]);
    expect(await hasher.matches("pw", ofCost(31), wanted)).toBe(false);
    expect(await hasher.matches("pw", known, wanted)).toBe(true);
  });

  it("compares as much of a password as bcrypt does, and keeps no more of it", async () => {
    hasher = new PasswordHasher(COST);
    for (const first of ["x".repeat(72), "ä".repeat(36), `${"x".repeat(71)}\u{1f600}`, `${"x".repeat(68)}\u{1f600}`]) {
      const hash = await hasher.hash(first, wanted);
      const long = PasswordHasher.comparable(first + "more".repeat(100_000));
      expect(long.length).toBeLessThanOrEqual(73);
      expect(await hasher.matches(long, hash, wanted)).toBe(true);
      expect(await hasher.matches(PasswordHasher.comparable(`y${first.slice(1)}`), hash, wanted)).toBe(false);
    }
    expect(PasswordHasher.comparable("short")).toBe("short");
  });

  it("passes over those who do not wait any more when their turn has come", async () => {
    const busy = new PasswordHasher(COST);
    hasher = busy;
    let isGone = false;
    const first = busy.hash("pw", wanted);
    const second = busy.hash("pw", { ...wanted, isWanted: () => !isGone }).catch((error: unknown) => error);
    const third = busy.matches("pw", busy.hashNow("pw"), wanted);
    isGone = true;
    expect(await first).toMatch(/^\$2/);
    expect(await second).toBeInstanceOf(NotWantedError);
    expect(await third).toBe(true);
  });
});
