import { describe, expect, it } from "@jest/globals";
import {
  AGENT_VARIABLES,
  type AgentJobOptions,
  agentJob,
  agentJobName,
  formatResult,
  type Job,
  jobOutcome,
  type Pod,
  parseResult,
  RESULT_BYTES_MAX,
  type SnapshotTask,
} from "../../../src/core/index.ts";

const TASK: SnapshotTask = {
  kind: "snapshot",
  backup: { name: "demo-now", uid: "b-1" },
  cluster: { namespace: "default", name: "demo", uid: "c-1" },
  members: [{ name: "demo-1", clientUrl: "https://demo-1.demo-peers.default.svc:2379" }],
  source: "Follower",
  destination: {
    s3: {
      bucket: "backups",
      region: "eu-central-1",
      pathStyle: true,
      endpoint: "https://store.example",
      credentialsSecretName: "store-keys",
      caConfigMapName: "store-ca",
    },
  },
  compression: "Gzip",
  level: "Open",
  timeoutSeconds: 3600,
};

function options(fields: Partial<AgentJobOptions> = {}): AgentJobOptions {
  return {
    name: "demo-now-snapshot",
    namespace: "default",
    labels: { "etcd.quorate.dev/cluster": "demo", "etcd.quorate.dev/backup": "demo-now" },
    owner: { apiVersion: "etcd.quorate.dev/v1alpha1", kind: "EtcdBackup", name: "demo-now", uid: "b-1" },
    task: TASK,
    operatorImage: "quorate-operator:1",
    image: { pullPolicy: "IfNotPresent", pullSecrets: ["registry"] },
    serviceAccountName: "demo",
    clientSecretName: "demo-client",
    rootSecretName: undefined,
    scratchBytes: 1_000_000,
    ...fields,
  };
}

describe("agentJob", () => {
  const { spec } = agentJob(options());
  const pod = spec.template.spec;
  const [agent] = pod.containers;

  it("runs under the restricted profile, without the API's token", () => {
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      restartPolicy: "Never",
      serviceAccountName: "demo",
      imagePullSecrets: [{ name: "registry" }],
      securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
    });
    expect(agent?.securityContext).toMatchObject({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
  });

  it("hands over the task, and credentials only by reference", () => {
    const env = new Map(agent?.env?.map((variable) => [variable.name, variable]));

    expect(JSON.parse(env.get(AGENT_VARIABLES.task)?.value ?? "")).toEqual(TASK);
    expect(env.get("AWS_ACCESS_KEY_ID")?.valueFrom).toEqual({
      secretKeyRef: { name: "store-keys", key: "accessKeyId" },
    });
    expect(env.get("AWS_SESSION_TOKEN")?.valueFrom).toEqual({
      secretKeyRef: { name: "store-keys", key: "sessionToken", optional: true },
    });
    expect(env.get(AGENT_VARIABLES.clientTls)?.value).toBe("/etc/etcd/tls/client");
    expect(env.get("QUORATE_STORE_CA_FILE")?.value).toBe("/etc/quorate-store/ca.crt");
    expect(pod.volumes?.map(({ name }) => name)).toEqual(["scratch", "tmp", "client-tls", "artifact-store-ca"]);
    expect(agent?.volumeMounts?.map(({ name }) => name)).toEqual(["scratch", "tmp", "client-tls", "artifact-store-ca"]);
  });

  it("asks for the scratch space that the work takes", () => {
    expect(agent?.resources?.requests?.["ephemeral-storage"]).toBe(1_000_000);
    expect(pod.volumes?.[0]).toEqual({ name: "scratch", emptyDir: { sizeLimit: 1_000_000 } });
  });

  it("mounts a claim, to read only where it is only read, and no certificate where no member is asked", () => {
    const destination = { pvc: { claimName: "backups", subPath: "etcd" } };
    const task = { kind: "verify", destination, key: "k", level: "Restore", timeoutSeconds: 60 } as const;
    const { volumes, containers } = agentJob(options({ task })).spec.template.spec;

    expect(volumes?.map(({ name }) => name)).toEqual(["scratch", "tmp", "artifact-store"]);
    expect(containers[0]?.volumeMounts?.at(-1)).toEqual({
      name: "artifact-store",
      mountPath: "/var/lib/quorate-store",
      readOnly: true,
      subPath: "etcd",
    });
    expect(containers[0]?.args).toEqual(["verify"]);
  });

  it("is not taken for a member's Pod", () => {
    expect(spec.template.metadata?.labels).toEqual({ "etcd.quorate.dev/backup": "demo-now" });
  });
});

