import { credentials } from "@grpc/grpc-js";
import { EtcdApi } from "../etcd-api.ts";
import type { Pod } from "../kubernetes/kubelet/pod.ts";
import { ObjectCache } from "../kubernetes/object-cache.ts";
import type { RestClient } from "../kubernetes/rest-client.ts";

const GROUP = "etcd.quorate.dev";
const CLIENT_PORT = 2379;
/** Out here members are reached by their Pods' addresses, which are in no certificate; every one is certified for this. */
const SERVER_NAME = "localhost";

/** What a client of a cluster needs beside addresses; PEM. */
export interface ClientCredentials {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

/** A member whose Pod has an address. */
export interface RunningMember {
  readonly name: string;
  readonly podUid: string;
  /** Whether the client Service would lead to it. */
  readonly serves: boolean;
  readonly api: EtcdApi;
}

/**
 * The members of one EtcdCluster as clients find them: by the Pods behind its Service, followed as they come and go, each
 * with one connection of its own.
 */
export class MemberDirectory implements AsyncDisposable {
  readonly #pods: ObjectCache<Pod>;
  readonly #tls: ClientCredentials | undefined;
  readonly #apis = new Map<string, EtcdApi>();

  constructor(rest: RestClient, namespace: string, cluster: string, tls: ClientCredentials | undefined) {
    const selector = encodeURIComponent(`${GROUP}/cluster=${cluster}`);
    this.#pods = new ObjectCache(rest, `/api/v1/namespaces/${namespace}/pods`, `labelSelector=${selector}`);
    this.#tls = tls;
    this.#pods.onChange(({ type, object }) => {
      if (type === "DELETED") this.#forget(object);
    });
  }

  async start(): Promise<void> {
    await this.#pods.start();
  }

  /** Every member whose Pod has an address and is not over. */
  running(): readonly RunningMember[] {
    const members: RunningMember[] = [];
    for (const pod of this.#pods.all()) {
      const { podIP, phase } = pod.status ?? {};
      const labels = pod.metadata.labels ?? {};
      const name = labels[`${GROUP}/member`];
      if (podIP === undefined || phase !== "Running" || name === undefined) continue;
      const isReady = (pod.status?.conditions ?? []).some(({ type, status }) => type === "Ready" && status === "True");
      const serves = isReady && labels[`${GROUP}/serving`] === "true" && pod.metadata.deletionTimestamp === undefined;
      members.push({ name, podUid: pod.metadata.uid, serves, api: this.#apiOf(pod.metadata.uid, podIP) });
    }
    return members;
  }

  /** Those that clients are led to. */
  serving(): readonly RunningMember[] {
    return this.running().filter(({ serves }) => serves);
  }

  async close(): Promise<void> {
    await this.#pods.close();
    for (const api of this.#apis.values()) api.close();
    this.#apis.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #apiOf(uid: string, address: string): EtcdApi {
    const key = `${uid} ${address}`;
    const known = this.#apis.get(key);
    if (known !== undefined) return known;
    const api = new EtcdApi(`${address}:${CLIENT_PORT}`, channelOf(this.#tls), SERVER_NAME);
    this.#apis.set(key, api);
    return api;
  }

  #forget(pod: Pod): void {
    for (const [key, api] of this.#apis) {
      if (!key.startsWith(`${pod.metadata.uid} `)) continue;
      this.#apis.delete(key);
      api.close();
    }
  }
}

function channelOf(tls: ClientCredentials | undefined): ReturnType<typeof credentials.createSsl> {
  if (tls === undefined) return credentials.createInsecure();
  const { authority, certificate, key } = tls;
  return credentials.createSsl(Buffer.from(authority), Buffer.from(key), Buffer.from(certificate));
}
