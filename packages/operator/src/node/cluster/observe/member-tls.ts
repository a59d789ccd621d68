import type { Clock } from "@quorate/base";
import {
  type Authorities,
  type CertificateMaker,
  CLIENT_PORT,
  type ClusterAuthorities,
  type ClusterSettings,
  clientRequest,
  type KeyPair,
  LABELS,
  type MemberTlsView,
  memberHost,
  memberSecretName,
  OPERATOR_USER,
  PEER_PORT,
  type Pod,
  renewAtMs,
  type Secret,
  type TlsProbe,
} from "../../../core/index.ts";
import { secretText } from "./authorities.ts";

export interface MemberTlsSight {
  readonly settings: ClusterSettings;
  readonly secrets: ReadonlyMap<string, Secret>;
  readonly pods: readonly Pod[];
  readonly authorities: Authorities | undefined;
}

/** The two listeners of a member: where they are, and under which names their certificates are in its Secret. */
const LISTENERS = [
  { purpose: "client", port: CLIENT_PORT, leaf: "tls" },
  { purpose: "peer", port: PEER_PORT, leaf: "peer" },
] as const;

type Listener = (typeof LISTENERS)[number];

/** How a member was seen that is in order, for as long as nothing of `order` changes. */
interface Settled {
  readonly order: string;
  readonly view: MemberTlsView;
}

/** Beyond so many remembered Pods all are forgotten: a look costs two handshakes. */
const REMEMBERED_MAX = 20_000;

/**
 * Looks at members' listeners: whether they show what their Secrets hold, and believe whom they are to believe. A member that does is not
 * looked at again until its Secret or its Pod changes: what is remembered saves handshakes, and decides nothing.
 */
export class MemberTls {
  readonly #probe: TlsProbe;
  readonly #maker: CertificateMaker;
  readonly #clock: Clock;
  /** By the UID of the Pod. */
  readonly #settled = new Map<string, Settled>();
  /** Certificate of an authority to a leaf of it, to be shown to listeners. */
  readonly #leafs = new Map<string, KeyPair>();

  constructor(probe: TlsProbe, maker: CertificateMaker, clock: Clock) {
    this.#probe = probe;
    this.#maker = maker;
    this.#clock = clock;
  }

  /** By the name of the EtcdMember. Members that cannot be reached are missing. */
  async look(sight: MemberTlsSight): Promise<ReadonlyMap<string, MemberTlsView>> {
    const { settings, pods } = sight;
    const views = new Map<string, MemberTlsView>();
    if (!settings.hasClientTls && !settings.hasPeerTls) return views;
    const running = pods.filter(
      ({ metadata, status }) => status?.phase === "Running" && metadata.deletionTimestamp === undefined,
    );
    await Promise.all(
      running.map(async (pod) => {
        const member = pod.metadata.labels?.[LABELS.member] ?? "";
        const view = await this.#member(sight, pod, member);
        if (view !== undefined) views.set(member, view);
      }),
    );
    return views;
  }

  async #member(sight: MemberTlsSight, pod: Pod, member: string): Promise<MemberTlsView | undefined> {
    const { settings, secrets, authorities } = sight;
    const secret = secrets.get(memberSecretName(member));
    if (secret === undefined) return undefined;
    const { next, dropped } = authorities ?? {};
    const { resourceVersion, uid } = secret.metadata;
    const order = [uid, resourceVersion, next?.client.certPem, dropped?.client.certPem].join();
    const known = this.#settled.get(pod.metadata.uid ?? "");
    if (known?.order === order) return known.view;
    const listeners = LISTENERS.filter(({ purpose }) =>
      purpose === "client" ? settings.hasClientTls : settings.hasPeerTls,
    );
    const sights = await Promise.all(
      listeners.map((listener) => this.#listener(settings, member, secret, listener, next ?? dropped)),
    );
    const seen = sights.filter((one) => one !== undefined);
    if (seen.length < listeners.length) return undefined;
    const view = {
      showsCurrent: seen.every(({ isCurrent }) => isCurrent),
      trustsNext: next === undefined ? undefined : seen.every(({ isAccepted }) => isAccepted !== false),
      trustsDropped: dropped === undefined ? undefined : seen.some(({ isAccepted }) => isAccepted === true),
    };
    const isSettled = view.showsCurrent && view.trustsNext !== false && view.trustsDropped !== true;
    if (isSettled) this.#remember(pod.metadata.uid ?? "", { order, view });
    return view;
  }

  /** `others`: authorities of which it matters whether the listener takes their clients. */
  async #listener(
    settings: ClusterSettings,
    member: string,
    secret: Secret,
    { leaf, port, purpose }: Listener,
    others: ClusterAuthorities | undefined,
  ): Promise<{ readonly isCurrent: boolean; readonly isAccepted: boolean | undefined } | undefined> {
    const own = { certPem: secretText(secret, `${leaf}.crt`), keyPem: secretText(secret, `${leaf}.key`) };
    // Without a demand for certificates everybody is taken.
    const isDemanding = purpose === "peer" || settings.spec.tls.client.clientAuth === "Require";
    const asks = others !== undefined && isDemanding;
    const pair = asks ? await this.#leafOf(settings, others[purpose]) : own;
    const seen = await this.#probe.look({
      host: memberHost(settings.name, settings.namespace, member),
      port,
      pair,
      asks,
    });
    if (seen === undefined || (seen.fingerprint === undefined && !asks)) return undefined;
    const wanted = this.#maker.inspect(own.certPem)?.fingerprint;
    // A listener that does not take a client may end the handshake before it shows anything: then there is nothing to be said of it.
    const isCurrent = seen.fingerprint === undefined || seen.fingerprint === wanted;
    return { isCurrent, isAccepted: seen.isAccepted };
  }

  async #leafOf(settings: ClusterSettings, authority: KeyPair): Promise<KeyPair> {
    const nowMs = this.#clock.wallMs();
    const known = this.#leafs.get(authority.certPem);
    const endMs = this.#maker.inspect(known?.certPem ?? "")?.notAfterMs;
    if (known !== undefined && endMs !== undefined && nowMs < renewAtMs(settings, endMs)) return known;
    const made = await this.#maker.issue(authority, clientRequest(settings, OPERATOR_USER, nowMs));
    if (this.#leafs.size >= REMEMBERED_MAX) this.#leafs.clear();
    this.#leafs.set(authority.certPem, made);
    return made;
  }

  #remember(uid: string, settled: Settled): void {
    if (this.#settled.size >= REMEMBERED_MAX) this.#settled.clear();
    this.#settled.set(uid, settled);
  }
}
