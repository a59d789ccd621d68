import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { fillDefaults } from "../../../src/core/api/schema/defaults.ts";
import type { JsonObject, Rule, Schema } from "../../../src/core/api/schema/schema.ts";
import {
  API_VERSION,
  CLUSTER_DEFINITION,
  DEFINITIONS,
  type KindDefinition,
  type KubeObject,
  type Problem,
  validate,
} from "../../../src/core/index.ts";
import { CelRules } from "./cel.ts";
import { valuesOf } from "./random-values.ts";

const cel = new CelRules();

const cluster = (spec: object, name = "store", status: object = {}): KubeObject =>
  ({ apiVersion: API_VERSION, kind: "EtcdCluster", metadata: { name }, spec, status }) as KubeObject;

const backup = { schedule: "@hourly", destination: { pvc: { claimName: "archive" } } };
const other = (kind: string, spec: object): KubeObject =>
  ({ apiVersion: API_VERSION, kind, metadata: { name: "one" }, spec }) as KubeObject;

// Rows are taken by rest parameters: a test with more parameters than its row has values would be given a callback and wait for it.

/** For every rule one object that it refuses, and nothing else does. The path, and a word of the message. */
const refused: readonly (readonly [string, string, KubeObject, KubeObject?])[] = [
  ["spec", "odd", cluster({ replicas: 2 })],
  ["spec", "quotaBackendBytes", cluster({ storage: { size: "1Gi" } })],
  ["spec", "wake up", cluster({ storage: { medium: "Memory" }, replicas: 0 })],
  ["spec", "Adopt", cluster({ storage: { medium: "Memory" }, bootstrap: { retainedVolumes: "Adopt" } })],
  ["spec", "passwords", cluster({ auth: { enabled: true }, tls: { client: { mode: "Disabled" } } })],
  ["spec.resources", "limit", cluster({ resources: { limits: { memory: "128Mi" } } })],
  ["spec.config.autoCompaction", "number of revisions", cluster({ config: { autoCompaction: { mode: "Revision" } } })],
  ["spec.config.autoCompaction", "duration", cluster({ config: { autoCompaction: { retention: "1000" } } })],
  ["spec.config", "64Mi", cluster({ config: { quotaBackendBytes: 1024 } })],
  ["spec.config", "32Mi", cluster({ config: { maxRequestBytes: "33Mi" } })],
  ["spec.config", "10ms", cluster({ config: { heartbeatInterval: "9ms" } })],
  ["spec.config", "50s", cluster({ config: { electionTimeout: "51s" } })],
  ["spec.config", "five times", cluster({ config: { electionTimeout: "499ms" } })],
  ["spec.config", "operator sets", cluster({ config: { extraArgs: { "data-dir": "/tmp" } } })],
  ["spec.config", "without dashes", cluster({ config: { extraArgs: { "--pre-vote": "true" } } })],
  ["spec.config", "ETCD_", cluster({ config: { extraEnv: [{ name: "ETCD_NAME", value: "x" }] } })],
  ["spec.storage", "more than 0", cluster({ storage: { size: "100m" } })],
  ["spec.storage", "shrink", cluster({ storage: { size: "8Gi" } }), cluster({ storage: { size: "9Gi" } })],
  ["spec.storage", "storageClassName", cluster({ storage: { storageClassName: "fast" } }), cluster({})],
  ["spec.storage", "accessMode", cluster({ storage: { accessMode: "ReadWriteOncePod" } }), cluster({})],
  ["spec.storage", "medium", cluster({ storage: { medium: "Memory" } }), cluster({})],
  ["spec.tls.peer", "mode", cluster({ tls: { peer: { mode: "Disabled" } } }), cluster({})],
  ["spec.tls.client", "mode", cluster({ tls: { client: { mode: "Disabled" } } }), cluster({})],
  ["spec.tls.certificates", "half", cluster({ tls: { certificates: { renewBefore: "1080h" } } })],
  ["spec.tls.certificates", "1m", cluster({ tls: { certificates: { renewBefore: "59s" } } })],
  ["spec.tls", "10m", cluster({ tls: { caRotationOverlap: "9m" } })],
  ["spec.podTemplate", "labels", cluster({ podTemplate: { labels: { "etcd.quorate.dev/member": "x" } } })],
  ["spec.podTemplate", "annotations", cluster({ podTemplate: { annotations: { "app.kubernetes.io/name": "x" } } })],
  ["spec.podTemplate", "sidecars", cluster({ podTemplate: { sidecars: [{ name: "etcd", image: "x" }] } })],
  ["spec.podTemplate", "volumes", cluster({ podTemplate: { volumes: [{ name: "data" }] } })],
  ["spec.maintenance.window", "1m", cluster({ maintenance: { window: { schedule: "@daily", duration: "30s" } } })],
  ["spec.maintenance.defragmentation", "10s", cluster({ maintenance: { defragmentation: { timeout: "1s" } } })],
  ["spec.bootstrap.restoreFrom", "exactly one", cluster({ bootstrap: { restoreFrom: {} } })],
  ["spec.recovery", "replaceMemberAfter", cluster({ recovery: { replaceMemberAfter: "1m59s" } })],
  ["spec.recovery", "quorumLossAfter", cluster({ recovery: { quorumLossAfter: "9m" } })],
  ["spec.backup.destination", "exactly one", cluster({ backup: { ...backup, destination: {} } })],
  ["spec.backup.retention", "at least one", cluster({ backup: { ...backup, retention: keepNothing() } })],
  ["", "44", cluster({}, "a.store")],
  ["", "44", cluster({}, `a${"b".repeat(44)}`)],
  ["", "bootstrap", cluster({ bootstrap: { retainedVolumes: "Ignore" } }), cluster({}, "store", { clusterID: "1f" })],
  [
    "spec",
    "cannot be changed",
    other("EtcdBackup", { clusterRef: { name: "store" }, destination: { pvc: { claimName: "two" } } }),
    other("EtcdBackup", { clusterRef: { name: "store" }, destination: { pvc: { claimName: "one" } } }),
  ],
  ["spec", "serial", other("EtcdMember", member(2)), other("EtcdMember", member(1))],
  ["spec.source", "exactly one", other("EtcdRestore", { source: {}, target: { clusterName: "store" } })],
  ["spec", "confirm", other("EtcdRestore", { ...restore(), mode: "InPlace" })],
  ["spec", "survivor", other("EtcdRestore", { source: { survivor: "auto" }, target: { clusterName: "store" } })],
  ["spec", "revisionBump", other("EtcdRestore", { ...restore(), mode: "InPlace", confirm: "1f", revisionBump: 0 })],
  [
    "spec",
    "template",
    other("EtcdRestore", {
      ...restore(),
      mode: "InPlace",
      confirm: "1f",
      target: { clusterName: "store", template: {} },
    }),
  ],
  ["spec", "cannot be changed", other("EtcdRestore", { ...restore(), dryRun: true }), other("EtcdRestore", restore())],
];

