/** The plugin with a real kubectl and a real kube-apiserver that has the operator's kinds; the operator's part is played by the test. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { ControlPlane } from "@quorate/conformance/kubernetes";
import { EtcdNode, missingPeers, peersAreRequired, requirePeer, serverUnderTest } from "@quorate/testkit";
import { KUBECTL_PROGRAM } from "../../src/kubectl/program.ts";
import { type CapturedRun, capturedRun } from "../captured-run.ts";
import { withoutUndefined } from "./fake-cluster.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..", "..");
const program = serverUnderTest(ROOT);
const missing = [...missingPeers(["kube-apiserver", "kubectl"]), ...(program === undefined ? ["the server"] : [])];

describe("kubectl quorate with a kube-apiserver", () => {
  if (missing.length > 0) {
    it(`needs ${missing.join(", ")}`, () => {
      process.stderr.write(`skipped: kubectl quorate needs ${missing.join(", ")}\n`);
      expect(peersAreRequired() ? missing : []).toEqual([]);
    });
    return;
  }
  let node: EtcdNode;
  let plane: ControlPlane;

  beforeAll(async () => {
    node = await EtcdNode.start({ program: program ?? [], readyTimeoutMs: 60_000 });
    plane = await ControlPlane.start(node.clientUrl);
    kubectl("apply", "-f", join(ROOT, "charts/quorate-operator/crds-src/without-rules"));
    kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd", "--all");
    apply({ kind: "EtcdCluster", metadata: { name: "store" }, spec: {} });
    const schedule = {
      clusterRef: { name: "store" },
      schedule: "@daily",
      template: { destination: { pvc: { claimName: "archive" } } },
    };
    apply({ kind: "EtcdBackupSchedule", metadata: { name: "store" }, spec: schedule });
  }, 240_000);
  afterAll(async () => {
    await plane?.close();
    await node?.close();
  }, 60_000);

  function kubectl(...args: readonly string[]): string {
    return execFileSync(requirePeer("kubectl"), [`--kubeconfig=${plane.kubeconfig}`, ...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  }
  function apply(object: object): void {
    const file = plane.file("object.json");
    writeFileSync(file, JSON.stringify({ apiVersion: "etcd.quorate.dev/v1alpha1", ...object }));
    kubectl("apply", "-f", file);
  }
  /** Writes a status as the operator would. */
  async function report(plural: string, name: string, status: object): Promise<void> {
    const path = `/apis/etcd.quorate.dev/v1alpha1/namespaces/default/${plural}/${name}`;
    const { body } = await plane.rest.call("GET", path);
    const written = await plane.rest.call("PUT", `${path}/status`, { ...body, status } as never);
    if (written.status !== 200) throw new Error(`${plural}/${name}: ${JSON.stringify(written.body)}`);
  }
  function quorate(...argv: readonly string[]): Promise<CapturedRun> {
    const env = { ...withoutUndefined(process.env), KUBECTL: requirePeer("kubectl"), KUBECONFIG: "/dev/null" };
    return capturedRun([...argv, `--kubeconfig=${plane.kubeconfig}`], { program: KUBECTL_PROGRAM, env });
  }
  const at = "2026-11-25T12:00:00Z";
  const condition = (type: string, status: string): object => ({
    type,
    status,
    reason: "AsFound",
    message: "as found",
    lastTransitionTime: at,
  });

  it("shows clusters that the operator has not seen, and ends with 3", async () => {
    const { code, stdout } = await quorate("status");

    expect(code).toBe(3);
    expect(stdout.split("\n")[0]?.split(/\s{2,}/)).toEqual([
      "NAME",
      "READY",
      "QUORUM",
      "LEADER",
      "VERSION",
      "DB",
      "BACKUP",
      "STATUS",
      "MESSAGE",
    ]);
    expect(stdout).toMatch(/^store .*not seen by the operator yet$/m);
  }, 60_000);

  it("shows a cluster that is Ready, and ends with 0", async () => {
    const members = [{ name: "store-1", id: "8e9e05c52164694d", role: "Leader", ready: true }];
    const conditions = [condition("Ready", "True"), condition("Degraded", "True")];
    await report("etcdclusters", "store", { phase: "Running", ready: "1/1", clusterID: "f00d", members, conditions });
    const { code, stdout, stderr } = await quorate("status", "store");

    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^store-1 +8e9e05c52164694d +Leader +true/m);
    expect(stdout).toMatch(/^Degraded +True +AsFound +as found$/m);
    expect(JSON.parse((await quorate("status", "store", "-o", "json")).stdout)).toMatchObject({ kind: "EtcdCluster" });
  }, 60_000);

  it("makes a backup as the cluster's schedule has it, and waits for its end", async () => {
    const running = quorate("backup", "store", "--name=now", "--level=Restore", "--wait");
    await until(() => kubectl("get", "eb", "-o", "name").includes("now"));
    const done = { phase: "Completed", revision: "42", size: "20Ki", location: "archive/now.db.gz", completedAt: at };
    await report("etcdbackups", "now", { ...done, conditions: [condition("Verified", "True")] });

    expect(await running).toEqual({
      code: 0,
      stdout: "etcdbackup now: revision 42, 20Ki, verified at archive/now.db.gz\n",
      stderr: expect.stringMatching(/^(Pending\n)?Completed\n$/),
    });
    const made = JSON.parse(kubectl("get", "eb", "now", "-o", "json")) as { spec: object };
    expect(made.spec).toMatchObject({
      clusterRef: { name: "store" },
      destination: { pvc: { claimName: "archive" } },
      verification: { level: "Restore" },
    });
  }, 60_000);

  it("ends with 1 when the backup fails, and tells why", async () => {
    const running = quorate("backup", "store", "--name=doomed", "--bucket=backups", "--wait");
    await until(() => kubectl("get", "eb", "-o", "name").includes("doomed"));
    await report("etcdbackups", "doomed", { phase: "Failed", message: "the store refuses: AccessDenied" });

    expect(await running).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining("Failed: the store refuses: AccessDenied\n"),
    });
  }, 60_000);

  it("does not wait longer than it is told", async () => {
    expect(await quorate("backup", "store", "--name=slow", "--claim=archive", "--wait", "--timeout=1s")).toMatchObject({
      code: 5,
      stderr: expect.stringContaining("has not ended in time; it is Pending"),
    });
  }, 60_000);

  it("restores the newest verified backup into the cluster, by its ID", async () => {
    expect(await quorate("restore", "store", "--backup=latest", "--confirm=f00d", "--name=back")).toEqual({
      code: 0,
      stdout: "etcdrestore back has been made\n",
      stderr: "",
    });
    const made = JSON.parse(kubectl("get", "er", "back", "-o", "json")) as { spec: object };
    expect(made.spec).toMatchObject({
      mode: "InPlace",
      confirm: "f00d",
      source: { backupName: "now" },
      target: { clusterName: "store" },
    });
  }, 60_000);

  it("restores into a new cluster, and from a survivor", async () => {
    // Not even two of one second are in each other's way.
    const [copied, survived] = await Promise.all([
      quorate("restore", "store", "--backup=now", "--to=copy", "--dry-run", "-o", "json"),
      quorate("restore", "store", "--survivor=auto", "--confirm=f00d", "-o", "json"),
    ]);

    expect([copied?.stderr, survived?.stderr]).toEqual(["", ""]);
    expect(JSON.parse(copied?.stdout ?? "")).toMatchObject({
      metadata: { name: expect.stringMatching(/^store-\d{8}-\d{6}-\w+$/) },
      spec: { target: { clusterName: "copy" }, dryRun: true },
    });
    expect(JSON.parse(survived?.stdout ?? "")).toMatchObject({
      spec: { source: { survivor: "auto" }, mode: "InPlace" },
    });
  }, 60_000);

  it("hands the API server's refusals on", async () => {
    expect(await quorate("backup", "store", "--bucket=b")).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/destination\.s3\.bucket/),
    });
    expect(await quorate("backup", "nothing", "--claim=archive")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("not found"),
    });
  }, 60_000);
});

async function until(isSo: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("it never came to be");
}
