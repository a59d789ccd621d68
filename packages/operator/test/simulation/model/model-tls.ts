import type { Prng } from "@quorate/base";
import {
  clientSecretName,
  EtcdCallError,
  type EtcdCredentials,
  memberSecretName,
  operatorSecretName,
  PODS,
  SECRETS,
  type Secret,
  type TlsLook,
  type TlsProbe,
  type TlsSight,
  textFromBase64,
} from "../../../src/core/index.ts";
import type { ModelApi } from "./model-api.ts";
import { believes, fingerprintOf } from "./model-certificates.ts";
import type { Process } from "./model-etcd.ts";
import type { ModelKubelet } from "./model-kubelet.ts";
import type { SimClock } from "./sim-clock.ts";

/** A kubelet brings files up to date within so many milliseconds. */
const SYNC_MS = 90_000;
const PEER_PORT = 2380;

/** What somebody has read of a Secret. */
interface Files {
  /** Of the Secret that they were read from. */
  readonly version: string | undefined;
  readonly trusted: string;
  readonly peerTrusted: string;
  readonly server: string;
  readonly peer: string;
}

/** Somebody who shows certificates and believes others'. */
interface Party {
  readonly name: string;
  readonly files: Files;
}

/** A running server with the files under it. */
interface Reader {
  files: Files;
  /** When what has changed reaches it; undefined while nothing has. */
  syncAtMs: number | undefined;
}

/**
 * What members show and believe: the files of their Secrets, as old as kubelets let them be. Holds it against the rule that nobody ever shows
 * what another one does not believe.
 */
export class ModelTls implements TlsProbe {
  readonly #clock: SimClock;
  readonly #prng: Prng;
  readonly #api: ModelApi;
  readonly #kubelet: ModelKubelet;
  readonly #readers = new Map<Process, Reader>();
  /** The user's client: it fetches its credentials as rarely as the spec allows. */
  #client: { readonly files: Files; readonly readMs: number } | undefined;
  #operator: Files | undefined;
  /** What was held against each other last. */
  #seen: readonly Files[] = [];
  /** Servers that read their authorities only when they start. */
  readsTrustAtStart = false;
  /** How old a client's credentials may become; milliseconds. */
  clientRefreshMs = 24 * 3_600_000;

  constructor(clock: SimClock, prng: Prng, api: ModelApi, kubelet: ModelKubelet) {
    this.#clock = clock;
    this.#prng = prng;
    this.#api = api;
    this.#kubelet = kubelet;
  }

