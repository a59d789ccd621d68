import { describe, expect, it } from "@jest/globals";
import {
  authoritySecretName,
  base64FromText,
  CLAIMS,
  type Decision,
  DISRUPTION_BUDGETS,
  ETCD_CLUSTERS,
  type EtcdClusterSpecInput,
  memberClaim,
  PODS,
  SECRETS,
  SERVICES,
  textFromBase64,
} from "../../../src/core/index.ts";
import { act } from "../../../src/node/cluster/act/act.ts";
import { covers } from "../../../src/node/cluster/derive/apply-if-changed.ts";
import { derive } from "../../../src/node/cluster/derive/derive.ts";
import { settingsOf } from "../../core/manifests/sample-cluster.ts";
import { CLUSTER_ID, entry } from "./fake-members.ts";
import { Scene } from "./scene.ts";

const NS = { namespace: "ns" };

describe("derive", () => {
  it("makes everything beside the members, and then writes nothing", async () => {
    const scene = new Scene({ backup: { schedule: "@daily", destination: { pvc: { claimName: "b" } } } });
    scene.addMember(1);

    await pass(scene, { voters: ["c-1"], minAvailable: 1 });
    const made = [...scene.api.writes].sort();
    scene.api.writes.length = 0;
    await pass(scene, { voters: ["c-1"], minAvailable: 1 });

    expect(made).toEqual([
      "apply ConfigMap/c-ca-bundle",
      "apply EtcdBackupSchedule/c",
      "apply PodDisruptionBudget/c",
      "apply Service/c",
      "apply Service/c-peers",
      "apply ServiceAccount/c",
      "create Secret/c-1-tls",
      "create Secret/c-ca",
      "create Secret/c-client",
      "create Secret/c-operator",
      "patch Pod/c-1",
    ]);
    expect(scene.api.writes).toEqual([]);
  });

  it("puts right what somebody changed, and leaves alone what somebody added", async () => {
    const scene = new Scene();
    await pass(scene, {});
    const key = { ...NS, name: "c" };
    await scene.api.patch(SERVICES, key, { metadata: { labels: { theirs: "x" } } });
    scene.api.writes.length = 0;

    await pass(scene, {});
    expect(scene.api.writes).toEqual([]);

    await scene.api.patch(SERVICES, key, { spec: { type: "NodePort" } });
    await pass(scene, {});
    expect((await scene.api.get(SERVICES, key))?.spec.type).toBe("ClusterIP");
  });

  it("takes the budget and the schedule away when they are not wanted any more", async () => {
    const scene = new Scene();
    await pass(scene, { minAvailable: 2 });
    scene.api.writes.length = 0;

    await pass(scene, { minAvailable: undefined });

    expect(scene.api.writes).toEqual(["delete PodDisruptionBudget/c"]);
  });

  it("does not ask again and again for what an older API server drops", async () => {
    const scene = new Scene();
    const key = { ...NS, name: "c" };
    await pass(scene, { minAvailable: 2 });
    await scene.api.patch(DISRUPTION_BUDGETS, key, { spec: { unhealthyPodEvictionPolicy: null } });
    scene.api.writes.length = 0;

    await pass(scene, { minAvailable: 2 });
    expect(scene.api.writes).toEqual([]);

    await scene.api.patch(DISRUPTION_BUDGETS, key, { spec: { minAvailable: 1 } });
    await pass(scene, { minAvailable: 2 });
    expect((await scene.api.get(DISRUPTION_BUDGETS, key))?.spec.minAvailable).toBe(2);
  });

  it("raises the budget before one more Pod counts", async () => {
    const scene = new Scene();
    scene.addMember(1);
    await pass(scene, { minAvailable: 1 });
    scene.api.writes.length = 0;

    await pass(scene, { minAvailable: 2, voters: ["c-1"] });

    expect(scene.api.writes).toEqual(["apply PodDisruptionBudget/c", "patch Pod/c-1"]);
  });

  it("leads clients to voters that are not drained, once the cluster is open", async () => {
    const scene = new Scene();
    scene.addMember(1);
    const labels = async (decision: Partial<Decision>) => {
      await pass(scene, decision);
      const { voter, serving } = Object.fromEntries(
        Object.entries((await scene.api.get(PODS, { ...NS, name: "c-1" }))?.metadata.labels ?? {}).map(
          ([key, value]) => [key.split("/")[1], value],
        ),
      );
      return [voter, serving];
    };

    expect(await labels({ voters: [] })).toEqual(["false", "false"]);
    expect(await labels({ voters: ["c-1"], isFenced: true })).toEqual(["true", "false"]);
    expect(await labels({ voters: ["c-1"] })).toEqual(["true", "true"]);
    expect(await labels({ voters: ["c-1"], drained: ["c-1"] })).toEqual(["true", "false"]);
  });
});