/** Objects on the allowed side of each bound. */
const accepted: readonly (readonly [string, KubeObject, KubeObject?])[] = [
  ["the shortest cluster", cluster({})],
  ["hibernation", cluster({ replicas: 0 })],
  ["an even size that is asked for", cluster({ replicas: 4, allowEvenReplicas: true })],
  ["the longest name", cluster({}, `a${"b".repeat(43)}`)],
  ["a growing volume", cluster({ storage: { size: "9Gi" } }), cluster({})],
  ["the same size in other words", cluster({ storage: { size: 8589934592 } }), cluster({})],
  ["a quota as large as the volume", cluster({ config: { quotaBackendBytes: "8Gi" } })],
  ["revisions kept by number", cluster({ config: { autoCompaction: { mode: "Revision", retention: "1000" } } })],
  ["an election timeout of five heartbeats", cluster({ config: { electionTimeout: "500ms" } })],
  ["members that are never replaced", cluster({ recovery: { replaceMemberAfter: "0s" } })],
  [
    "a bootstrap that changes before there is an ID",
    cluster({ bootstrap: { retainedVolumes: "Ignore" } }),
    cluster({}),
  ],
  ["a backup of a cluster", cluster({ backup })],
  ["a restore in place", other("EtcdRestore", { ...restore(), mode: "InPlace", confirm: "1f" })],
  ["a recovery", other("EtcdRestore", { ...restore(), source: { survivor: "auto" }, mode: "InPlace", confirm: "1f" })],
];

