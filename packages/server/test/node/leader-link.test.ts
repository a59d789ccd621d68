import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { type Attempt, LeaderLink, leaseAttempt } from "../../src/node/leader-link.ts";
import { PeerHttpError, PeerRequestError } from "../../src/node/peer/index.ts";
import { Publisher } from "../../src/node/publisher.ts";

/** Runs until `promise` is settled, at most for ten minutes of a clock that stands still otherwise. */
async function finish<T>(promise: Promise<T>): Promise<T> {
  let isDone = false;
  void promise.then(
    () => {
      isDone = true;
    },
    () => {
      isDone = true;
    },
  );
  for (let i = 0; i < 60_000 && !isDone; i++) await jest.advanceTimersByTimeAsync(10);
  if (!isDone) throw new Error("does not come to an end");
  return promise;
}

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

describe("the link to the leader", () => {
  const place = { urls: ["http://one", "http://two"] as readonly string[], leads: false };
  const never = (): Promise<Attempt<string>> => Promise.reject(new Error("this member does not lead"));
  let asked: string[] = [];

  beforeEach(() => {
    Object.assign(place, { urls: ["http://one", "http://two"], leads: false });
    asked = [];
  });

  function link(): LeaderLink {
    return new LeaderLink({
      isLeader: () => place.leads,
      leaderPeerUrls: () => place.urls,
      requestTimeoutMs: 7000,
      nowMs: () => Date.now(),
    });
  }

  /** Answers by URL; what is not listed cannot be reached. */
  const answers =
    (byUrl: Readonly<Record<string, Attempt<string>>>) =>
    (url: string): Promise<Attempt<string>> => {
      asked.push(url);
      return Promise.resolve(byUrl[url] ?? "unreachable");
    };

  it("asks every URL of the leader until one answers", async () => {
    const outcome = link().ask(answers({ "http://two": { value: "hello" } }), never);
    expect(await finish(outcome)).toEqual({ value: "hello" });
    expect(asked).toEqual(["http://one", "http://two"]);
  });

  it("takes a refusal for final", async () => {
    const refused = answers({ "http://one": { refused: "leaseNotFound" } });
    expect(await finish(link().ask(refused, never))).toBe("leaseNotFound");
    expect(asked).toEqual(["http://one"]);
  });

  it("goes over to the next leader, waiting for one meanwhile", async () => {
    place.urls = [];
    setTimeout(() => {
      place.urls = ["http://three"];
    }, 5000);
    expect(await finish(link().ask(answers({ "http://three": { value: "hello" } }), never))).toEqual({
      value: "hello",
    });
  });

  it("answers itself where this member has come to lead, as soon as it can", async () => {
    setTimeout(() => {
      place.leads = true;
      place.urls = ["http://self"];
    }, 200);
    let count = 0;
    const own = (): Promise<Attempt<string>> => Promise.resolve(++count < 3 ? "unreachable" : { value: "mine" });
    expect(await finish(link().ask(answers({}), own))).toEqual({ value: "mine" });
    expect(asked).not.toContain("http://self");
  });

  it("gives up when the time is over, and says whether there is a leader at all", async () => {
    const beganMs = Date.now();
    expect(await finish(link().ask(answers({}), never))).toBe("timeout");
    place.urls = [];
    expect(await finish(link().ask(answers({}), never))).toBe("noLeader");
    expect(Date.now() - beganMs).toBeLessThan(2 * 7900);
  });

  it("leaves no attempt more time than is left", async () => {
    const given: number[] = [];
    const slow = (_url: string, timeoutMs: number): Promise<Attempt<string>> => {
      given.push(timeoutMs);
      return new Promise((resolve) => setTimeout(resolve, Math.min(timeoutMs, 3000), "unreachable"));
    };
    const beganMs = Date.now();
    expect(await finish(link().ask(slow, never))).toBe("timeout");
    expect(Date.now() - beganMs).toBeLessThan(7900);
    expect(given).toEqual([7000, 4000, expect.any(Number)]);
    expect(given[2]).toBeLessThan(1000);
  });

  it("takes an unknown lease for an answer, from others and from here, and everything else for silence", async () => {
    const outcomes = [
      Promise.resolve(60),
      Promise.reject(new PeerRequestError("lease not found", 404, "lease not found")),
      Promise.reject(new PeerHttpError(404, "lease not found")),
      Promise.reject(new PeerHttpError(400, "not a primary lessor")),
      Promise.reject(new Error("ECONNREFUSED")),
    ].map((request: Promise<number>) => leaseAttempt(request));
    expect(await Promise.all(outcomes)).toEqual([
      { value: 60 },
      { refused: "leaseNotFound" },
      { refused: "leaseNotFound" },
      "unreachable",
      "unreachable",
    ]);
  });
});

describe("the publisher", () => {
  const warnings: string[] = [];
  const logger = { warn: (text: string) => warnings.push(text) } as never;

  it("tries until the entry is applied here, and tells of what failed", async () => {
    const results = [undefined, "timeout", "noLeader", { revision: 1 }] as const;
    let count = 0;
    const publisher = new Publisher({ logger, propose: () => Promise.resolve(results[count++]) });
    await finish(publisher.publish());
    expect(count).toBe(4);
    expect(warnings).toHaveLength(2);
  });

  it("does nothing any more once it is stopped", async () => {
    let count = 0;
    let isPublished = false;
    const publisher = new Publisher({
      logger,
      propose: () => {
        count++;
        return Promise.resolve(count < 3 ? undefined : { revision: 1 });
      },
    });
    void publisher.publish().then(() => {
      isPublished = true;
    });
    await jest.advanceTimersByTimeAsync(50);
    publisher.stop();
    await jest.advanceTimersByTimeAsync(10_000);
    expect([count, isPublished, jest.getTimerCount()]).toEqual([1, false, 0]);
  });
});
