import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import {
  authorityConfigMap,
  authoritySecret,
  backupSchedule,
  base64FromText,
  claimOwners,
  clientSecret,
  clientService,
  disruptionBudget,
  type EtcdClusterSpecInput,
  type KubeObject,
  memberClaim,
  memberHosts,
  memberObject,
  memberPod,
  memberSecret,
  peerService,
  podMonitor,
  rootSecret,
  serviceAccount,
  templateHash,
  textFromBase64,
} from "../../../src/core/index.ts";
import { DEFAULTS, FIRST_START, MEMBER, settingsOf } from "./sample-cluster.ts";

/** `GOLDEN=write` puts what is made now into the files, to be reviewed as a difference. */
const REWRITE = process.env["GOLDEN"] === "write";
const PAIR = { certPem: "certificate", keyPem: "key" };

const RICH: EtcdClusterSpecInput = {
  version: "3.5.30",
  image: {
    repository: "registry.test/etcd",
    digest: `sha256:${"0".repeat(64)}`,
    pullPolicy: "Always",
    pullSecrets: ["pull"],
  },
  storage: {
    size: "20Gi",
    storageClassName: "fast",
    accessMode: "ReadWriteOncePod",
    whenDeleted: "Delete",
    labels: { a: "b" },
  },
  resources: { requests: { cpu: "1", memory: "1Gi" }, limits: { memory: "2Gi" } },
  config: {
    quotaBackendBytes: "4Gi",
    autoCompaction: { mode: "Revision", retention: "1000" },
    heartbeatInterval: "200ms",
    electionTimeout: "2s",
    snapshotCount: 5000,
    maxRequestBytes: "2Mi",
    maxTxnOps: 256,
    logLevel: "debug",
    extraArgs: { "max-snapshots": "3", "enable-pprof": "true" },
    extraEnv: [{ name: "GOGC", value: "50" }],
  },
  tls: { client: { clientAuth: "None", extraSANs: ["db.example", "192.0.2.1"] } },
  scheduling: {
    antiAffinity: "Required",
    zoneSpread: "Required",
    nodeSelector: { disk: "ssd" },
    tolerations: [{ key: "dedicated", operator: "Exists" }],
    priorityClassName: "high",
    schedulerName: "mine",
  },
  podTemplate: {
    labels: { team: "x" },
    annotations: { note: "y" },
    serviceAccountName: "own",
    terminationGracePeriodSeconds: 90,
    sidecars: [{ name: "proxy", image: "proxy:1" }],
    volumes: [{ name: "extra", emptyDir: {} }],
    volumeMounts: [{ name: "extra", mountPath: "/extra" }],
  },
  service: {
    type: "LoadBalancer",
    annotations: { lb: "internal" },
    labels: { x: "y" },
    ipFamilyPolicy: "SingleStack",
    ipFamilies: ["IPv4"],
  },
  metrics: {
    port: 9000,
    level: "Extensive",
    podMonitor: { enabled: true, labels: { prometheus: "main" }, interval: "15s" },
  },
  backup: { schedule: "@hourly", destination: { pvc: { claimName: "backups" } }, retention: { keepLast: 5 } },
};

const PLAIN: EtcdClusterSpecInput = {
  tls: { peer: { mode: "Disabled" }, client: { mode: "Disabled" } },
  storage: { medium: "Memory", size: "1Gi" },
  config: { autoCompaction: { mode: "Disabled" } },
  scheduling: { antiAffinity: "None", zoneSpread: "None" },
  metrics: { enabled: false },
};