describe("certificates", () => {
  const TLS: EtcdClusterSpecInput = {};

  it("are seen as they are and renewed by a step", async () => {
    const scene = new Scene(TLS);
    scene.addMember(1);
    await pass(scene, {});
    const before = await scene.look();

    expect(before.world.certificates.map(({ name, kind }) => [name, kind])).toEqual([
      ["c-ca", "CA"],
      ["c-operator", "Operator"],
      ["c-client", "Client"],
      ["c-1-tls", "Member"],
    ]);
    const day = 24 * 3_600_000;
    for (const view of before.world.certificates.slice(1)) {
      expect(view.notAfterMs - scene.nowMs).toBe(90 * day);
      expect(view.renewAtMs - scene.nowMs).toBe(60 * day);
    }

    scene.nowMs += 61 * day;
    await act({ deps: scene.deps, sight: await scene.look() }, { kind: "RenewCertificate", secret: "c-1-tls" });
    const after = (await scene.look()).world.certificates.find(({ name }) => name === "c-1-tls");
    expect((after?.notAfterMs ?? 0) - scene.nowMs).toBe(90 * day);
  });

  it("are due at once when names are asked for that they lack, or when they are of another authority", async () => {
    const scene = new Scene(TLS);
    scene.addMember(1);
    await pass(scene, {});
    const other = new Scene({ tls: { client: { extraSANs: ["db.example"] } } });
    other.addMember(1);
    for (const name of ["c-ca", "c-operator", "c-client", "c-1-tls"]) {
      const secret = await scene.api.get(SECRETS, { ...NS, name });
      if (secret !== undefined) other.api.put(SECRETS, secret);
    }
    const due = async (one: Scene) =>
      (await one.look()).world.certificates.filter(({ renewAtMs }) => renewAtMs === 0).map(({ name }) => name);

    expect(await due(scene)).toEqual([]);
    expect(await due(other)).toEqual(["c-1-tls"]);

    const third = new Scene(TLS);
    await pass(third, {});
    const stranger = await scene.api.get(SECRETS, { ...NS, name: "c-client" });
    if (stranger !== undefined) third.api.put(SECRETS, stranger);
    expect(await due(third)).toEqual(["c-client"]);
  });

  it("of a cluster that was born are not made by a new authority when the old one's Secret is deleted", async () => {
    const scene = new Scene(TLS);
    scene.addMember(1);
    await pass(scene, {});
    scene.api.put(ETCD_CLUSTERS, { ...(await scene.cluster()), status: { clusterID: CLUSTER_ID } });
    await scene.api.delete(SECRETS, { ...NS, name: authoritySecretName("c") });
    scene.api.writes.length = 0;

    await pass(scene, {});
    scene.addMember(2);
    await pass(scene, {});

    // The record of the identity has a place again, the keys are gone, and nothing is issued.
    expect(scene.api.writes.filter((write) => write.includes("Secret"))).toEqual(["create Secret/c-ca"]);
    expect((await scene.look()).world.missing).toMatchObject([{ kind: "Secret", name: "c-ca" }]);
  });
});

describe("authorities of a cluster whose volumes outlived it", () => {
  it("are made anew, since nothing runs that trusts the old ones", async () => {
    const scene = new Scene({});
    scene.api.put(CLAIMS, {
      ...memberClaim(settingsOf(), "c-1"),
      metadata: {
        ...memberClaim(settingsOf(), "c-1").metadata,
        annotations: { "etcd.quorate.dev/cluster-id": CLUSTER_ID },
      },
    });

    await pass(scene, {});
    const { world } = await scene.look();

    expect(world.latches).toEqual([{ where: "claim", clusterId: CLUSTER_ID }]);
    expect(world.missing).toEqual([]);
    expect(scene.api.writes).toContain("create Secret/c-ca");

    // Also where the Secret is there and its keys are not.
    await scene.api.patch(SECRETS, { ...NS, name: "c-ca" }, { data: { "ca.key": "", "peer-ca.key": "" } });
    await pass(scene, {});
    expect((await scene.look()).world.missing).toEqual([]);
  });
});

