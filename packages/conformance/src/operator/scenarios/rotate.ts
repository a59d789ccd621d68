import { waitUntil } from "@quorate/testkit";
import type { ClientCredentials } from "../member-directory.ts";
import { type EtcdCluster, GROUP, type ManagedCluster } from "../operator-world.ts";
import { LoadedCluster, type Scenario, type ScenarioContext, SETTLE_TIMEOUT_MS, timed } from "../scenario.ts";

const HOUR_MS = 3_600_000;

/** Requirement 16 of operators: new certificate authorities for a cluster that is used meanwhile, and nobody is restarted. */
export const rotate: Scenario = {
  name: "rotate",
  summary: "new certificate authorities for 3 members under 200 puts a second, without a restart",
  async run(context) {
    const { checks, figure, progress } = context;
    await using loaded = await LoadedCluster.start(context, "rotate", { tls: { caRotationOverlap: "10m" } }, 3);
    const { cluster } = loaded;
    const uids = await podUids(cluster);
    const first = await answers(cluster);
    await cluster.annotate({ [`${GROUP}/rotate-authorities`]: "now" });
    const trusted = await timed(() => cluster.until(isAt("CARotationTrustNew"), "new authorities", SETTLE_TIMEOUT_MS));
    progress(`new authorities are there after ${trusted.seconds} s`);
    checks.that("a client from before is served while both are trusted", await first.isServed());
    // It believes both, and shows a certificate of the former ones.
    await waitUntil(async () => countAuthorities(await cluster.credentials()) === 2, {
      what: "both authorities to be published",
      timeoutMs: SETTLE_TIMEOUT_MS,
    });
    const former = await answers(cluster);

    const issued = await timed(async () => {
      await letTimePass(context, cluster);
      await cluster.until(isAt("CARotationReissue"), "certificates of the new authorities", SETTLE_TIMEOUT_MS);
    });
    progress(`everybody shows certificates of the new authorities after ${issued.seconds} s`);
    const current = await answers(cluster);
    checks.that("a client of the new authorities is served", await current.isServed());
    checks.that("a client of the former authorities is served still", await former.isServed());

    const forgotten = await timed(async () => {
      await letTimePass(context, cluster);
      await cluster.until(isAt("Valid"), "the end of the former authorities", SETTLE_TIMEOUT_MS);
    });
    checks.that("a client of the former authorities is served no more", !(await former.isServed()));
    progress(`the former authorities are forgotten after ${forgotten.seconds} s`);
    checks.that("a client of the new authorities is served in the end", await (await answers(cluster)).isServed());
    checks.equal("Pods", await podUids(cluster), uids);
    figure(`trusted after ${trusted.seconds} s, in use after ${issued.seconds} s, alone after ${forgotten.seconds} s`);
    await loaded.check(context);
    await loaded.remove(context);
  },
};

function isAt(reason: string): (cluster: EtcdCluster) => boolean {
  return ({ status }) =>
    (status?.conditions ?? []).some(
      (condition) =>
        condition.type === "CertificatesReady" && condition.status === "True" && condition.reason === reason,
    );
}

/** The operator knows from these Secrets alone when the last phase began, and when clients could see it. */
async function letTimePass({ world }: ScenarioContext, { name, namespace }: ManagedCluster): Promise<void> {
  const before = new Date(Date.now() - HOUR_MS).toISOString();
  for (const [secret, annotation] of [
    [`${name}-client`, "credentials-changed-at"],
    [`${name}-ca`, "authorities-changed-at"],
  ]) {
    const path = `/api/v1/namespaces/${namespace}/secrets/${secret}`;
    const metadata = { annotations: { [`${GROUP}/${annotation}`]: before } };
    const { status } = await world.kubernetes.rest.patch(path, { metadata });
    if (status !== 200) throw new Error(`Secret ${secret} could not be changed: ${status}`);
  }
}

async function podUids(cluster: ManagedCluster): Promise<readonly string[]> {
  return (await cluster.pods()).map(({ metadata }) => `${metadata.name} ${metadata.uid}`).sort();
}

function countAuthorities(credentials: ClientCredentials | undefined): number {
  return (credentials?.authority.split("BEGIN CERTIFICATE").length ?? 1) - 1;
}

/** A user with the credentials that are published now, who connects anew each time. */
async function answers(cluster: ManagedCluster): Promise<{ readonly isServed: () => Promise<boolean> }> {
  const credentials = await cluster.credentials();
  return {
    isServed: async () => {
      await using members = await cluster.members(credentials);
      const served = await Promise.all(
        members.running().map(async ({ api }) => (await api.call("KV/Range", { key: Buffer.from("k") }, 5000)).ok),
      );
      return served.length > 0 && served.every((isOk) => isOk);
    },
  };
}
