import { describe, expect, it } from "@jest/globals";
import { etcdView } from "../../../src/node/cluster/observe/etcd-view.ts";
import { entry, type FakeMember, fakeClient } from "./fake-members.ts";

const ENTRIES = [entry("1", "c-1"), entry("2", "c-2"), entry("3", "c-3", { isLearner: true })];

describe("etcdView", () => {
  it("asks every member for itself and voters for the rest", async () => {
    const { view, calls } = await look([
      { id: "1", name: "c-1" },
      { id: "2", name: "c-2" },
      { id: "3", name: "c-3", isLearner: true },
    ]);

    expect([...view.answers.keys()]).toEqual(["c-1", "c-2", "c-3"]);
    expect([...view.localLists.keys()]).toEqual(["c-1", "c-2"]);
    expect(view).toMatchObject({ isReadable: true, list: { memberId: "1", members: ENTRIES } });
    // A learner refuses everything else.
    expect(calls.filter((call) => call.startsWith("c-3"))).toEqual(["c-3.status()"]);
  });

  it("is not made blind by a member that fails, the leader even", async () => {
    const { view } = await look([
      { id: "1", name: "c-1", fails: "Unreachable" },
      { id: "2", name: "c-2", leaderId: "2" },
    ]);

    expect(view.answers.get("c-1")).toEqual({ kind: "failed", code: "Unreachable", message: "Unreachable" });
    expect(view).toMatchObject({ isReadable: true, list: { memberId: "2" } });
  });

  it("takes what one member can give when another has no quorum", async () => {
    const { view } = await look([
      { id: "1", name: "c-1", refuses: { memberList: "NoQuorum", linearizableRead: "NoQuorum" } },
      { id: "2", name: "c-2" },
    ]);

    expect(view).toMatchObject({ isReadable: true, list: { memberId: "2" } });
  });

  it("says that nothing can be read when nobody can", async () => {
    const refuses = { memberList: "NoQuorum", linearizableRead: "NoQuorum", alarms: "NoQuorum" } as const;
    const { view } = await look([
      { id: "1", name: "c-1", leaderId: "0", refuses },
      { id: "2", name: "c-2", leaderId: "0", refuses },
    ]);

    expect(view).toMatchObject({ isReadable: false, list: undefined, alarms: [] });
    expect(view.answers.get("c-1")).toMatchObject({ kind: "status" });
  });

  it("asks nobody where there is nobody", async () => {
    expect((await look([])).view).toMatchObject({ isReadable: false, list: undefined });
  });
});

async function look(members: readonly FakeMember[]) {
  const calls: string[] = [];
  const clients = new Map(members.map((member) => [member.name, fakeClient(member, ENTRIES, calls)]));
  return { view: await etcdView(clients), calls };
}