  async look({ host, port, pair, asks }: TlsLook): Promise<TlsSight | undefined> {
    const process = this.#kubelet.processOf(host.split(".")[0] ?? "");
    const reader = process === undefined ? undefined : this.#readers.get(process);
    if (process === undefined || reader === undefined || !process.isUp || process.isHidden) return undefined;
    const { files } = reader;
    const [shown, trusted] = port === PEER_PORT ? [files.peer, files.peerTrusted] : [files.server, files.trusted];
    const isAccepted = asks ? believes(trusted, pair.certPem, this.#clock.nowMs()) : undefined;
    return { fingerprint: fingerprintOf(shown), isAccepted };
  }

  /** Throws where the operator and the member do not believe each other, or one of them shows what has ended. */
  connect(member: string, credentials: EtcdCredentials | undefined): void {
    const process = this.#kubelet.processOf(member);
    const files = process === undefined ? undefined : this.#readers.get(process)?.files;
    if (files === undefined || credentials === undefined) return;
    const nowMs = this.#clock.nowMs();
    if (!believes(credentials.caPem, files.server, nowMs) || !believes(files.trusted, credentials.certPem, nowMs))
      throw new EtcdCallError("Unreachable", `${member}: no handshake`, false);
  }

  /** One moment: files arrive, and everybody is held against everybody. Returns what is wrong. */
  tick(cluster: { readonly namespace: string; readonly name: string }): readonly string[] {
    const running = this.#api.all(PODS, cluster.namespace).flatMap(({ metadata }) => {
      const process = this.#kubelet.processOf(metadata.name);
      return process === undefined ? [] : [{ name: metadata.name, process }];
    });
    for (const { name, process } of running) this.#read(cluster.namespace, name, process);
    const live = new Set(running.map(({ process }) => process));
    for (const process of this.#readers.keys()) if (!live.has(process)) this.#readers.delete(process);
    const members = running.flatMap(({ name, process }) => {
      const reader = this.#readers.get(process);
      return reader === undefined ? [] : [{ name, files: reader.files }];
    });
    const clients = this.#clients(cluster);
    const state = [...members, ...clients].map(({ files }) => files);
    // Most moments change nothing.
    if (state.length === this.#seen.length && state.every((files, index) => files === this.#seen[index])) return [];
    this.#seen = state;
    return [...betweenMembers(members), ...withClients(clients, members)];
  }

  #read(namespace: string, name: string, process: Process): void {
    const secret = this.#api.peek(SECRETS, { namespace, name: memberSecretName(name) });
    if (secret === undefined) return;
    const known = this.#readers.get(process);
    if (known === undefined) {
      this.#readers.set(process, { files: filesOf(secret), syncAtMs: undefined });
      return;
    }
    if (known.files.version === secret.metadata.resourceVersion) return;
    known.syncAtMs ??= this.#clock.nowMs() + this.#prng.below(SYNC_MS);
    if (this.#clock.nowMs() < known.syncAtMs) return;
    const { peerTrusted, trusted } = known.files;
    known.files = { ...filesOf(secret), ...(this.readsTrustAtStart ? { peerTrusted, trusted } : {}) };
    known.syncAtMs = undefined;
  }

  /** The operator reads its Secret with every pass, the user's client now and then. */
  #clients({ name, namespace }: { readonly namespace: string; readonly name: string }): readonly Party[] {
    const [operator, published] = [operatorSecretName(name), clientSecretName(name)].map((secret) =>
      this.#api.peek(SECRETS, { namespace, name: secret }),
    );
    if (operator === undefined || published === undefined) return [];
    const nowMs = this.#clock.nowMs();
    const last = this.#client;
    const isFresh = last !== undefined && nowMs - last.readMs < this.clientRefreshMs;
    const client = isFresh ? last : { files: filesOf(published), readMs: nowMs };
    this.#client = client;
    const known = this.#operator;
    const isKnown = known !== undefined && known.version === operator.metadata.resourceVersion;
    const current = isKnown ? known : filesOf(operator);
    this.#operator = current;
    return [
      { name: "the operator", files: current },
      { name: "a client", files: client.files },
    ];
  }
}

function betweenMembers(members: readonly Party[]): readonly string[] {
  return members.flatMap((a) =>
    members.flatMap((b) =>
      a !== b && !believes(a.files.peerTrusted, b.files.peer) ? [`T1: ${a.name} does not believe ${b.name}`] : [],
    ),
  );
}

function withClients(clients: readonly Party[], members: readonly Party[]): readonly string[] {
  return clients.flatMap((client) =>
    members.flatMap((member) => [
      ...(believes(client.files.trusted, member.files.server)
        ? []
        : [`T2: ${client.name} does not believe ${member.name}`]),
      ...(believes(member.files.trusted, client.files.server)
        ? []
        : [`T2: ${member.name} does not believe ${client.name}`]),
    ]),
  );
}

function filesOf({ data, metadata }: Secret): Files {
  const text = (key: string): string => textFromBase64(data?.[key] ?? "") ?? "";
  return {
    version: metadata.resourceVersion,
    trusted: text("ca.crt"),
    peerTrusted: text("peer-ca.crt"),
    server: text("tls.crt"),
    peer: text("peer.crt"),
  };
}
