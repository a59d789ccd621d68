import {
  ANNOTATIONS,
  type Authorities,
  authorityConfigMap,
  authorityRequest,
  authoritySecret,
  authoritySecretName,
  base64FromText,
  type ClusterAuthorities,
  type ClusterSettings,
  CONFIG_MAPS,
  clientRequest,
  clientSecret,
  clientSecretName,
  type KubeApi,
  KubeError,
  type KubeObject,
  type MemberIdentity,
  memberRequest,
  memberSecret,
  memberSecretName,
  OPERATOR_USER,
  operatorSecretName,
  type Resource,
  rootSecret,
  rootSecretName,
  SECRETS,
  type Secret,
  type TrustedCertificates,
  trustedBy,
} from "../../../core/index.ts";
import { authoritiesOf, secretText } from "../observe/authorities.ts";
import type { ObserveDeps, Sight } from "../observe/observe.ts";
import { applyIfChanged } from "./apply-if-changed.ts";
import { unlessGone } from "./unless-gone.ts";

/** Who the published client certificate is made out to; with authentication on, no user of etcd unless somebody adds one. */
export const CLIENT_USER = "client";

type Deps = Pick<ObserveDeps, "api" | "cache" | "clock" | "certificates">;

/** Root's name and password, unless the user keeps them in a Secret of their own. */
export async function ensureRootSecret(deps: Deps, { settings, secrets }: Sight): Promise<void> {
  const { enabled, rootSecretName: given } = settings.spec.auth;
  const name = rootSecretName(settings.name);
  if (!enabled || given !== undefined || secrets.has(name)) return;
  await createOnce(deps.api, SECRETS, rootSecret(settings, name, deps.certificates.randomText()));
}

/**
 * Makes what is missing of the cluster's certificates, and has everybody trust whom there is to trust. Leafs that are there are left alone:
 * renewing is a step of its own.
 */
export async function ensureCredentials(deps: Deps, sight: Sight): Promise<void> {
  const { settings, secrets, members } = sight;
  const authorities = authoritiesOf(settings, secrets) ?? (await makeAuthorities(deps, sight));
  if (authorities === undefined) return;
  const trusted = trustedOf(deps, sight, authorities);
  if (settings.hasClientTls) {
    const bundle = authorityConfigMap(settings, trusted.client);
    const { name, namespace } = bundle.metadata;
    const live = await deps.cache.get(CONFIG_MAPS, { namespace: namespace ?? "", name });
    await applyIfChanged(deps.api, CONFIG_MAPS, bundle, live);
    for (const name of [operatorSecretName(settings.name), clientSecretName(settings.name)]) {
      if (secrets.has(name)) await ensureTrust(deps, sight, name, { "ca.crt": trusted.client });
      else await createOnce(deps.api, SECRETS, await issueSecret(deps, sight, authorities, name));
    }
  }
  if (!settings.hasClientTls && !settings.hasPeerTls) return;
  for (const { metadata } of members) {
    const name = memberSecretName(metadata.name);
    // Also of members on their way out: until they are gone others talk to them.
    if (secrets.has(name))
      await ensureTrust(deps, sight, name, { "ca.crt": trusted.client, "peer-ca.crt": trusted.peer });
    else if (metadata.deletionTimestamp === undefined)
      await createOnce(deps.api, SECRETS, await issueSecret(deps, sight, authorities, name));
  }
}

/** Has a Secret tell to trust exactly these, and since when. */
async function ensureTrust(
  deps: Deps,
  { secrets, settings }: Sight,
  name: string,
  trusted: Readonly<Record<string, string>>,
): Promise<void> {
  const secret = secrets.get(name);
  const changed = Object.entries(trusted).filter(([key, text]) => secretText(secret, key) !== text);
  if (secret === undefined || changed.length === 0) return;
  const { uid, resourceVersion } = secret.metadata;
  const annotations = changedNow(deps);
  const data = Object.fromEntries(changed.map(([key, text]) => [key, base64FromText(text)]));
  const patch = { metadata: { uid, resourceVersion, annotations }, data };
  await unlessGone(deps.api.patch(SECRETS, { namespace: settings.namespace, name }, patch));
}

/**
 * Whom everybody is to trust: the cluster's authorities, and those whose certificates are still shown. There are such where the authorities'
 * Secret was put back from a backup, or made anew under volumes that outlived it: to forget them at once would part the members.
 */
export function trustedOf(
  { certificates }: Pick<Deps, "certificates">,
  { settings, secrets, members }: Pick<Sight, "settings" | "secrets" | "members">,
  authorities: Authorities,
): TrustedCertificates {
  // Not by what is published: users may have rights to that Secret who have none to the others.
  const own = [operatorSecretName(settings.name), ...members.map(({ metadata }) => memberSecretName(metadata.name))];
  const present = own.flatMap((name) => secrets.get(name) ?? []);
  const known = trustedBy(authorities);
  const all = (purpose: "client" | "peer"): string => {
    const [leaf, bundle] = purpose === "client" ? ["tls", "ca.crt"] : ["peer", "peer-ca.crt"];
    const trusted = certificates.split(known[purpose]);
    const others = new Set(present.flatMap((secret) => certificates.split(secretText(secret, bundle))));
    const shown = present
      .map((secret) => ({ certPem: secretText(secret, `${leaf}.crt`), keyPem: secretText(secret, `${leaf}.key`) }))
      .filter((pair) => !trusted.some((authority) => certificates.isIssuedBy(pair, authority)));
    const needed = [...others].filter(
      (authority) => !trusted.includes(authority) && shown.some((pair) => certificates.isIssuedBy(pair, authority)),
    );
    return [...trusted, ...needed.sort()].join("");
  };
  return { client: all("client"), peer: all("peer") };
}