describe("manifests", () => {
  it.each([
    ["defaults", {}],
    ["rich", RICH],
    ["plain", PLAIN],
  ] as const)("are those of the file: %s", (name, spec) => {
    const settings = settingsOf(spec);
    const member = memberObject(settings, { name: "c-1", serial: 1, join: "New", recoveryEpoch: 0 });
    const schedule = backupSchedule(settings);
    const objects: KubeObject[] = [
      serviceAccount(settings),
      peerService(settings),
      clientService(settings),
      disruptionBudget(settings, { minAvailable: 2, mayEvictUnhealthy: true }),
      member,
      memberClaim(settings, "c-1"),
      memberPod({ settings, member: MEMBER, start: FIRST_START, restore: undefined, isVoter: false }),
      authorityConfigMap(settings, "certificate"),
      authoritySecret(settings, { client: PAIR, peer: PAIR }),
      clientSecret(settings, "c-client", PAIR, "certificate"),
      memberSecret(settings, MEMBER, { server: PAIR, peer: PAIR }, { client: "certificate", peer: "certificate" }),
      rootSecret(settings, "c-root", "secret"),
      podMonitor(settings),
      ...(schedule === undefined ? [] : [schedule]),
    ];

    expectFile(name, objects);
  });

  it("give a Pod that is restored what its init container fetches the snapshot with", () => {
    const settings = settingsOf();
    const s3 = { bucket: "b", region: "r", pathStyle: true, credentialsSecretName: "keys", caConfigMapName: "ca" };

    const pods = [{ s3 }, { pvc: { claimName: "backups", subPath: "x" } }].map((destination) =>
      memberPod({
        settings,
        member: MEMBER,
        start: FIRST_START,
        restore: { destination, key: "ns/c/1.db.gz", sha256: "0".repeat(64), revisionBump: 5 },
        isVoter: false,
      }),
    );

    expectFile("restored", pods);
  });

  it("give a Pod that forces a cluster of one the flag and no second start", () => {
    const start = { ...FIRST_START, clusterState: "existing" as const, forceEpoch: 2, mustHaveData: true };

    const pod = memberPod({ settings: settingsOf(), member: MEMBER, start, restore: undefined, isVoter: true });

    expect(pod.spec.restartPolicy).toBe("Never");
    expect(pod.spec.containers[0]?.args).toContain("--force-new-cluster");
    expect(pod.metadata.annotations).toMatchObject({
      "etcd.quorate.dev/force-epoch": "2",
      "etcd.quorate.dev/joined": "true",
    });
    expect(pod.spec.initContainers?.[0]?.env).toContainEqual({ name: "FORCE_EPOCH", value: "2" });
  });

  it("keep claims when the cluster goes, unless told otherwise", () => {
    expect(claimOwners(settingsOf())).toEqual([]);
    expect(claimOwners(settingsOf({ storage: { whenDeleted: "Delete" } }))).toMatchObject([{ uid: "cluster-uid" }]);
  });

  it("hold the names that members are reached by, each once", () => {
    const hosts = memberHosts(settingsOf({ tls: { client: { extraSANs: ["db.example", "c"] } } }), "c-1");

    expect(hosts).toEqual([...new Set(hosts)]);
    for (const host of [
      "c-1.c-peers.ns.svc",
      "c-1.c-peers.ns.svc.cluster.local",
      "c.ns.svc",
      "c",
      "localhost",
      "127.0.0.1",
      "db.example",
    ]) {
      expect(hosts).toContain(host);
    }
  });
});