describe("agentJobName", () => {
  it("fits a label, differs by identity, and is the same each time", () => {
    const name = agentJobName("x".repeat(100), "snapshot", "uid-1");

    expect(name.length).toBe(63);
    expect(name).toBe(agentJobName("x".repeat(100), "snapshot", "uid-1"));
    expect(name).not.toBe(agentJobName("x".repeat(100), "snapshot", "uid-2"));
    expect(agentJobName("demo", "drill", "u")).toMatch(/^demo-drill-[0-9a-f]{8}$/);
  });
});

describe("jobOutcome", () => {
  const job = (status: Job["status"]): Job => ({ ...agentJob(options()), ...(status === undefined ? {} : { status }) });
  const pod = (message: string, finishedAt: string): Pod => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p" },
    spec: { restartPolicy: "Never", containers: [] },
    status: {
      containerStatuses: [
        { name: "agent", ready: false, restartCount: 0, state: { terminated: { exitCode: 1, message, finishedAt } } },
      ],
    },
  });
  const failed = formatResult({ ok: false, reason: "NoQuorum", message: "no leader" });
  const done = formatResult({ ok: true, kind: "delete" });
  const condition = (type: string, reason = "") => ({ conditions: [{ type, status: "True" as const, reason }] });

  it("is running until the Job says otherwise, whatever Pods have said", () => {
    expect(jobOutcome(job({ failed: 1 }), [pod(failed, "2026-01-01T00:00:00Z")])).toMatchObject({
      kind: "running",
      attempts: 2,
    });
  });

  it("is what the last Pod of the right outcome said", () => {
    const pods = [pod(failed, "2026-01-01T00:00:00Z"), pod(done, "2026-01-01T00:01:00Z")];

    expect(jobOutcome(job({ ...condition("Complete"), failed: 1 }), pods)).toEqual({
      kind: "done",
      attempts: 2,
      result: { ok: true, kind: "delete" },
    });
    expect(jobOutcome(job({ ...condition("Failed"), failed: 3 }), pods)).toMatchObject({
      kind: "done",
      attempts: 3,
      result: { ok: false, reason: "NoQuorum" },
    });
  });

  it("is lost if the Job succeeded and its Pod is gone", () => {
    expect(jobOutcome(job(condition("Complete")), [])).toEqual({ kind: "lost", attempts: 1 });
  });

  it.each([
    ["DeadlineExceeded", "Timeout"],
    ["BackoffLimitExceeded", "AgentFailed"],
  ])("of a Job that ended with %s without a result is %s, with what the Pod said", (reason, expected) => {
    const outcome = jobOutcome(job(condition("Failed", reason)), [
      pod("Killed\nout of memory", "2026-01-01T00:00:00Z"),
    ]);

    expect(outcome).toMatchObject({ kind: "done", result: { ok: false, reason: expected } });
    expect(JSON.stringify(outcome)).toContain("out of memory");
  });
});

describe("formatResult", () => {
  it("stays within a termination message, however much there is to tell", () => {
    const text = formatResult({ ok: false, reason: "Damaged", message: "\u0000\u{1F600}".repeat(5000) });

    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(RESULT_BYTES_MAX);
    expect(parseResult(text)).toMatchObject({ ok: false, reason: "Damaged" });
  });

  it.each(["", "Killed", "{}", "null", '{"ok":1}'])("is not read out of %j", (text) => {
    expect(parseResult(text)).toBeUndefined();
  });
});
