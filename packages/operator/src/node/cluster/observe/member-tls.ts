import type { Clock } from "@quorate/base";
import {
  type Authorities,
  type CertificateMaker,
  CLIENT_PORT,
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
import { filesSinceMs, secretText } from "./authorities.ts";

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

/** What is seen of one listener. */
interface ListenerView {
  readonly showsCurrent: boolean;
  /** Takes a client of the authority that it is about; undefined where there is none, or everybody is taken. */
  readonly takesOther: boolean | undefined;
}

/** How a member was seen: kept until something of `order` changes, or the time comes. */
interface Settled {
  readonly order: string;
  readonly view: Omit<MemberTlsView, "filesSinceMs"> | undefined;
  readonly untilMs: number;
  /** Looks in a row that reached nothing. */
  readonly failures: number;
}

/** Beyond so many remembered Pods all are forgotten: a look costs two handshakes. */
const REMEMBERED_MAX = 20_000;
/** Members that cannot be reached are looked at again after this, then twice that, and so on; milliseconds. A name server may be to blame. */
const UNREACHED_MS = 2_500;
const UNREACHED_MAX_MS = 60_000;

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
        const secret = sight.secrets.get(memberSecretName(member));
        if (secret === undefined) return;
        const view = await this.#remembered(sight, pod, member, secret);
        if (view !== undefined) views.set(member, { ...view, filesSinceMs: this.#filesSinceMs(sight, secret) });
      }),
    );
    return views;
  }

  async #remembered(sight: MemberTlsSight, pod: Pod, member: string, secret: Secret): Promise<Settled["view"]> {
    const { authorities } = sight;
    const uid = pod.metadata.uid ?? "";
    const nowMs = this.#clock.nowMs();
    const { next, dropped } = authorities ?? {};
    const { metadata } = secret;
    const order = [metadata.uid, metadata.resourceVersion, next?.client.certPem, dropped?.client.certPem].join();
    const known = this.#settled.get(uid);
    const isSame = known?.order === order;
    if (isSame && nowMs < known.untilMs) return known.view;
    const view = await this.#member(sight, member, secret).catch(() => undefined);
    const isSettled = view?.showsCurrent === true && view.trustsNext !== false && view.trustsDropped !== true;
    if (isSettled) this.#remember(uid, { order, view, untilMs: Number.POSITIVE_INFINITY, failures: 0 });
    else if (view === undefined) {
      const failures = isSame ? known.failures + 1 : 1;
      const waitMs = Math.min(UNREACHED_MAX_MS, UNREACHED_MS * 2 ** (failures - 1));
      this.#remember(uid, { order, view, untilMs: nowMs + waitMs, failures });
    }
    return view;
  }

  async #member(sight: MemberTlsSight, member: string, secret: Secret): Promise<Settled["view"]> {
    const { settings, authorities } = sight;
    const listeners = LISTENERS.filter(({ purpose }) =>
      purpose === "client" ? settings.hasClientTls : settings.hasPeerTls,
    );
    const seen = await Promise.all(listeners.map((listener) => this.#listener(sight, member, secret, listener)));
    const views = seen.filter((one) => one !== undefined);
    if (views.length < listeners.length) return undefined;
    return {
      showsCurrent: views.every(({ showsCurrent }) => showsCurrent),
      trustsNext: authorities?.next === undefined ? undefined : views.every(({ takesOther }) => takesOther !== false),
      trustsDropped:
        authorities?.dropped === undefined ? undefined : views.some(({ takesOther }) => takesOther === true),
    };
  }

  async #listener(
    { settings, authorities }: MemberTlsSight,
    member: string,
    secret: Secret,
    { leaf, port, purpose }: Listener,
  ): Promise<ListenerView | undefined> {
    const at = { host: memberHost(settings.name, settings.namespace, member), port };
    const own = { certPem: secretText(secret, `${leaf}.crt`), keyPem: secretText(secret, `${leaf}.key`) };
    // By what it takes for certain: by TLS 1.2 who is refused is shown nothing.
    const pair = authorities === undefined ? own : await this.#leafOf(settings, authorities.current[purpose]);
    const other = (authorities?.next ?? authorities?.dropped)?.[purpose];
    const isDemanding = purpose === "peer" || settings.spec.tls.client.clientAuth === "Require";
    const asks = other !== undefined && other.keyPem !== "" && isDemanding;
    const first = await this.#probe.look({ ...at, pair, asks });
    if (first?.fingerprint === undefined || first.isAccepted === false) return undefined;
    const showsCurrent = first.fingerprint === this.#maker.inspect(own.certPem)?.fingerprint;
    if (!asks) return { showsCurrent, takesOther: undefined };
    const second = await this.#probe.look({ ...at, pair: await this.#leafOf(settings, other), asks });
    return second === undefined ? undefined : { showsCurrent, takesOther: second.isAccepted };
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

  #filesSinceMs({ authorities }: MemberTlsSight, secret: Secret): number | undefined {
    return authorities === undefined ? undefined : filesSinceMs(secret, authorities, this.#maker);
  }

  #remember(uid: string, settled: Settled): void {
    if (this.#settled.size >= REMEMBERED_MAX) this.#settled.clear();
    this.#settled.set(uid, settled);
  }
}