describe("what a former cluster of the same name has left", () => {
  it("does not count, and is waited for until it is gone", async () => {
    const scene = new Scene({});
    const owner = { apiVersion: "x", kind: "EtcdCluster", name: "c", uid: "former", controller: true };
    const annotations = { "etcd.quorate.dev/cluster-id": CLUSTER_ID };
    const key = { ...NS, name: authoritySecretName("c") };
    scene.api.put(SECRETS, {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { ...key, annotations, ownerReferences: [owner] },
    });

    expect((await scene.look()).world.latches).toEqual([]);
    await pass(scene, {});
    expect(scene.api.writes.filter((write) => write.includes("Secret"))).toEqual(["create Secret/c-ca"]);

    await scene.api.delete(SECRETS, key);
    await pass(scene, {});
    expect(await scene.api.get(SECRETS, { ...NS, name: "c-operator" })).toBeDefined();
  });
});

describe("authentication", () => {
  const AUTH: EtcdClusterSpecInput = { auth: { enabled: true } };

  it("is set up with a password that the operator makes, and again when that is changed", async () => {
    const scene = new Scene(AUTH);
    scene.addMember(1);
    scene.members = [{ id: "1", name: "c-1" }];
    scene.entries = [entry("1", "c-1")];
    await pass(scene, {});
    scene.api.put(ETCD_CLUSTERS, { ...(await scene.cluster()), status: { clusterID: CLUSTER_ID } });
    const authentication = async () => (await scene.look()).world.etcd.authentication;
    const key = { ...NS, name: "c-root" };
    const setUp = async () =>
      await act({ deps: scene.deps, sight: await scene.look() }, { kind: "SetAuthentication", isEnabled: true });

    expect(await authentication()).toEqual({ isEnabled: false, isPasswordSet: false });
    expect(await setUp()).toEqual({ kind: "done" });
    const password = textFromBase64((await scene.api.get(SECRETS, key))?.data?.["password"] ?? "");
    expect(password).toMatch(/^[\w-]{32}$/);
    expect(scene.calls).toContain(`c-1.enableAuth(${password})`);
    expect(await authentication()).toMatchObject({ isPasswordSet: true });

    await scene.api.patch(SECRETS, key, { data: { password: base64FromText("mine") } });
    expect(await authentication()).toMatchObject({ isPasswordSet: false });
    await setUp();
    expect(scene.calls).toContain("c-1.enableAuth(mine)");
    expect(await authentication()).toMatchObject({ isPasswordSet: true });
  });

  it("says so when the Secret that the user names has no password", async () => {
    const scene = new Scene({ auth: { enabled: true, rootSecretName: "mine" } });

    expect((await scene.look()).world.missing).toMatchObject([{ kind: "Secret", name: "mine" }]);
    await pass(scene, {});
    expect(scene.api.writes.filter((write) => write.includes("root"))).toEqual([]);
  });
});

describe("covers", () => {
  it.each<[unknown, unknown, boolean]>([
    [{ a: 1, b: 2 }, { a: 1 }, true],
    [{ a: 1 }, { a: 1, b: 2 }, false],
    [{ a: [1, 2] }, { a: [1] }, false],
    [{ a: [{ x: 1, y: 2 }] }, { a: [{ x: 1 }] }, true],
    [{ a: "1" }, { a: 1 }, false],
    [undefined, { a: 1 }, false],
    [{}, { a: undefined }, true],
  ])("%j covers %j: %j", (live, wanted, outcome) => {
    expect(covers(live, wanted)).toBe(outcome);
  });
});

async function pass(scene: Scene, decision: Partial<Decision>): Promise<void> {
  const whole: Decision = {
    rule: "test",
    status: {},
    memberStatuses: new Map(),
    restoreStatus: undefined,
    step: undefined,
    minAvailable: undefined,
    isFenced: false,
    voters: [],
    drained: [],
    events: [],
    requeueAfterMs: 1000,
    ...decision,
  };
  await derive(scene.deps, await scene.look(), whole);
}
