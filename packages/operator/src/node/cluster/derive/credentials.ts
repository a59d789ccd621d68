import {
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
  const trusted = trustedBy(authorities);
  const bundle = authorityConfigMap(settings, trusted.client);
  if (settings.hasClientTls) {
    const { name, namespace } = bundle.metadata;
    const live = await deps.cache.get(CONFIG_MAPS, { namespace: namespace ?? "", name });
    await applyIfChanged(deps.api, CONFIG_MAPS, bundle, live);
    for (const name of [operatorSecretName(settings.name), clientSecretName(settings.name)]) {
      await ensureSecret(deps, sight, authorities, name, { "ca.crt": trusted.client });
    }
  }
  if (!settings.hasClientTls && !settings.hasPeerTls) return;
  for (const { metadata } of members) {
    const name = memberSecretName(metadata.name);
    if (metadata.deletionTimestamp !== undefined) continue;
    await ensureSecret(deps, sight, authorities, name, { "ca.crt": trusted.client, "peer-ca.crt": trusted.peer });
  }
}

async function ensureSecret(
  deps: Deps,
  sight: Sight,
  authorities: Authorities,
  name: string,
  trusted: Readonly<Record<string, string>>,
): Promise<void> {
  const secret = sight.secrets.get(name);
  if (secret === undefined) {
    await createOnce(deps.api, SECRETS, await issueSecret(deps, sight, authorities, name));
    return;
  }
  const changed = Object.entries(trusted).filter(([key, text]) => secretText(secret, key) !== text);
  if (changed.length === 0) return;
  const { uid, resourceVersion } = secret.metadata;
  const data = Object.fromEntries(changed.map(([key, text]) => [key, base64FromText(text)]));
  const key = { namespace: sight.settings.namespace, name };
  await unlessGone(deps.api.patch(SECRETS, key, { metadata: { uid, resourceVersion }, data }));
}

/** A Secret with a fresh certificate, by its name. Throws for a name that is none of the cluster's. */
export async function issueSecret(
  deps: Pick<Deps, "clock" | "certificates">,
  { settings, members }: Pick<Sight, "settings" | "members">,
  authorities: Authorities,
  name: string,
): Promise<Secret> {
  const nowMs = deps.clock.wallMs();
  const { client, peer } = authorities.current;
  const trusted = trustedBy(authorities);
  if (name === operatorSecretName(settings.name) || name === clientSecretName(settings.name)) {
    const user = name === clientSecretName(settings.name) ? CLIENT_USER : OPERATOR_USER;
    const pair = await deps.certificates.issue(client, clientRequest(settings, user, nowMs));
    return clientSecret(settings, name, pair, trusted.client);
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
  return memberSecret(settings, member, pairs, trusted);
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
  await deps.api.patch(SECRETS, key, { metadata: { uid, resourceVersion }, data: made.data });
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
function keylessSecret({ settings, secrets }: Sight): Secret {
  const operator = secrets.get(operatorSecretName(settings.name));
  const known = { certPem: secretText(operator, "ca.crt"), keyPem: "" };
  return authoritySecret(settings, { client: known, peer: { certPem: "", keyPem: "" } });
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
