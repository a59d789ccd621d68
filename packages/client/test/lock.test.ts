import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { utf8Bytes } from "@quorate/base";
import { EtcdCluster, EtcdNode, withTimeout } from "@quorate/testkit";
import { compare, EtcdClient, isEtcdError, op, prefix, RPC, utf8Text } from "../src/index.ts";
import { withServers } from "./support/servers.ts";
import { take } from "./support/taking.ts";

withServers("locks", ({ program }) => {
  let node: EtcdNode;
  let client: EtcdClient;
  beforeAll(async () => {
    node = await EtcdNode.start({ program, medium: "memory" });
    client = new EtcdClient({ endpoints: [node.endpoint] });
  }, 30_000);
  afterAll(async () => {
    await client.close();
    await node.close();
  });

  /** Resolves once `count` sessions have a place in the queue. */
  async function untilQueued(name: string, count: number): Promise<void> {
    const places = prefix(`${name}/`);
    const { header, count: before } = await client.kv.get(places, { countOnly: true });
    if (before >= count) return;
    for await (const batch of client.watch(places, { startRevision: header.revision + 1 })) {
      void batch;
      if ((await client.kv.count(places)) >= count) return;
    }
  }

  it("are had by one session at a time, in the order of asking", async () => {
    const sessions = await Promise.all([client.session(), client.session(), client.session()]);
    const [first, second, third] = sessions.map((session) => client.lock(session, "one"));
    if (first === undefined || second === undefined || third === undefined) throw new Error("three sessions");
    const order: string[] = [];
    await first.acquire();
    expect(utf8Text(first.key)).toBe(`one/${sessions[0]?.leaseId.toString(16)}`);
    const waiting = [second.acquire().then(() => order.push("second"))];
    await untilQueued("one", 2);
    waiting.push(third.acquire().then(() => order.push("third")));
    await untilQueued("one", 3);

    await client.kv.txn().if(first.isOwner()).do(op.put("guarded", "first")).commit();
    order.push("released");
    await first.release();
    await waiting[0];
    await second.release();
    await waiting[1];
    await third.release();

    expect(order).toEqual(["released", "second", "third"]);
    expect((await client.kv.txn().if(first.isOwner()).do(op.put("guarded", "")).commit()).succeeded).toBe(false);
    for (const session of sessions) await session.close();
    expect(await client.kv.count(prefix("one/"))).toBe(0);
  }, 20_000);

  it("leave no trace of a try, a deadline or an abort", async () => {
    await using holder = await client.session();
    await using other = await client.session();
    await client.lock(holder, "two").acquire();
    const lock = client.lock(other, "two");

    expect(await lock.tryAcquire()).toBe(false);
    await expect(lock.acquire({ deadlineMs: 100 })).rejects.toMatchObject({ code: "deadlineExceeded" });
    await expect(lock.acquire({ signal: AbortSignal.timeout(100) })).rejects.toMatchObject({ code: "aborted" });
    await expect(lock.acquire({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "aborted" });

    expect(await client.kv.count(prefix("two/"))).toBe(1);
  });

  it("stay with a holder that asks again, whatever comes of it", async () => {
    await using holder = await client.session();
    await using other = await client.session();
    const lock = client.lock(holder, "again");
    const rival = client.lock(other, "again");
    await lock.acquire();

    await lock.acquire();
    expect(await lock.tryAcquire()).toBe(true);
    await expect(lock.acquire({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "aborted" });
    await expect(lock.tryAcquire({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "aborted" });

    expect(await rival.tryAcquire()).toBe(false);
    expect((await client.kv.txn().if(lock.isOwner()).commit()).succeeded).toBe(true);
    await lock.release();
    expect(await rival.tryAcquire()).toBe(true);
    await rival.release();
    expect(await client.kv.count(prefix("again/"))).toBe(0);
  });

  it("keep the place of a call that waits when another of the same lock gives up", async () => {
    await using holder = await client.session();
    await using other = await client.session();
    const held = client.lock(holder, "patient");
    const lock = client.lock(other, "patient");
    await held.acquire();
    const waiting = lock.acquire();
    await untilQueued("patient", 2);

    await expect(lock.acquire({ deadlineMs: 50 })).rejects.toMatchObject({ code: "deadlineExceeded" });
    expect(await lock.tryAcquire()).toBe(false);
    expect(await client.kv.count(prefix("patient/"))).toBe(2);
    await held.release();

    await withTimeout(waiting, { what: "the lock", timeoutMs: 5_000 });
    await lock.release();
    expect(await client.kv.count(prefix("patient/"))).toBe(0);
  });

  it("pass on when the session of the holder ends, and end a wait whose session is lost", async () => {
    const holder = await client.session({ ttlSeconds: 2 });
    await using next = await client.session();
    const lost = await client.session();
    await client.lock(holder, "three").acquire();
    const waiting = client.lock(next, "three").acquire();
    await untilQueued("three", 2);
    const failing = client.lock(lost, "three").acquire();
    await untilQueued("three", 3);

    await Promise.all([
      expect(failing).rejects.toMatchObject({ code: "mutexSessionExpired" }),
      client.lease.revoke(lost.leaseId),
    ]);
    await holder.orphan();
    await withTimeout(waiting, { what: "the lock of the session that expired", timeoutMs: 8_000 });
  }, 20_000);

  it("run a body and release", async () => {
    await using session = await client.session();
    const lock = client.lock(session, "four");
    const answer = await lock.run(async (signal) => {
      expect(signal.aborted).toBe(false);
      expect(await client.kv.count(prefix("four/"))).toBe(1);
      return 42;
    });
    expect(answer).toBe(42);
    await expect(lock.run(() => Promise.reject(new Error("body")))).rejects.toThrow("body");
    expect(await client.kv.count(prefix("four/"))).toBe(0);
  });

  it("exclude those of the server's own lock service", async () => {
    await using session = await client.session();
    const { id } = await client.lease.grant(60);
    const { key } = await client.unary(RPC.Lock.Lock, { name: utf8Bytes("five"), lease: id });
    const lock = client.lock(session, "five");

    expect(await lock.tryAcquire()).toBe(false);
    const waiting = lock.acquire();
    await untilQueued("five", 2);
    await client.unary(RPC.Lock.Unlock, { key });
    await waiting;
    await lock.release();
  });

  it("elections have one leader, whose values are observed", async () => {
    await using a = await client.session();
    await using b = await client.session();
    const first = client.election(a, "six");
    const second = client.election(b, "six");
    const observer = client.leaderOf("six");
    expect(await observer.leader()).toBeUndefined();
    const seen: string[] = [];
    const observing = (async () => {
      for await (const { value } of observer.observe()) if (seen.push(utf8Text(value)) === 4) return;
    })();

    await expect(first.proclaim("early")).rejects.toMatchObject({ code: "electionNotLeader" });
    await first.campaign("a1");
    const waiting = second.campaign("b1");
    await untilQueued("six", 2);
    expect(utf8Text((await observer.leader())?.value ?? new Uint8Array(0))).toBe("a1");
    await first.proclaim("a2");
    await first.campaign("a3");
    await first.resign();
    await waiting;
    await withTimeout(observing, { what: "four values", timeoutMs: 5_000 });

    expect(seen).toEqual(["a1", "a2", "a3", "b1"]);
    await expect(first.proclaim("late")).rejects.toMatchObject({ code: "electionNotLeader" });
    await second.resign();
  });

  it("a leader that campaigns again in vain leads on", async () => {
    await using session = await client.session();
    const election = client.election(session, "twice");
    await election.campaign("first");

    await expect(election.campaign("second", { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "aborted",
    });

    expect(utf8Text((await election.leader())?.value ?? new Uint8Array(0))).toBe("first");
    await election.proclaim("third");
    await election.resign();
    expect(await election.leader()).toBeUndefined();
  });

  it("a session goes on with the lease of another", async () => {
    const first = await client.session();
    await client.lock(first, "seven").acquire();
    await first.orphan();

    await using second = await client.session({ leaseId: first.leaseId });

    await client.lock(second, "seven").acquire({ deadlineMs: 1_000 });
  });
});

withServers("a lock in a cluster", ({ program }) => {
  it("is never had by two while members are killed, and work goes on", async () => {
    await using cluster = await EtcdCluster.start({
      members: [{ program }, { program }, { program }],
      medium: "memory",
    });
    await using control = new EtcdClient({ endpoints: cluster.endpoints });
    let holders = 0;
    let holdersMost = 0;
    let done = 0;
    const worker = async (rounds: number): Promise<void> => {
      await using client = new EtcdClient({ endpoints: cluster.endpoints });
      await using session = await client.session({ ttlSeconds: 20 });
      const lock = client.lock(session, "work");
      for (let round = 0; round < rounds; round++) {
        await lock.acquire({ deadlineMs: 30_000 });
        holdersMost = Math.max(holdersMost, ++holders);
        await client.kv.put("work-done", `${done}`).catch((error: unknown) => {
          if (!isEtcdError(error)) throw error;
        });
        holders--;
        done++;
        await lock.release({ deadlineMs: 30_000 });
      }
    };
    const working = Promise.all([worker(15), worker(15), worker(15)]);
    await take(control.watch("work-done"), 3);
    await cluster.kill(0);
    await cluster.restart(0);
    await cluster.kill(1);
    await cluster.restart(1);

    await working;

    expect([done, holdersMost]).toEqual([45, 1]);
    expect(await control.kv.count(prefix("work/"))).toBe(0);
    expect((await control.kv.txn().if(compare.exists("work-done")).commit()).succeeded).toBe(true);
  }, 120_000);
});
