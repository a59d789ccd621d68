/** The test kubelet's decisions that need no machine. */
import { describe, expect, it } from "@jest/globals";
import { containerEnvironment, expandVariables, ownAddress } from "../../src/kubernetes/kubelet/container-command.ts";
import { hostsFile, type Service } from "../../src/kubernetes/kubelet/hosts-file.ts";
import { repositoryOf } from "../../src/kubernetes/kubelet/images.ts";
import type { Node, Pod, PodSpec } from "../../src/kubernetes/kubelet/pod.ts";
import { quantity } from "../../src/kubernetes/kubelet/pod-fields.ts";
import { restrictedViolations } from "../../src/kubernetes/kubelet/pod-security.ts";
import { placePod } from "../../src/kubernetes/kubelet/scheduling.ts";

const READY = { conditions: [{ type: "Ready", status: "True" }] } as const;

describe("placement of Pods", () => {
  const nodes = [node("n1", "a"), node("n2", "a"), node("n3", "b")];
  const apart = (topologyKey: string): Partial<PodSpec> => {
    const term = { labelSelector: { matchLabels: { app: "db" } }, topologyKey };
    return { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } };
  };

  it("takes the node with the fewest Pods", () => {
    expect(placePod(pod("new"), nodes, [on("n1"), on("n2")])).toEqual({ kind: "node", node: "n3" });
  });

  it("keeps to required anti-affinity, by host and by zone", () => {
    expect(placePod(pod("new", apart("host")), nodes, [on("n1"), on("n3")])).toEqual({ kind: "node", node: "n2" });
    const message = "0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules.";
    expect(placePod(pod("new", apart("zone")), nodes, [on("n1"), on("n3")])).toEqual({
      kind: "unschedulable",
      message,
    });
  });

  it("keeps the skew of hard spreading, and leans to soft spreading", () => {
    const spread = (whenUnsatisfiable: "DoNotSchedule" | "ScheduleAnyway"): Partial<PodSpec> => ({
      topologySpreadConstraints: [
        { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable, labelSelector: { matchLabels: { app: "db" } } },
      ],
    });
    const placed = [on("n3"), on("n3", "web"), on("n3", "web")];
    expect(placePod(pod("new", spread("DoNotSchedule")), nodes, placed)).toEqual({ kind: "node", node: "n1" });
    const others = [on("n1"), on("n2", "web"), on("n2", "web"), on("n3", "web"), on("n3", "web"), on("n3", "web")];
    expect(placePod(pod("new", spread("ScheduleAnyway")), nodes, others)).toEqual({ kind: "node", node: "n3" });
  });

  it("passes by nodes that are tainted, cordoned, not ready or not selected", () => {
    const tainted = { ...node("n1", "a"), spec: { taints: [{ key: "k", effect: "NoSchedule" }] } };
    const cordoned = { ...node("n2", "a"), spec: { unschedulable: true } };
    const away = { ...node("n3", "a"), status: { conditions: [{ type: "Ready", status: "Unknown" as const }] } };
    const all = [tainted, cordoned, away, node("n4", "b"), node("n5", "a")];
    const selected = pod("new", { nodeSelector: { zone: "a" } });
    expect(placePod(selected, all, [])).toEqual({ kind: "node", node: "n5" });
    const tolerant = pod("new", { nodeSelector: { host: "n1" }, tolerations: [{ key: "k", operator: "Exists" }] });
    expect(placePod(tolerant, all, [])).toEqual({ kind: "node", node: "n1" });
  });
});

