import { beforeEach, describe, expect, it } from "@jest/globals";
import {
  ANNOTATIONS,
  authorityConfigMapName,
  authoritySecretName,
  CONFIG_MAPS,
  clientSecretName,
  ETCD_CLUSTERS,
  type KeyPair,
  memberSecretName,
  type RotationView,
  SECRETS,
  type Secret,
  type Step,
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

describe("what members show", () => {
  it("is compared with their Secrets, at both listeners", async () => {
    const shown = { 2379: await fingerprint("tls.crt"), 2380: await fingerprint("peer.crt") };
    const hosts: string[] = [];
    scene.listen = ({ asks, host, port }) => {
      hosts.push(`${host}:${port} ${asks}`);
      return { fingerprint: shown[port as 2379 | 2380], isAccepted: undefined };
    };
    expect(await seen()).toEqual({ showsCurrent: true, trustsNext: undefined, trustsDropped: undefined });
    expect(hosts).toEqual(["c-1.c-peers.ns.svc:2379 false", "c-1.c-peers.ns.svc:2380 false"]);

    // Seen to be in order, it is not looked at again,
    expect(await seen()).toEqual({ showsCurrent: true, trustsNext: undefined, trustsDropped: undefined });
    expect(hosts).toHaveLength(2);
    // until its Secret changes.
    await step({ kind: "RenewCertificate", secret: MEMBER });
    expect(await seen()).toEqual({ showsCurrent: false, trustsNext: undefined, trustsDropped: undefined });
    shown[2379] = await fingerprint("tls.crt");
    expect(await seen()).toEqual({ showsCurrent: false, trustsNext: undefined, trustsDropped: undefined });
    shown[2380] = await fingerprint("peer.crt");
    expect(await seen()).toEqual({ showsCurrent: true, trustsNext: undefined, trustsDropped: undefined });
  });

  it("is asked for with a certificate of the next authorities while there are such", async () => {
    await rotate("TrustNew");
    await derive();
    const next = { 2379: await text(AUTHORITY, "next-ca.crt"), 2380: await text(AUTHORITY, "next-peer-ca.crt") };
    const shown = { 2379: await fingerprint("tls.crt"), 2380: await fingerprint("peer.crt") };
    let trusting: readonly number[] = [];
    scene.listen = ({ asks, pair: offered, port }) => {
      const isNext = maker.isIssuedBy(offered, next[port as 2379 | 2380]);
      return { fingerprint: shown[port as 2379 | 2380], isAccepted: asks && isNext && trusting.includes(port) };
    };

    expect(await seen()).toEqual({ showsCurrent: true, trustsNext: false, trustsDropped: undefined });
    trusting = [2379];
    expect(await seen()).toEqual({ showsCurrent: true, trustsNext: false, trustsDropped: undefined });
    trusting = [2379, 2380];
    expect(await seen()).toEqual({ showsCurrent: true, trustsNext: true, trustsDropped: undefined });
  });

  it("is asked for with a certificate of authorities that are to be trusted no more", async () => {
    for (const to of ["TrustNew", "Reissue", "DropOld"] as const) await rotate(to);
    await step({ kind: "RenewCertificate", secret: MEMBER });
    const dropped = {
      2379: await text(AUTHORITY, "dropped-ca.crt"),
      2380: await text(AUTHORITY, "dropped-peer-ca.crt"),
    };
    let trusting: readonly number[] = [2380];
    scene.listen = ({ asks, pair: offered, port }) => {
      const isDropped = maker.isIssuedBy(offered, dropped[port as 2379 | 2380]);
      // As by TLS 1.2: who is refused is shown nothing.
      return { fingerprint: undefined, isAccepted: asks && isDropped && trusting.includes(port) };
    };

    expect(await seen()).toEqual({ showsCurrent: true, trustsNext: undefined, trustsDropped: true });
    trusting = [];
    expect(await seen()).toEqual({ showsCurrent: true, trustsNext: undefined, trustsDropped: false });
  });

  it("does not depend on authorities where clients need no certificate", async () => {
    scene = new Scene({ tls: { client: { clientAuth: "None" } } });
    scene.addMember(1);
    await derive();
    for (const to of ["TrustNew", "Reissue", "DropOld"] as const) await rotate(to);
    const shown = await fingerprint("tls.crt");
    scene.listen = ({ asks, port }) =>
      port === 2379
        ? { fingerprint: shown, isAccepted: asks ? true : undefined }
        : { fingerprint: undefined, isAccepted: false };

    expect(await seen()).toEqual({ showsCurrent: true, trustsNext: undefined, trustsDropped: false });
  });

  it("is not known of members that cannot be reached", async () => {
    scene.listen = ({ port }) => (port === 2379 ? { fingerprint: "x", isAccepted: undefined } : undefined);

    expect(await seen()).toBeUndefined();
  });
});

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
