import { beforeEach, describe, expect, it } from "@jest/globals";
import {
  ANNOTATIONS,
  authorityConfigMapName,
  authoritySecretName,
  CONFIG_MAPS,
  clientSecretName,
  ETCD_CLUSTERS,
  ETCD_MEMBERS,
  type KeyPair,
  memberSecretName,
  type RotationView,
  SECRETS,
  type Secret,
  type Step,
  type TlsLook,
  textFromBase64,
} from "../../../src/core/index.ts";
import { act } from "../../../src/node/cluster/act/act.ts";
import type { ActOutcome } from "../../../src/node/cluster/act/act-context.ts";
import { ensureCredentials } from "../../../src/node/cluster/derive/credentials.ts";
import { X509CertificateMaker } from "../../../src/node/pki/index.ts";
import { Scene, START_MS } from "./scene.ts";

const MEMBER = memberSecretName("c-1");
const CLIENT = clientSecretName("c");
const AUTHORITY = authoritySecretName("c");
const MINUTE_MS = 60_000;

const maker = new X509CertificateMaker();
let scene: Scene;

beforeEach(async () => {
  scene = new Scene({});
  scene.addMember(1);
  await derive();
});

describe("a change of authorities", () => {
  it("is asked for by each new word of an annotation, once", async () => {
    expect(await phase()).toBeUndefined();
    await ask("one");
    expect(await phase()).toEqual({ phase: "Asked", sinceMs: 0 });

    await rotate("TrustNew");
    await derive();
    scene.nowMs += MINUTE_MS;
    expect(await phase()).toEqual({ phase: "TrustNew", sinceMs: START_MS });
    await rotate("Reissue");
    expect(await phase()).toEqual({ phase: "Reissue", sinceMs: START_MS + MINUTE_MS });
    await rotate("DropOld");
    expect(await phase()).toMatchObject({ phase: "DropOld" });
    await rotate("Done");

    expect(await phase()).toBeUndefined();
    await ask("two");
    expect(await phase()).toMatchObject({ phase: "Asked" });
  });

  it("is due by itself before certificates would have to end early", async () => {
    const day = 24 * 60 * MINUTE_MS;
    scene.nowMs += 10 * 365 * day - 92 * day;
    expect(await phase()).toBeUndefined();
    scene.nowMs += 2 * day;
    expect(await phase()).toMatchObject({ phase: "Asked" });
  });

  it("has everybody trust both, then issues by the new ones, and in the end trusts them alone", async () => {
    const old = (await authority()).client;
    const leaf = await text(MEMBER, "tls.crt");
    await rotate("TrustNew");
    await derive();
    const both = [await text(MEMBER, "ca.crt"), await text(CLIENT, "ca.crt"), await published()];
    expect(new Set(both).size).toBe(1);
    expect(authoritiesIn(both[0])).toHaveLength(2);
    expect(authoritiesIn(await text(MEMBER, "peer-ca.crt"))).toHaveLength(2);
    expect(await text(MEMBER, "tls.crt")).toBe(leaf);
    expect(await former()).toEqual([]);

    await rotate("Reissue");
    await derive();
    expect((await authority()).client).not.toBe(old);
    expect(new Set(authoritiesIn(await text(CLIENT, "ca.crt")))).toEqual(new Set(authoritiesIn(both[0])));
    expect(await text(MEMBER, "tls.crt")).toBe(leaf);
    expect(await former()).toEqual(["c-operator", CLIENT, MEMBER]);
    for (const secret of await former()) await step({ kind: "RenewCertificate", secret });
    expect(await former()).toEqual([]);
    expect(maker.isIssuedBy(await pair(MEMBER), (await authority()).client)).toBe(true);

    await rotate("DropOld");
    await derive();
    expect(await text(MEMBER, "ca.crt")).toBe((await authority()).client);
    expect(await published()).toBe((await authority()).client);
    expect(await former()).toEqual([]);
    await rotate("Done");
    expect(Object.keys((await secretOf(AUTHORITY)).data ?? {}).sort()).toEqual([
      "ca.crt",
      "ca.key",
      "peer-ca.crt",
      "peer-ca.key",
    ]);
  });

  it("gives clients their time from when they could fetch what is new, not from when it was decided", async () => {
    await rotate("TrustNew");
    scene.nowMs += MINUTE_MS;
    expect((await phase())?.sinceMs).toBe(scene.nowMs);
    await derive();
    scene.nowMs += MINUTE_MS;
    expect((await phase())?.sinceMs).toBe(scene.nowMs - MINUTE_MS);

    await rotate("Reissue");
    scene.nowMs += MINUTE_MS;
    await step({ kind: "RenewCertificate", secret: CLIENT });
    scene.nowMs += MINUTE_MS;
    expect((await phase())?.sinceMs).toBe(scene.nowMs - MINUTE_MS);
  });

  it("goes on being trusted when the former ones' keys are taken away, and is none without TLS", async () => {
    await rotate("TrustNew");
    await rotate("Reissue");
    await scene.api.patch(SECRETS, { namespace: "ns", name: AUTHORITY }, { data: { "former-ca.key": null } });
    await derive();
    expect(await phase()).toMatchObject({ phase: "Reissue" });
    expect(authoritiesIn(await text(CLIENT, "ca.crt"))).toHaveLength(2);

    scene = new Scene({ tls: { client: { mode: "Disabled" }, peer: { mode: "Disabled" } } });
    scene.addMember(1);
    await derive();
    await ask("one");
    expect(await phase()).toBeUndefined();
  });

  it("reaches members on their way out: others talk to them until they are gone", async () => {
    const key = { namespace: "ns", name: "c-1" };
    await scene.api.patch(ETCD_MEMBERS, key, { metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" } });
    await rotate("TrustNew");
    await derive();

    expect(authoritiesIn(await text(MEMBER, "peer-ca.crt"))).toHaveLength(2);
  });

  it("takes no step twice, and none that was decided of what is not so any more", async () => {
    expect(await rotate("Reissue")).toMatchObject({ kind: "notNow" });
    expect(await rotate("DropOld")).toMatchObject({ kind: "notNow" });
    expect(await rotate("Done")).toMatchObject({ kind: "notNow" });
    await rotate("TrustNew");
    expect(await rotate("TrustNew")).toMatchObject({ kind: "notNow" });

    const sight = await scene.look();
    const next = await text(AUTHORITY, "next-ca.crt");
    await scene.api.patch(SECRETS, { namespace: "ns", name: AUTHORITY }, { metadata: { labels: { by: "hand" } } });
    const outcome = await act({ deps: scene.deps, sight }, { kind: "RotateAuthorities", to: "Reissue" });

    expect(outcome).toMatchObject({ kind: "notNow" });
    expect(await text(AUTHORITY, "next-ca.crt")).toBe(next);
  });
});

describe("authorities that were put back from a backup", () => {
  it("issue anew, and those that were shown meanwhile are trusted until they are no more", async () => {
    const backup = await secretOf(AUTHORITY);
    for (const to of ["TrustNew", "Reissue"] as const) await rotate(to);
    await derive();
    for (const secret of await former()) await step({ kind: "RenewCertificate", secret });
    for (const to of ["DropOld", "Done"] as const) await rotate(to);
    await derive();
    const shown = await text(MEMBER, "ca.crt");
    scene.api.put(SECRETS, backup);
    await derive();

    expect(authoritiesIn(await text(MEMBER, "ca.crt"))).toEqual(
      expect.arrayContaining([...authoritiesIn(shown), ...authoritiesIn((await authority()).client)]),
    );
    expect(authoritiesIn(await text(MEMBER, "peer-ca.crt"))).toHaveLength(2);
    const due = (await scene.look()).world.certificates.filter(({ renewAtMs }) => renewAtMs === 0);
    expect(due.map(({ name }) => name)).toEqual(["c-operator", CLIENT, MEMBER]);
    for (const { name, notAfterMs } of due) {
      expect(notAfterMs).toBeGreaterThan(scene.nowMs);
      await step({ kind: "RenewCertificate", secret: name });
    }
    await derive();
    expect(await text(MEMBER, "ca.crt")).toBe((await authority()).client);
  });

  it("are not those of whoever can write the published Secret", async () => {
    const before = await text(MEMBER, "ca.crt");
    const other = new Scene({});
    await ensureCredentials(other.deps, await other.look());
    const stranger = await other.api.get(SECRETS, { namespace: "ns", name: CLIENT });
    await scene.api.patch(SECRETS, { namespace: "ns", name: CLIENT }, { data: { ...stranger?.data } });
    await derive();

    expect(await text(MEMBER, "ca.crt")).toBe(before);
    expect(await published()).toBe(before);
    expect(await text(CLIENT, "ca.crt")).toBe(before);
  });

  it("are not needed to tell when certificates end", async () => {
    scene.api.put(ETCD_CLUSTERS, { ...(await scene.cluster()), status: { clusterID: "abc" } });
    await scene.api.delete(SECRETS, { namespace: "ns", name: AUTHORITY });
    await derive();
    const { canIssue, certificates } = (await scene.look()).world;

    expect(canIssue).toBe(false);
    expect(certificates.map(({ name }) => name)).toEqual([AUTHORITY, "c-operator", CLIENT, MEMBER]);
    for (const { renewAtMs } of certificates) expect(renewAtMs).toBeGreaterThan(scene.nowMs);
  });
});

describe("what members show", () => {
  it("is compared with their Secrets, at both listeners", async () => {
    const listeners = await openListeners();
    expect(await seen()).toMatchObject({ showsCurrent: true, trustsNext: undefined, trustsDropped: undefined });
    expect(listeners.looks).toEqual(["c-1.c-peers.ns.svc:2379", "c-1.c-peers.ns.svc:2380"]);

    // Seen to be in order, it is not looked at again,
    expect(await seen()).toMatchObject({ showsCurrent: true });
    expect(listeners.looks).toHaveLength(2);
    // until its Secret changes.
    scene.nowMs += MINUTE_MS;
    await step({ kind: "RenewCertificate", secret: MEMBER });
    expect(await seen()).toMatchObject({ showsCurrent: false, filesSinceMs: START_MS + MINUTE_MS });
    listeners.shown[2379] = await fingerprint("tls.crt");
    expect(await seen()).toMatchObject({ showsCurrent: false });
    listeners.shown[2380] = await fingerprint("peer.crt");
    expect(await seen()).toMatchObject({ showsCurrent: true });
  });

  it("is asked for with a certificate of the next authorities while there are such", async () => {
    const listeners = await openListeners();
    await rotate("TrustNew");
    expect(await seen()).toMatchObject({ trustsNext: false, filesSinceMs: undefined });
    scene.nowMs += MINUTE_MS;
    await derive();

    expect(await seen()).toMatchObject({ showsCurrent: true, trustsNext: false, filesSinceMs: START_MS + MINUTE_MS });
    listeners.trusted[2379] += await text(AUTHORITY, "next-ca.crt");
    expect(await seen()).toMatchObject({ showsCurrent: true, trustsNext: false });
    listeners.trusted[2380] += await text(AUTHORITY, "next-peer-ca.crt");
    expect(await seen()).toMatchObject({ showsCurrent: true, trustsNext: true, trustsDropped: undefined });
  });

  it("is asked for with a certificate of authorities that are to be trusted no more", async () => {
    for (const to of ["TrustNew", "Reissue", "DropOld"] as const) await rotate(to);
    await step({ kind: "RenewCertificate", secret: MEMBER });
    const listeners = await openListeners();
    listeners.trusted[2380] += await text(AUTHORITY, "dropped-peer-ca.crt");

    expect(await seen()).toMatchObject({ showsCurrent: true, trustsNext: undefined, trustsDropped: true });
    listeners.trusted[2380] = await text(AUTHORITY, "peer-ca.crt");
    expect(await seen()).toMatchObject({ showsCurrent: true, trustsNext: undefined, trustsDropped: false });
  });

  it("does not depend on authorities where clients need no certificate", async () => {
    scene = new Scene({ tls: { client: { clientAuth: "None" } } });
    scene.addMember(1);
    await derive();
    for (const to of ["TrustNew", "Reissue", "DropOld"] as const) await rotate(to);
    await step({ kind: "RenewCertificate", secret: MEMBER });
    const listeners = await openListeners();
    listeners.trusted[2379] += await text(AUTHORITY, "dropped-ca.crt");

    expect(await seen()).toMatchObject({ showsCurrent: true, trustsNext: undefined, trustsDropped: false });
  });

  it("is not known of members that cannot be reached, or take nobody, and is looked at again after a while", async () => {
    const listeners = await openListeners();
    listeners.isReached = ({ port }) => port === 2379;
    expect(await seen()).toBeUndefined();
    const { length } = listeners.looks;
    expect(await seen()).toBeUndefined();
    expect(listeners.looks).toHaveLength(length);
    scene.nowMs += MINUTE_MS;
    listeners.isReached = () => true;
    expect(await seen()).toMatchObject({ showsCurrent: true });

    await rotate("TrustNew");
    listeners.trusted[2379] = "";
    expect(await seen()).toBeUndefined();
  });

  it("is not known where a key is damaged, and the rest of the world is", async () => {
    await openListeners();
    await rotate("TrustNew");
    await scene.api.patch(SECRETS, { namespace: "ns", name: AUTHORITY }, { data: { "next-ca.key": "AAAA" } });

    expect(await seen()).toBeUndefined();
  });
});

interface Listeners {
  readonly looks: string[];
  readonly shown: Record<2379 | 2380, string | undefined>;
  /** PEM. */
  readonly trusted: Record<2379 | 2380, string>;
  isReached: (look: TlsLook) => boolean;
}

/** Listeners of the member, as it was started with its Secret as it is now. By TLS 1.2: who is refused is shown nothing. */
async function openListeners(): Promise<Listeners> {
  const listeners: Listeners = {
    looks: [],
    shown: { 2379: await fingerprint("tls.crt"), 2380: await fingerprint("peer.crt") },
    trusted: { 2379: await text(AUTHORITY, "ca.crt"), 2380: await text(AUTHORITY, "peer-ca.crt") },
    isReached: () => true,
  };
  scene.listen = (look) => {
    const port = look.port as 2379 | 2380;
    listeners.looks.push(`${look.host}:${port}`);
    if (!listeners.isReached(look)) return undefined;
    if (!look.asks) return { fingerprint: listeners.shown[port], isAccepted: undefined };
    const isAccepted = maker.split(listeners.trusted[port]).some((pem) => maker.isIssuedBy(look.pair, pem));
    return { fingerprint: isAccepted ? listeners.shown[port] : undefined, isAccepted };
  };
  return listeners;
}

async function seen(): Promise<unknown> {
  return (await scene.look()).world.memberTls?.get("c-1");
}

async function derive(): Promise<void> {
  await ensureCredentials(scene.deps, await scene.look());
}

async function step(taken: Step): Promise<ActOutcome> {
  return await act({ deps: scene.deps, sight: await scene.look() }, taken);
}

async function rotate(to: "TrustNew" | "Reissue" | "DropOld" | "Done"): Promise<ActOutcome> {
  return await step({ kind: "RotateAuthorities", to });
}

async function ask(word: string): Promise<void> {
  const annotations = { [ANNOTATIONS.rotateAuthorities]: word };
  await scene.api.patch(ETCD_CLUSTERS, { namespace: "ns", name: "c" }, { metadata: { annotations } });
}

async function phase(): Promise<RotationView | undefined> {
  return (await scene.look()).world.rotation;
}

/** Names of the Secrets whose certificates are of the former authorities. */
async function former(): Promise<readonly string[]> {
  const { certificates } = (await scene.look()).world;
  const views = certificates.filter(({ isOfFormerAuthority }) => isOfFormerAuthority === true);
  for (const { notAfterMs } of views) expect(notAfterMs).toBeGreaterThan(scene.nowMs);
  return views.map(({ name }) => name);
}

async function secretOf(name: string): Promise<Secret> {
  const secret = await scene.api.get(SECRETS, { namespace: "ns", name });
  if (secret === undefined) throw new Error(`no Secret ${name}`);
  return secret;
}

async function text(secret: string, key: string): Promise<string> {
  return textFromBase64((await secretOf(secret)).data?.[key] ?? "") ?? "";
}

async function authority(): Promise<{ readonly client: string }> {
  return { client: await text(AUTHORITY, "ca.crt") };
}

async function published(): Promise<string> {
  const map = await scene.api.get(CONFIG_MAPS, { namespace: "ns", name: authorityConfigMapName("c") });
  return map?.data?.["ca.crt"] ?? "";
}

async function pair(secret: string): Promise<KeyPair> {
  return { certPem: await text(secret, "tls.crt"), keyPem: await text(secret, "tls.key") };
}

async function fingerprint(key: string): Promise<string | undefined> {
  return maker.inspect(await text(MEMBER, key))?.fingerprint;
}

function authoritiesIn(pem: string | undefined): readonly string[] {
  return pem?.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}
