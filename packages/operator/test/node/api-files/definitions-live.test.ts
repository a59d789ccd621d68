import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { must } from "@quorate/base";
import { requirePeer, waitUntil } from "@quorate/testkit";
import fc from "fast-check";
import type { JsonObject } from "../../../src/core/api/schema/schema.ts";
import {
  API_VERSION,
  CLUSTER_DEFINITION,
  DEFINITIONS,
  ETCD_CLUSTERS,
  type EtcdClusterInput,
  type KubeObject,
  type Resource,
  validate,
  withDefaults,
} from "../../../src/core/index.ts";
import type { KubeClient } from "../../../src/node/kube/index.ts";
import { valuesOf } from "../../core/api/random-values.ts";
import { apiServerSuite, ROOT, TestApiServer } from "../kube/test-api-server.ts";

interface Definition extends KubeObject {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}
const CRDS: Resource<Definition> = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  plural: "customresourcedefinitions",
  namespaced: false,
};
const cluster = (name: string, spec?: object): EtcdClusterInput => ({
  apiVersion: API_VERSION,
  kind: "EtcdCluster",
  metadata: { namespace: "default", name },
  ...(spec === undefined ? {} : { spec }),
});

apiServerSuite("the resource definitions in a kube-apiserver", () => {
  let server: TestApiServer;
  let api: KubeClient;
  /** Whether this API server knows the rules of the definitions, and refuses what breaks one. */
  let hasRules: boolean;

  const kubectl = (...args: readonly string[]): string =>
    execFileSync(requirePeer("kubectl"), [...server.plane.kubectlArguments, ...args], {
      encoding: "utf8",
      env: { ...process.env, KUBECONFIG: "/dev/null" },
      stdio: ["ignore", "pipe", "pipe"],
    });
  /** Makes the object; undefined, or the API server's words of refusal. */
  const refusal = async (object: object): Promise<string | undefined> => {
    try {
      await api.create(ETCD_CLUSTERS as Resource<KubeObject>, object as KubeObject);
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  };

  const expected = (object: KubeObject, old?: KubeObject) =>
    validate(object, old).filter(({ message }) => hasRules || !messagesOfRules.has(message));

  beforeAll(async () => {
    server = await TestApiServer.start();
    api = server.client();
    const { minor } = JSON.parse(kubectl("get", "--raw", "/version")) as { readonly minor: string };
    hasRules = Number.parseInt(minor, 10) >= 29;
    kubectl("apply", "-f", join(ROOT, "charts/quorate-operator/crds-src", hasRules ? "" : "without-rules"));
    kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd", "--all");
  }, 240_000);
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  }, 60_000);

  it("are established, structural, with the names that were asked for", async () => {
    for (const { plural } of DEFINITIONS) {
      const { status } = must(await api.get(CRDS, { namespace: "", name: `${plural}.etcd.quorate.dev` }), plural);
      const conditions = Object.fromEntries((status?.conditions ?? []).map(({ type, status: is }) => [type, is]));

      expect(conditions).toEqual({ NamesAccepted: "True", Established: "True" });
    }
    expect(kubectl("api-resources", "--categories=etcd", "-o", "name").trim().split("\n").sort()).toEqual(
      DEFINITIONS.map(({ plural }) => `${plural}.etcd.quorate.dev`).sort(),
    );
    expect(kubectl("get", "ec,em,eb,ebs,er", "-o", "name")).toBe("");
    expect(kubectl("get", "etcd", "-o", "name")).toBe("");
  });

  it("are explained field by field, once the API server has published them", async () => {
    const explained = (): string => {
      try {
        return kubectl("explain", "etcdcluster.spec.replicas");
      } catch (error) {
        return String(error);
      }
    };
    const wanted = "Number of members: odd, or 0 to hibernate.";
    await waitUntil(() => explained().includes(wanted), {
      what: "the API server to publish",
      timeoutMs: 60_000,
      everyMs: 500,
    });
  }, 90_000);

  it("fill in the defaults that the operator fills in", async () => {
    for (const [name, spec] of [
      ["shortest", undefined],
      ["partial", { replicas: 1, maintenance: { window: { schedule: "@daily", duration: "1h" } }, tls: { peer: {} } }],
      ["backed-up", { backup: { schedule: "@hourly", destination: { s3: { bucket: "archive" } } } }],
    ] as const) {
      const made = await api.create(ETCD_CLUSTERS, cluster(name, spec) as never);

      expect(made.spec).toEqual(withDefaults(cluster(name, spec)).spec);
    }
  });

  it("show the state of a cluster in one line", async () => {
    await api.patchStatus(ETCD_CLUSTERS, { namespace: "default", name: "shortest" }, status());
    const [head, line] = kubectl("get", "etcdcluster", "shortest").trim().split("\n");

    expect(head?.split(/\s+/)).toEqual([
      "NAME",
      "READY",
      "QUORUM",
      "LEADER",
      "VERSION",
      "DB",
      "BACKUP",
      "STATUS",
      "AGE",
    ]);
    expect(line).toMatch(/^shortest +3\/3 +True +shortest-2 +3\.5\.0 +20Mi +\d+[smhd]\S* +Running +\S+$/);
    expect(kubectl("get", "ec", "shortest", "-o", "wide")).toMatch(/184467 +f00d +3\.5\.1 +all is well/);
  });

  it("let kubectl scale a cluster and find its Pods", () => {
    kubectl("scale", "etcdcluster/shortest", "--replicas=5");
    const scale = JSON.parse(
      kubectl("get", "--raw", "/apis/etcd.quorate.dev/v1alpha1/namespaces/default/etcdclusters/shortest/scale"),
    ) as { spec: unknown; status: unknown };

    expect(scale.spec).toEqual({ replicas: 5 });
    expect(scale.status).toEqual({ replicas: 3, selector: "etcd.quorate.dev/cluster=shortest" });
  });

  it("do not let a write to the object change its status", async () => {
    const key = { namespace: "default", name: "shortest" };
    await api.patch(ETCD_CLUSTERS, key, { spec: { paused: true }, status: { phase: "Failed" } });
    const read = must(await api.get(ETCD_CLUSTERS, key), "made before");

    expect([read.spec.paused, read.status?.phase]).toEqual([true, "Running"]);
  });

  it("refuse a status that is not of the schema", async () => {
    const key = { namespace: "default", name: "shortest" };

    await expect(api.patchStatus(ETCD_CLUSTERS, key, { phase: "Splendid" })).rejects.toMatchObject({
      reason: "Invalid",
    });
    await expect(api.patchStatus(ETCD_CLUSTERS, key, { clusterID: "F00D" })).rejects.toMatchObject({
      reason: "Invalid",
    });
  });

  it("drop fields that they do not know, and keep what is inside of parts of Pods", async () => {
    const affinity = { nodeAffinity: { anything: [1, { deep: true }] } };
    const made = await api.create(
      ETCD_CLUSTERS,
      cluster("pruned", { joinExisting: {}, scheduling: { affinity } } as never) as never,
    );

    expect(made.spec).not.toHaveProperty("joinExisting");
    expect(made.spec.scheduling.affinity).toEqual(affinity);
  });

  describe("by their schemas refuse just what the operator's own check refuses", () => {
    it.each([
      { replicas: 11 },
      { replicas: -1 },
      { replicas: "3" },
      { replicas: 1.5 },
      { replicas: 3.0 },
      { replicas: null },
      { version: "3.5" },
      { version: "3.5.0-rc.1" },
      { version: null },
      { paused: "yes" },
      { image: { pullPolicy: "Sometimes" } },
      { image: { digest: `sha256:${"a".repeat(63)}` } },
      { image: { command: [] } },
      { image: { pullSecrets: Array(9).fill("x") } },
      { storage: { size: -1 } },
      { storage: { size: 10737418240 } },
      { storage: { size: 1.5 } },
      { storage: { size: "8 Gi" } },
      { storage: { size: "8G" } },
      { storage: { labels: { team: "no spaces" } } },
      { config: { autoCompaction: { mode: "Disabled" } } },
      { config: { autoCompaction: { mode: "Off" } } },
      { config: { heartbeatInterval: "" } },
      { config: { heartbeatInterval: "1s100ms" } },
      { config: { heartbeatInterval: "100ms1s" } },
      { config: { snapshotCount: 99 } },
      { config: { snapshotCount: Number.MAX_SAFE_INTEGER + 2 } },
      {
        config: {
          extraEnv: [
            { name: "A", value: "1" },
            { name: "A", value: "2" },
          ],
        },
      },
      { config: { extraEnv: [{ name: "A" }] } },
      { config: { extraArgs: { a: 1 } } },
      { config: { extraArgs: Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`a${n}`, ""])) } },
      { service: { ipFamilies: ["IPv4", "IPv4"] } },
      { service: { ipFamilies: ["IPv6", "IPv4"] } },
      { scheduling: { topologySpreadConstraints: [{ maxSkew: 1 }] } },
      { scheduling: { affinity: "none" } },
      { podTemplate: { sidecars: [{ name: "A", image: "x" }] } },
      { podTemplate: { sidecars: [{ name: "a", image: "x", args: ["--anything"] }] } },
      { clusterDomain: "Cluster.Local" },
      { clusterDomain: `${"ü".repeat(250)}` },
      { backup: { schedule: "@hourly" } },
      { backup: { schedule: "@hourly", destination: { s3: { bucket: "ab" } } } },
      { bootstrap: { restoreFrom: { object: { destination: {} } } } },
      { tls: { client: { extraSANs: ["a".repeat(254)] } } },
    ])("%j", async (spec) => {
      const object = cluster(`given-${++count}`, spec as object);
      const byOperator = expected(object);
      const byServer = await refusal(object);

      expect([byServer !== undefined, byServer]).toEqual([byOperator.length > 0, byServer]);
    });

    it("on random objects, some of them spoilt", async () => {
      // The API server that the tests run takes an empty text for a null and refuses it; newer ones do not.
      const specs = valuesOf(CLUSTER_DEFINITION.spec, "spec").filter((spec) => !JSON.stringify(spec).includes('""'));
      const refused = { yes: 0, no: 0 };
      await fc.assert(
        fc.asyncProperty(specs, fc.integer({ min: 0 }), fc.constantFrom(...SPOILERS), async (spec, place, spoiler) => {
          const object = cluster(`random-${++count}`, spoilt(spec as JsonObject, place, spoiler) as object);
          const byOperator = expected(object);
          const byServer = await refusal(object);

          refused[byServer === undefined ? "no" : "yes"] += 1;
          expect([byServer !== undefined, byServer]).toEqual([byOperator.length > 0, byServer]);
        }),
        { numRuns: 150 },
      );
      expect(Math.min(refused.yes, refused.no)).toBeGreaterThan(10);
    }, 120_000);
  });

  it.each([
    [{}, { replicas: 5 }],
    [{ storage: { size: "8Gi" } }, { storage: { size: "9Gi" } }],
    [{ storage: { size: "16Gi" } }, { storage: { size: "16384Mi" } }],
    [{ storage: { size: "8Gi" } }, { storage: { size: "8000Mi" } }],
    [{ storage: { size: 17179869184 } }, { storage: { size: "16Gi" } }],
    [{}, { storage: { storageClassName: "fast" } }],
    [{ storage: { storageClassName: "fast" } }, { storage: { storageClassName: null } }],
    [{}, { storage: { accessMode: "ReadWriteOncePod" } }],
    [{}, { storage: { medium: "Memory" } }],
    [{}, { tls: { client: { mode: "Disabled" } } }],
    [{}, { tls: { peer: { mode: "Disabled" } } }],
  ])("refuse the changes that the operator's own check refuses: from %j by %j", async (spec, change) => {
    const name = `changed-${++count}`;
    const old = await api.create(ETCD_CLUSTERS, cluster(name, spec as object) as never);
    const byOperator = expected({ ...old, spec: merged(old.spec as never, change as JsonObject) } as never, old);
    const patched = api.patch(ETCD_CLUSTERS, { namespace: "default", name }, { spec: change });
    const byServer = await patched.then(
      () => undefined,
      (error: Error) => error.message,
    );

    expect([byServer !== undefined, byServer]).toEqual([byOperator.length > 0, byServer]);
    for (const { message } of byOperator) expect(byServer).toContain(message);
  });

  it("with rules in them are refused by a server that does not know rules only through kubectl's own check", () => {
    const file = join(ROOT, "charts/quorate-operator/crds-src/etcd.quorate.dev_etcdbackups.yaml");

    if (!hasRules) expect(() => kubectl("apply", "-f", file)).toThrow(/x-kubernetes-validations/);
    expect(kubectl("apply", `--validate=${hasRules}`, "-f", file)).toContain("etcdbackups.etcd.quorate.dev");
  });
});