describe("validate", () => {
  it.each(refused)("refuses at %s: %s", (...[path, word, object, old]) => {
    const problems = validate(object, old);

    expect(problems).toEqual([{ path, message: expect.stringContaining(word) }]);
    expect(problemsByCel(object, old)).toEqual(problems);
  });

  it("is shown refusing by every rule there is", () => {
    const shown = new Set(refused.flatMap(([, , object, old]) => validate(object, old).map(({ message }) => message)));

    expect(DEFINITIONS.flatMap(allRules).filter(({ message }) => !shown.has(message))).toEqual([]);
  });

  it.each(accepted)("accepts %s", (...[, object, old]) => {
    expect(validate(object, old)).toEqual([]);
    expect(problemsByCel(object, old)).toEqual([]);
  });

  it.each([
    ["spec.replicas", { replicas: 11 }],
    ["spec.replicas", { replicas: "3" }],
    ["spec.replicas", { replicas: 1.5 }],
    ["spec.version", { version: "3.5" }],
    ["spec.image.pullPolicy", { image: { pullPolicy: "Sometimes" } }],
    ["spec.storage.size", { storage: { size: "-1" } }],
    ["spec.storage.size", { storage: { size: "8 Gi" } }],
    ["spec.config.heartbeatInterval", { config: { heartbeatInterval: "fast" } }],
    ["spec.config.heartbeatInterval", { config: { heartbeatInterval: "1,5s" } }],
    ["spec.storage.size", { storage: { size: "1,5Gi" } }],
    [
      "spec.config.extraEnv",
      {
        config: {
          extraEnv: [
            { name: "A", value: "1" },
            { name: "A", value: "2" },
          ],
        },
      },
    ],
    ["spec.backup.schedule", { backup: { destination: backup.destination } }],
    ["spec.service.ipFamilies", { service: { ipFamilies: ["IPv4", "IPv4"] } }],
    ["spec.allowEvenReplicas", { paused: null, version: null, allowEvenReplicas: "no" }],
  ])("refuses what the schema does not allow at %s", (path, spec) => {
    const [problem] = validate(cluster(spec));

    expect(problem?.path).toBe(path);
  });

  it("asks for a spec where there has to be one", () => {
    expect(validate(other("EtcdBackup", {}))).toEqual([
      { path: "spec.clusterRef", message: "is required" },
      { path: "spec.destination", message: "is required" },
    ]);
    expect(validate({ apiVersion: API_VERSION, kind: "EtcdBackup", metadata: { name: "one" } })).toEqual([
      { path: "spec", message: "is required" },
    ]);
  });
});

describe("the operator's rules and the API server's", () => {
  it.each(DEFINITIONS.map((definition) => [definition.kind, definition] as const))(
    "agree on random objects of kind %s and on random changes of them",
    (kind, definition) => {
      const broken = new Set<string>();
      let acceptedCount = 0;
      const specs = valuesOf(definition.spec, "spec");
      const names = fc.constantFrom("store", "a.b", "x".repeat(45), "9lives");
      const statuses = fc.constantFrom({}, { clusterID: "1f" });
      fc.assert(
        fc.property(specs, specs, names, statuses, fc.boolean(), (spec, oldSpec, name, status, isSameSpec) => {
          const object = { ...other(kind, spec as object), metadata: { name }, status } as KubeObject;
          const old = { ...object, spec: isSameSpec ? spec : oldSpec } as KubeObject;
          const byOperator = validate(object, old);

          expect(problemsByCel(object, old)).toEqual(byOperator);
          for (const { message } of byOperator) broken.add(message);
          if (byOperator.length === 0) acceptedCount += 1;
        }),
        { numRuns: 300 },
      );
      expect(acceptedCount).toBeGreaterThan(5);
      expect(broken.size).toBeGreaterThan(allRules(definition).length / 4);
    },
  );
});

/** What an API server's CEL says of an object that its schema allows: rules of inner objects first, as `validate` asks them. */
function problemsByCel(object: KubeObject, old: KubeObject | undefined): readonly Problem[] {
  const definition = DEFINITIONS.find(({ kind }) => kind === object.kind) ?? CLUSTER_DEFINITION;
  const whole = filled(definition, object);
  const before = old === undefined ? undefined : filled(definition, old);
  const inner = celProblems(definition.spec, "spec", whole["spec"], before?.["spec"]);
  return inner.length > 0 ? inner : brokenByCel(definition.rules, "", whole, before);
}

function celProblems(schema: Schema, path: string, value: unknown, old: unknown): readonly Problem[] {
  const { node } = schema;
  if (node.kind !== "object" || value === undefined) return [];
  const fields = value as JsonObject;
  const inner = Object.entries(node.fields).flatMap(([name, field]) =>
    celProblems(field, `${path}.${name}`, fields[name], (old as JsonObject | undefined)?.[name]),
  );
  return inner.length > 0 ? inner : brokenByCel(node.rules, path, value, old);
}

function brokenByCel(rules: readonly Rule[], path: string, value: unknown, old: unknown): readonly Problem[] {
  return rules
    .filter(({ isTransition }) => !isTransition || old !== undefined)
    .filter((one) => !cel.keeps(one.cel, value, one.isTransition ? old : value))
    .map(({ message }) => ({ path, message }));
}

function filled(definition: KindDefinition, object: KubeObject): JsonObject {
  const given = object as unknown as JsonObject;
  return { ...given, spec: fillDefaults(definition.spec, given["spec"] ?? {}) };
}

function allRules({ spec, rules }: KindDefinition): readonly Rule[] {
  return [...rules, ...rulesIn(spec)];
}

function rulesIn({ node }: Schema): readonly Rule[] {
  return node.kind === "object" ? [...node.rules, ...Object.values(node.fields).flatMap(rulesIn)] : [];
}

function keepNothing(): object {
  return { keepLast: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0 };
}

function member(serial: number): object {
  return { clusterName: "store", serial, join: "New" };
}

function restore(): object {
  return { source: { backupName: "nightly" }, target: { clusterName: "store" } };
}