/** What a change of the spec does to a Pod. */
const CHANGES: readonly (readonly [string, EtcdClusterSpecInput, "roll" | "now"])[] = [
  ["version", { version: "3.6.1" }, "roll"],
  ["repository", { image: { repository: "other/server" } }, "roll"],
  ["digest", { image: { digest: `sha256:${"1".repeat(64)}` } }, "roll"],
  ["pull policy", { image: { pullPolicy: "Always" } }, "roll"],
  ["pull secrets", { image: { pullSecrets: ["s"] } }, "roll"],
  ["command", { image: { command: ["other"] } }, "roll"],
  ["resources", { resources: { limits: { memory: "1Gi" } } }, "roll"],
  ["quota", { config: { quotaBackendBytes: "3Gi" } }, "roll"],
  ["compaction", { config: { autoCompaction: { retention: "1h" } } }, "roll"],
  ["heartbeat", { config: { heartbeatInterval: "50ms" } }, "roll"],
  ["election", { config: { electionTimeout: "3s" } }, "roll"],
  ["snapshot count", { config: { snapshotCount: 1000 } }, "roll"],
  ["request size", { config: { maxRequestBytes: "1Mi" } }, "roll"],
  ["operations", { config: { maxTxnOps: 64 } }, "roll"],
  ["log level", { config: { logLevel: "warn" } }, "roll"],
  ["flags", { config: { extraArgs: { "max-wals": "3" } } }, "roll"],
  ["environment", { config: { extraEnv: [{ name: "A", value: "b" }] } }, "roll"],
  ["client certificates", { tls: { client: { clientAuth: "None" } } }, "roll"],
  ["required spread", { scheduling: { antiAffinity: "Required" } }, "roll"],
  ["required zones", { scheduling: { zoneSpread: "Required" } }, "roll"],
  ["node selector", { scheduling: { nodeSelector: { a: "b" } } }, "roll"],
  ["priority", { scheduling: { priorityClassName: "p" } }, "roll"],
  ["sidecars", { podTemplate: { sidecars: [{ name: "s", image: "s" }] } }, "roll"],
  ["account", { podTemplate: { serviceAccountName: "s" } }, "roll"],
  ["grace", { podTemplate: { terminationGracePeriodSeconds: 30 } }, "roll"],
  ["metrics port", { metrics: { port: 9000 } }, "roll"],
  ["metrics level", { metrics: { level: "Extensive" } }, "roll"],

  ["replicas", { replicas: 5 }, "now"],
  ["storage size", { storage: { size: "16Gi" } }, "now"],
  ["retention of volumes", { storage: { whenScaled: "Retain", whenDeleted: "Delete" } }, "now"],
  ["certificate validity", { tls: { certificates: { duration: "48h", renewBefore: "12h" } } }, "now"],
  ["names of certificates", { tls: { client: { extraSANs: ["x.example"] } } }, "now"],
  ["Pod labels", { podTemplate: { labels: { a: "b" } } }, "now"],
  ["Pod annotations", { podTemplate: { annotations: { a: "b" } } }, "now"],
  ["Service", { service: { type: "NodePort" } }, "now"],
  ["budget", { podDisruptionBudget: { enabled: false } }, "now"],
  ["monitor", { metrics: { podMonitor: { enabled: true } } }, "now"],
  ["strategy", { updateStrategy: { type: "OnDelete" } }, "now"],
  ["pause", { paused: true }, "now"],
];

describe("templateHash", () => {
  it.each(CHANGES)("treats a change of %s as it is documented", (_name, change, effect) => {
    const [before, after] = [settingsOf(), settingsOf(change)];

    expect(templateHash(after) !== templateHash(before)).toBe(effect === "roll");
    // What changes the Pod beyond labels and annotations has to change the hash, or the change would never arrive.
    expect(podSpec(after) === podSpec(before)).toBe(effect === "now");
  });

  it("is the same for every member, every start and every release of the operator", () => {
    const hash = templateHash(settingsOf());
    const newer = settingsOf({}, { ...DEFAULTS, operatorImage: "quorate/operator:2.0.0" });
    const later = memberPod({
      settings: settingsOf(),
      member: { name: "c-7", uid: "other" },
      start: { clusterState: "existing", initialCluster: "c-1=x,c-7=y", forceEpoch: undefined, mustHaveData: true },
      restore: undefined,
      isVoter: true,
    });

    expect(templateHash(newer)).toBe(hash);
    expect(later.metadata.labels?.["etcd.quorate.dev/template-hash"]).toBe(hash);
  });

  it("keeps the version that a cluster was brought to when the operator's default moves on", () => {
    const later = { ...DEFAULTS, defaultServerVersion: "3.8.0" };

    expect(settingsOf({}, later).version).toBe("3.8.0");
    expect(settingsOf({ version: "3.6.1" }, later).version).toBe("3.6.1");
  });
});

describe("base64 of Secrets", () => {
  it.each(["", "a", "ab", "abc", "abcd", "-----BEGIN\nx==\n", "grün ✓"])("is what Node.js makes: %j", (text) => {
    const encoded = Buffer.from(text).toString("base64");

    expect(base64FromText(text)).toBe(encoded);
    expect(textFromBase64(encoded)).toBe(text);
  });

  it("is refused where it is none", () => {
    expect(textFromBase64("a*b=")).toBeUndefined();
  });
});

function podSpec(settings: ReturnType<typeof settingsOf>): string {
  const { spec } = memberPod({ settings, member: MEMBER, start: FIRST_START, restore: undefined, isVoter: false });
  return JSON.stringify(spec);
}

function expectFile(name: string, objects: readonly KubeObject[]): void {
  const path = new URL(`testdata/${name}.json`, import.meta.url);
  const text = `${JSON.stringify(objects, null, 2)}\n`;
  if (REWRITE) writeFileSync(path, text);
  else expect(objects.map(plain)).toEqual(JSON.parse(readFileSync(path, "utf8")));
}

function plain(object: KubeObject): unknown {
  return JSON.parse(JSON.stringify(object));
}