/** A Secret with a fresh certificate, by its name. Throws for a name that is none of the cluster's. */
export async function issueSecret(
  deps: Pick<Deps, "clock" | "certificates">,
  sight: Pick<Sight, "settings" | "secrets" | "members">,
  authorities: Authorities,
  name: string,
): Promise<Secret> {
  const nowMs = deps.clock.wallMs();
  const { settings, members } = sight;
  const { client, peer } = authorities.current;
  const trusted = trustedOf(deps, sight, authorities);
  if (name === operatorSecretName(settings.name) || name === clientSecretName(settings.name)) {
    const user = name === clientSecretName(settings.name) ? CLIENT_USER : OPERATOR_USER;
    const pair = await deps.certificates.issue(client, clientRequest(settings, user, nowMs));
    return marked(deps, clientSecret(settings, name, pair, trusted.client));
  }
  const owner = members.find(({ metadata }) => memberSecretName(metadata.name) === name);
  if (owner === undefined) throw new KubeError("NotFound", `${name} is no Secret of ${settings.name}`);
  const member: MemberIdentity = { name: owner.metadata.name, uid: owner.metadata.uid ?? "" };
  const request = memberRequest(settings, member.name, nowMs);
  const [forClients, forPeers] = await Promise.all([
    deps.certificates.issue(client, request),
    deps.certificates.issue(peer, request),
  ]);
  const pairs = { server: forClients, peer: forPeers };
  return marked(deps, memberSecret(settings, member, pairs, trusted));
}

/** Clients are given time, and members asked to have taken it, from then on. */
function marked(deps: Pick<Deps, "clock">, secret: Secret): Secret {
  return { ...secret, metadata: { ...secret.metadata, annotations: changedNow(deps) } };
}

function changedNow({ clock }: Pick<Deps, "clock">): Readonly<Record<string, string>> {
  return { [ANNOTATIONS.credentialsChangedAt]: new Date(clock.wallMs()).toISOString() };
}

/**
 * Makes the authorities of a cluster that has none. Once it was born they are not made anew under running members: those trust the old ones,
 * and certificates of others would part the cluster. What is missing is then told in status. Where nothing runs, as when a cluster's volumes
 * outlived it, there is nobody to be parted.
 */
async function makeAuthorities(deps: Deps, sight: Sight): Promise<Authorities | undefined> {
  const { settings, world, secrets, pods } = sight;
  const hasTls = settings.hasClientTls || settings.hasPeerTls;
  const present = secrets.get(authoritySecretName(settings.name));
  if (world.latches.length > 0 && hasTls && pods.length > 0) {
    if (present === undefined) await createOnce(deps.api, SECRETS, keylessSecret(sight));
    return undefined;
  }
  const current = await newAuthorities(deps, settings);
  const authorities = { current, next: undefined, former: undefined, dropped: undefined };
  const made = authoritySecret(settings, current);
  if (present === undefined) {
    // Somebody else's is read by the next pass.
    return (await createOnce(deps.api, SECRETS, made)) ? authorities : undefined;
  }
  const { uid, resourceVersion } = present.metadata;
  const key = { namespace: settings.namespace, name: present.metadata.name };
  const rest = Object.fromEntries(Object.keys(present.data ?? {}).map((name) => [name, null]));
  await deps.api.patch(SECRETS, key, { metadata: { uid, resourceVersion }, data: { ...rest, ...made.data } });
  return authorities;
}

/** A pair that nobody trusts yet. */
export async function newAuthorities(
  { certificates, clock }: Pick<Deps, "clock" | "certificates">,
  settings: ClusterSettings,
): Promise<ClusterAuthorities> {
  const nowMs = clock.wallMs();
  const [client, peer] = await Promise.all([
    certificates.createAuthority(authorityRequest(settings, "client", nowMs)),
    certificates.createAuthority(authorityRequest(settings, "peer", nowMs)),
  ]);
  return { client, peer };
}

/** Takes the place of a Secret that was deleted, so that the identity can be recorded on it: with what is still known of it. */
function keylessSecret({ settings, secrets, members }: Sight): Secret {
  const member = members.map(({ metadata }) => secrets.get(memberSecretName(metadata.name))).find(Boolean);
  const known = (key: string) => ({ certPem: secretText(member, key), keyPem: "" });
  return authoritySecret(settings, { client: known("ca.crt"), peer: known("peer-ca.crt") });
}

/** False if there was one already. */
async function createOnce<T extends KubeObject>(api: KubeApi, resource: Resource<T>, object: T): Promise<boolean> {
  try {
    await api.create(resource, object);
    return true;
  } catch (error) {
    if (error instanceof KubeError && error.reason === "AlreadyExists") return false;
    throw error;
  }
}