let count = 0;
const messagesOfRules = new Set(
  DEFINITIONS.flatMap(({ spec, rules }) => [...rules, ...rulesIn(spec)]).map(({ message }) => message),
);

const SPOILERS: readonly unknown[] = [
  "keep",
  "keep",
  "keep",
  null,
  -1,
  1e15,
  "?",
  "?!",
  [],
  {},
  true,
  [{}],
  { a: "b" },
];

/** What a merge patch makes of it (RFC 7386). */
function merged(spec: JsonObject, change: JsonObject): JsonObject {
  const result: Record<string, unknown> = { ...spec };
  for (const [name, value] of Object.entries(change)) {
    const inner = result[name];
    if (value === null) delete result[name];
    else if (isObject(inner) && isObject(value)) result[name] = merged(inner, value);
    else result[name] = value;
  }
  return result as JsonObject;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The spec with one of its fields, somewhere, replaced by another value. */
function spoilt(spec: JsonObject, place: number, spoiler: unknown): JsonObject {
  const names = Object.keys(spec);
  if (spoiler === "keep" || names.length === 0) return spec;
  const name = must(names[place % names.length], "within");
  const inner = spec[name];
  const goesOn = isObject(inner) && place % 3 !== 0;
  return { ...spec, [name]: goesOn ? spoilt(inner, Math.floor(place / 3), spoiler) : spoiler };
}

function rulesIn({
  node,
}: {
  readonly node: (typeof CLUSTER_DEFINITION)["spec"]["node"];
}): readonly { message: string }[] {
  return node.kind === "object" ? [...node.rules, ...Object.values(node.fields).flatMap(rulesIn)] : [];
}

function status(): object {
  const at = new Date(Date.now() - 60_000).toISOString();
  return {
    phase: "Running",
    message: "all is well",
    ready: "3/3",
    replicas: 3,
    selector: "etcd.quorate.dev/cluster=shortest",
    clusterID: "f00d",
    revision: "184467",
    leader: { member: "shortest-2" },
    version: { current: "3.5.0", target: "3.5.1" },
    database: { size: "20Mi" },
    backup: { lastSuccessfulTime: at },
    conditions: [
      { type: "QuorumHealthy", status: "True", reason: "Healthy", message: "all three", lastTransitionTime: at },
    ],
  };
}
