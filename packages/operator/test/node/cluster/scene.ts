import { NO_LOGGER, SeededPrng } from "@quorate/base";
import {
  API_VERSION,
  ETCD_CLUSTERS,
  ETCD_MEMBERS,
  type EtcdCluster,
  type EtcdClusterSpecInput,
  type EtcdMember,
  type EtcdMemberEntry,
  type EventNote,
  memberObject,
  memberPod,
  PODS,
  type TlsLook,
  type TlsSight,
  withDefaults,
} from "../../../src/core/index.ts";
import { MemberTls } from "../../../src/node/cluster/observe/member-tls.ts";
import { type ObserveDeps, observe, type Sight } from "../../../src/node/cluster/observe/observe.ts";
import { X509CertificateMaker } from "../../../src/node/pki/index.ts";
import { DEFAULTS, FIRST_START, settingsOf } from "../../core/manifests/sample-cluster.ts";
import { type FakeMember, fakeClient } from "./fake-members.ts";
import { MemoryKubeApi } from "./memory-kube-api.ts";

export const START_MS = Date.parse("2026-01-01T00:00:00Z");
const PLAIN: EtcdClusterSpecInput = { tls: { client: { mode: "Disabled" }, peer: { mode: "Disabled" } } };

/** One cluster in a memory API with fake members, and what a pass needs to look at it. */
export class Scene {
  readonly api = new MemoryKubeApi();
  readonly calls: string[] = [];
  readonly notes: EventNote[] = [];
  readonly deps: ObserveDeps;
  readonly #spec: EtcdClusterSpecInput;
  members: readonly FakeMember[] = [];
  entries: readonly EtcdMemberEntry[] = [];
  nowMs = START_MS;
  isLeader = true;
  /** What members' listeners do; by default nobody reaches them. */
  listen: (look: TlsLook) => TlsSight | undefined = () => undefined;

  constructor(spec: EtcdClusterSpecInput = PLAIN, status?: EtcdCluster["status"]) {
    this.#spec = spec;
    this.deps = {
      api: this.api,
      cache: this.api,
      etcd: { member: (url) => this.#client(url) },
      clock: { nowMs: () => this.nowMs, wallMs: () => this.nowMs },
      prng: new SeededPrng(1),
      log: NO_LOGGER,
      events: { emit: (_object, note) => void this.notes.push(note) },
      options: {
        ...DEFAULTS,
        operatorNamespace: "system",
        canReadNodes: false,
        canReadStorageClasses: false,
        isLeader: () => this.isLeader,
      },
      certificates: new X509CertificateMaker(),
      memberTls: new MemberTls({ look: async (look) => this.listen(look) }, new X509CertificateMaker(), {
        nowMs: () => this.nowMs,
        wallMs: () => this.nowMs,
      }),
    };
    this.api.put(ETCD_CLUSTERS, {
      ...withDefaults({
        apiVersion: API_VERSION,
        kind: "EtcdCluster",
        metadata: { name: "c", namespace: "ns", uid: "cluster-uid", generation: 1 },
        spec,
      }),
      ...(status === undefined ? {} : { status }),
    });
  }

  /** An EtcdMember with a Pod that runs. */
  addMember(serial: number, changes: Partial<EtcdMember> = {}): EtcdMember {
    const name = `c-${serial}`;
    const settings = settingsOf(this.#spec);
    const member = memberObject(settings, { name, serial, join: serial === 1 ? "New" : "Existing", recoveryEpoch: 0 });
    const stored = this.api.put(ETCD_MEMBERS, { ...member, ...changes });
    const pod = memberPod({
      settings,
      member: { name, uid: stored.metadata.uid ?? "" },
      start: FIRST_START,
      restore: undefined,
      isVoter: false,
    });
    this.api.put(PODS, { ...pod, status: { phase: "Running" } });
    return stored;
  }

  async cluster(): Promise<EtcdCluster> {
    const cluster = await this.api.get(ETCD_CLUSTERS, { namespace: "ns", name: "c" });
    if (cluster === undefined) throw new Error("no cluster");
    return withDefaults(cluster);
  }

  async look(): Promise<Sight> {
    return await observe(this.deps, await this.cluster());
  }

  #client(url: string): ReturnType<typeof fakeClient> {
    const name = /\/\/([^.]+)\./.exec(url)?.[1] ?? "";
    const member = this.members.find((candidate) => candidate.name === name);
    return fakeClient(member ?? { id: "0", name, fails: "Unreachable" }, this.entries, this.calls);
  }
}