describe("commands and environments", () => {
  it("expands variables as the kubelet does", () => {
    expect(expandVariables("a$(X)b$(Y)c$$(X)$", { X: "1" })).toBe("a1b$(Y)c$(X)$");
  });

  it("gives wildcards the Pod's address and leaves the rest alone", () => {
    const own = (text: string): string => ownAddress(text, "127.9.0.1");
    expect(own("http://0.0.0.0:2379,https://[::]:2380")).toBe("http://127.9.0.1:2379,https://127.9.0.1:2380");
    expect([own("--listen=:8080"), own(":9090")]).toEqual(["--listen=127.9.0.1:8080", "127.9.0.1:9090"]);
    for (const text of ["10.0.0.0:1", "10.0.0.0/8", "--x=a:80", "12:30", "[::1]:80"]) expect(own(text)).toBe(text);
  });

  it("fails a container whose Secret is missing, unless it may be", () => {
    const sources = { secret: () => undefined, configMap: () => undefined };
    const address = { podIp: "127.9.0.1", hostIp: "127.9.0.2" };
    const ask = (optional: boolean): unknown => {
      const env = [{ name: "A", valueFrom: { secretKeyRef: { name: "s", key: "k", optional } } }];
      return containerEnvironment({ name: "c", image: "i", env }, pod("p"), sources, address);
    };
    expect(() => ask(false)).toThrow('secret "s" not found');
    expect(ask(true)).toEqual({});
  });

  it("reads quantities and image names", () => {
    expect(["250m", "8Gi", "3", "1k"].map((text) => quantity(text))).toEqual([0.25, 8 * 2 ** 30, 3, 1000]);
    expect(() => quantity("much")).toThrow("not a quantity");
    const names = ["quorate/quorate:dev", "reg.test:5000/a/b@sha256:00", "localhost/etcd", "etcd:v3.5.30"];
    expect(names.map((name) => repositoryOf(name))).toEqual(["quorate/quorate", "a/b", "etcd", "etcd"]);
  });
});

describe("names of Pods", () => {
  const base: Service = { metadata: { ...pod("db").metadata, name: "db" }, spec: { selector: { app: "db" } } };
  const member = (ready: boolean): Pod => ({
    ...pod("db-0", { hostname: "db-0", subdomain: "db" }, "db"),
    status: { podIP: "127.9.0.7", conditions: [{ type: "Ready", status: ready ? "True" : "False" }] },
  });

  it("has ready Pods only, unless the Service says otherwise", () => {
    const lines = (service: Service, ready: boolean): string =>
      hostsFile(pod("p"), "127.9.0.1", [service], [member(ready)]);
    expect(lines(base, true)).toContain("127.9.0.7 db.test.svc.cluster.local db.test.svc db.test db db-0.db.test.svc");
    expect(lines(base, false)).not.toContain("127.9.0.7");
    const eager = { ...base, spec: { ...base.spec, publishNotReadyAddresses: true } };
    expect(lines(eager, false)).toContain("127.9.0.7");
    const elsewhere = { ...base, metadata: { ...base.metadata, namespace: "other" } };
    expect(lines(elsewhere, true)).not.toContain("127.9.0.7");
  });
});

describe("the restricted profile", () => {
  const good = {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ["ALL"] },
    runAsNonRoot: true,
    seccompProfile: { type: "RuntimeDefault" },
  };
  const withSecurity = (securityContext: object, more: Partial<PodSpec> = {}): { spec: PodSpec } => ({
    spec: { containers: [{ name: "c", image: "i", securityContext }], ...more },
  });

  it("lets good Pods pass and names each fault of others", () => {
    expect(restrictedViolations(withSecurity(good))).toEqual([]);
    const { runAsNonRoot: _, seccompProfile: __, ...rest } = good;
    const atPod = { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } };
    expect(restrictedViolations(withSecurity(rest, { securityContext: atPod }))).toEqual([]);
    expect(restrictedViolations(withSecurity({}))).toHaveLength(4);
    const faults: readonly object[] = [
      { ...good, privileged: true },
      { ...good, runAsUser: 0 },
      { ...good, capabilities: { drop: ["ALL"], add: ["SYS_ADMIN"] } },
    ];
    for (const fault of faults) expect(restrictedViolations(withSecurity(fault))).toHaveLength(1);
    expect(restrictedViolations(withSecurity(good, { hostNetwork: true }))).toHaveLength(1);
  });
});

function node(name: string, zone: string): Node {
  return { metadata: { name, uid: name, labels: { host: name, zone } }, status: READY };
}

function pod(name: string, spec: Partial<PodSpec> = {}, app: string = "db"): Pod {
  return {
    metadata: { name, namespace: "test", uid: name, labels: { app } },
    spec: { containers: [{ name: "main", image: "i" }], ...spec },
  };
}

let count = 0;

function on(nodeName: string, app: string = "db"): Pod {
  return pod(`placed-${count++}`, { nodeName }, app);
}
