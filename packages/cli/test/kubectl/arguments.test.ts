import { describe, expect, it } from "@jest/globals";
import { KUBECTL_PROGRAM } from "../../src/kubectl/program.ts";
import { capturedRun } from "../captured-run.ts";
import { FakeKubectl } from "./fake-cluster.ts";

const CLUSTER = "etcdclusters.etcd.quorate.dev/store";
const store = {
  metadata: { name: "store" },
  spec: {},
  status: {
    clusterID: "f00d",
    leader: { member: "store-2" },
    members: [
      { name: "store-1", role: "Follower" },
      { name: "store-2", role: "Leader" },
    ],
  },
};

describe("kubectl quorate", () => {
  it("lists its commands", async () => {
    const { code, stdout } = await capturedRun(["--help"], { program: KUBECTL_PROGRAM });

    expect(code).toBe(0);
    for (const command of ["status", "backup", "restore", "promote", "defrag", "logs"])
      expect(stdout).toContain(command);
  });

  it.each([
    [["backup"], /needs the name of a cluster/],
    [["restore"], /needs the name of a cluster/],
    [["promote", "store"], /needs the name of a member/],
    [["status", "a", "b"], /one argument too many/],
    [["restore", "store"], /one of --backup and --survivor/],
    [["restore", "store", "--backup=b", "--survivor=auto"], /one of --backup and --survivor/],
    [["restore", "store", "--survivor=auto", "--to=copy"], /not about a new one/],
    [["restore", "store", "--backup=b"], /give --confirm with its present ID/],
    [["restore", "store", "--backup=b", "--confirm=beef"], /beef is not the cluster's ID/],
    [["backup", "store", "--bucket=b", "--claim=c"], /exclude each other/],
    [["backup", "store", "--claim=c", "--prefix=p"], /--prefix is about --bucket/],
    [["backup", "store"], /no EtcdBackupSchedule store/],
  ])("refuses %j with code 128 before anything is made", async (argv, words) => {
    using kubectl = new FakeKubectl({ objects: { [CLUSTER]: store } });
    const { code, stderr } = await kubectl.run(...argv);

    expect(stderr).toMatch(words);
    expect(code).toBe(128);
    expect(kubectl.calls.filter(([verb]) => verb !== "get")).toEqual([]);
  });

  it("hands kubectl's own flags on, and its words of refusal back", async () => {
    using kubectl = new FakeKubectl({ objects: {} });
    const { code, stderr } = await kubectl.run("status", "none", "-n", "prod", "--context=big", "--kubeconfig=/k");

    expect([code, stderr]).toEqual([
      1,
      'Error: Error from server (NotFound): etcdclusters.etcd.quorate.dev "none" not found\n',
    ]);
    expect(kubectl.calls[0]?.slice(0, 3)).toEqual(["--namespace=prod", "--context=big", "--kubeconfig=/k"]);
  });

  it("says that kubectl is not installed", async () => {
    const env = { KUBECTL: "/nowhere/kubectl", PATH: "" };

    expect(await capturedRun(["status"], { program: KUBECTL_PROGRAM, env })).toEqual({
      code: 1,
      stdout: "",
      stderr: "Error: /nowhere/kubectl is not installed\n",
    });
  });

  it("ends with 4 where there is no such output format", async () => {
    using kubectl = new FakeKubectl({ objects: {} });

    expect(await kubectl.run("status", "-o", "xml")).toMatchObject({ code: 4, stderr: expect.stringContaining("xml") });
  });

  it("shows the leader's log, or another member's", async () => {
    using kubectl = new FakeKubectl({ objects: { [CLUSTER]: store } });

    expect((await kubectl.run("logs", "store")).stdout).toBe("log of store-2\n");
    expect((await kubectl.run("logs", "store", "store-1", "-f", "--tail=5", "--since=1m", "-p")).stdout).toBe(
      "log of store-1\n",
    );
    expect(kubectl.calls.at(-1)).toEqual([
      "logs",
      "store-1",
      "--container=etcd",
      "--tail=5",
      "--follow",
      "--previous",
      "--since=1m",
    ]);
    expect(await kubectl.run("logs", "store", "store-9")).toMatchObject({
      code: 1,
      stderr: "Error: store has no member store-9; it has store-1, store-2\n",
    });
  });
});
