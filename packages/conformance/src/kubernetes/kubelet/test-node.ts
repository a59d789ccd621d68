import type { RestClient } from "../rest-client.ts";

const LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
const HEARTBEAT_MS = 5000;
const LEASE_SECONDS = 20;

export interface TestNodeOptions {
  readonly name: string;
  readonly zone: string;
  readonly address: string;
  readonly logPort: number;
}

/** A Node object that the test kubelet keeps alive: registered with labels of its zone, with a lease renewed every 5 s. */
export class TestNode {
  readonly name: string;
  readonly address: string;
  readonly #rest: RestClient;
  readonly #options: TestNodeOptions;
  #timer: NodeJS.Timeout | undefined;
  #isAwake = true;

  constructor(rest: RestClient, options: TestNodeOptions) {
    this.#rest = rest;
    this.#options = options;
    this.name = options.name;
    this.address = options.address;
  }

  /** False while its kubelet does nothing. */
  get isAwake(): boolean {
    return this.#isAwake;
  }

  async start(): Promise<void> {
    const { name, zone, address, logPort } = this.#options;
    const labels = {
      "kubernetes.io/hostname": name,
      "kubernetes.io/os": "linux",
      "kubernetes.io/arch": "amd64",
      "topology.kubernetes.io/zone": zone,
      "topology.kubernetes.io/region": "test",
    };
    const amounts = { cpu: "16", memory: "64Gi", pods: "110" };
    await this.#rest.call("POST", "/api/v1/nodes", {
      apiVersion: "v1",
      kind: "Node",
      metadata: { name, labels },
      status: {
        capacity: amounts,
        allocatable: amounts,
        addresses: [{ type: "InternalIP", address }],
        daemonEndpoints: { kubeletEndpoint: { Port: logPort } },
        conditions: [readyCondition("True")],
        nodeInfo: { kubeletVersion: "v1.20.2-test", operatingSystem: "linux", architecture: "amd64" },
      },
    });
    await this.#rest.call("POST", LEASES, {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name, namespace: "kube-node-lease" },
      spec: { holderIdentity: name, leaseDurationSeconds: LEASE_SECONDS, renewTime: microTime() },
    });
    this.#timer = setInterval(() => void this.#beat(), HEARTBEAT_MS);
  }

  /** The kubelet stops: no status, no start, no end of a Pod, no heartbeat. Processes go on. */
  pause(): void {
    this.#isAwake = false;
  }

  resume(): void {
    this.#isAwake = true;
    void this.#beat();
  }

  /** Tells the API server whether the node is ready, without waiting until its heartbeat is missed. */
  async setReady(ready: boolean): Promise<void> {
    const status = { status: { conditions: [readyCondition(ready ? "True" : "Unknown")] } };
    await this.#rest.patch(`/api/v1/nodes/${this.name}/status`, status, "strategic-merge");
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #beat(): Promise<void> {
    if (!this.#isAwake) return;
    await this.#rest.patch(`${LEASES}/${this.name}`, { spec: { renewTime: microTime() } }).catch(() => undefined);
  }
}

function readyCondition(status: string): object {
  const now = new Date().toISOString();
  const reason = status === "True" ? "KubeletReady" : "NodeStatusUnknown";
  return { type: "Ready", status, reason, message: "test node", lastHeartbeatTime: now, lastTransitionTime: now };
}

function microTime(): string {
  return new Date().toISOString().replace("Z", "000Z");
}
