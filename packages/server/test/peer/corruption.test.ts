import { join } from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";
import { AlarmAction } from "@quorate/protocol";
import { EtcdCluster, findPeer, peersAreRequired, requirePeer, serverUnderTest, waitUntil } from "@quorate/testkit";
import { changeStoredValue } from "../node/support/changed-value.ts";
import { b, EtcdClient } from "../node/support/etcd-client.ts";

/**
 * A real etcd and two of ours compare their data: it asks us and we ask it, at the start and while leading. Then values of ours are
 * changed in the files, with all checksums right.
 */
const ROOT = join(import.meta.dirname, "..", "..", "..", "..");
const CORRUPT = 2;
const CHANGED_REVISION = 3;
const WAIT_MS = 30_000;

const own = serverUnderTest(ROOT);
const isHere = (findPeer("etcd-3.5") !== undefined && own !== undefined) || peersAreRequired();

(isHere ? describe : describe.skip)("one etcd and two of ours", () => {
  let cluster: EtcdCluster | undefined;
  const clients: EtcdClient[] = [];

  afterAll(async () => {
    for (const client of clients) client.close();
    await cluster?.close();
  });

  async function started(): Promise<EtcdCluster> {
    const program = own ?? [];
    const made = await EtcdCluster.start({
      members: [
        {
          program: [requirePeer("etcd-3.5")],
          flags: ["--experimental-initial-corrupt-check=true", "--experimental-corrupt-check-time=500ms"],
        },
        { program, flags: ["--corrupt-check-time=500ms"] },
        { program, flags: ["--feature-gates=InitialCorruptCheck=true"] },
      ],
    });
    cluster = made;
    clients.push(...made.nodes.map(({ clientPort }) => new EtcdClient(clientPort)));
    return made;
  }

  const client = (index: number): EtcdClient => {
    const found = clients[index];
    if (found === undefined) throw new Error(`no client ${index}`);
    return found;
  };

  async function makeLeader(index: number): Promise<void> {
    const { header } = await client(index).status();
    const targetId = header?.memberId ?? 0n;
    await waitUntil(
      async () => {
        const statuses = await Promise.all(clients.map((each) => each.status()));
        const leader = statuses.findIndex((status) => status.leader === status.header?.memberId);
        if (leader === index && statuses.every((status) => status.leader === targetId)) return true;
        if (leader >= 0 && leader !== index) await client(leader).moveLeader({ targetId });
        return false;
      },
      { what: `member ${index} to lead`, timeoutMs: WAIT_MS, everyMs: 200 },
    );
  }

  /** Waits until a member has compared all three once more. */
  async function compared(members: EtcdCluster, index: number): Promise<void> {
    const isDone = (line: string): boolean => /finished peer corruption check.*"number-of-peers-checked":2/.test(line);
    const count = (): number => members.node(index).wholeLog().split("\n").filter(isDone).length;
    const before = count();
    await waitUntil(() => count() > before, {
      what: `a comparison by member ${index}`,
      timeoutMs: WAIT_MS,
      detail: () => members.node(index).wholeLog().slice(-3000),
    });
  }

  it("find each other right, and then what was changed, by either's rules", async () => {
    const members = await started();
    for (let i = 0; i < 10; i++) await client(0).put({ key: b(`k${i}`), value: b("right") });
    await makeLeader(1);
    await compared(members, 1);
    await makeLeader(0);
    await compared(members, 0);
    await members.terminate(0);
    await members.restart(0);
    expect(members.node(0).process.log()).toMatch(/initial corruption checking passed; no corruption/);
    expect((await client(0).alarm({ action: AlarmAction.GET })).alarms).toEqual([]);

    await members.terminate(2);
    await changeStoredValue(members.node(2).dataDirectory, CHANGED_REVISION, b("wrong"));
    await expect(members.restart(2)).rejects.toThrow(/[0-9a-f]+ found data inconsistency with peers/);

    await members.terminate(1);
    await changeStoredValue(members.node(1).dataDirectory, CHANGED_REVISION, b("wrong"));
    await members.restart(1);
    const { header } = await client(1).status();
    await waitUntil(
      async () => {
        const { leader } = await client(0).status();
        if (leader === header?.memberId)
          await client(1).moveLeader({ targetId: (await client(0).status()).header?.memberId ?? 0n });
        return (await client(0).alarm({ action: AlarmAction.GET })).alarms.length > 0;
      },
      { what: "etcd's alarm", timeoutMs: WAIT_MS, everyMs: 200 },
    );
    // 3.5 says that it is some member, and in its log which.
    const { alarms } = await client(0).alarm({ action: AlarmAction.GET });
    expect(alarms).toEqual([{ memberId: 0n, alarm: CORRUPT }]);
    expect(members.node(0).wholeLog()).toMatch(
      new RegExp(`same compact revision then hashes must match.*"follower-peer-id":"${header?.memberId.toString(16)}"`),
    );
    expect((await client(1).status()).errors).toEqual(["memberID:0 alarm:CORRUPT"]);
  }, 120_000);
});
