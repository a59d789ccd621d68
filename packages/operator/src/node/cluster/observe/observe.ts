import {
  ANNOTATIONS,
  AUTHORITY_KEYS,
  authoritySecretName,
  type CertificateMaker,
  CLAIMS,
  CLIENT_PORT,
  type Claim,
  type ClusterSettings,
  clientSecretName,
  clusterSettings,
  ETCD_BACKUPS,
  ETCD_MEMBERS,
  ETCD_RESTORES,
  type EtcdBackup,
  type EtcdCluster,
  type EtcdCredentials,
  type EtcdMember,
  type EtcdMemberClient,
  type EtcdRestore,
  fingerprint,
  GROUP,
  type IdentityLatch,
  LABELS,
  type MissingThing,
  memberHost,
  memberSecretName,
  NODES,
  type NodeView,
  OPERATOR_USER,
  operatorSecretName,
  PODS,
  type Pod,
  parseQuantity,
  rootSecretName,
  SECRETS,
  type Secret,
  STORAGE_CLASSES,
  type StorageClass,
  templateHash,
  validate,
  type World,
} from "../../../core/index.ts";
import type { ControllerDeps } from "../../runtime/index.ts";
import { authoritiesOf, rotationView, secretText } from "./authorities.ts";
import { calendarOf } from "./calendar.ts";
import { certificateViews } from "./certificate-views.ts";
import { claimView } from "./claim-view.ts";
import { type AuthenticationWish, etcdView } from "./etcd-view.ts";
import { MemberTls } from "./member-tls.ts";
import { nodeView } from "./node-view.ts";
import { podView } from "./pod-view.ts";

/** What one pass has seen: the world that is decided on, and the objects that it was made from. */
export interface Sight {
  readonly world: World;
  readonly cluster: EtcdCluster;
  readonly settings: ClusterSettings;
  readonly members: readonly EtcdMember[];
  readonly pods: readonly Pod[];
  readonly claims: readonly Claim[];
  /** By name; those that are not there are missing. */
  readonly secrets: ReadonlyMap<string, Secret>;
  /** Members' API with the operator's credentials, by the name of the EtcdMember; those whose Pods run. */
  readonly clients: ReadonlyMap<string, EtcdMemberClient>;
}

export interface ObserveDeps extends ControllerDeps {
  readonly certificates: CertificateMaker;
  readonly memberTls: MemberTls;
}

/**
 * Reads everything that one pass is about. Members are what was decided before: a stale view of them would decide it twice, so a step is
 * decided on members read live; that there is nothing to do may be seen in the cache. Rejects only when Kubernetes cannot be read; members
 * that fail are part of what is seen.
 */
export async function observe(
  deps: ObserveDeps,
  cluster: EtcdCluster,
  membersFrom: "live" | "cache" = "live",
): Promise<Sight> {
  const settings = clusterSettings(cluster, deps.options);
  const { name, namespace } = settings;
  const own = { [LABELS.cluster]: name };
  const [allMembers, allPods, claims, restores, backups] = await Promise.all([
    (membersFrom === "live" ? deps.api : deps.cache).list(ETCD_MEMBERS, namespace, own),
    deps.cache.list(PODS, namespace, own),
    deps.cache.list(CLAIMS, namespace, own),
    deps.cache.list(ETCD_RESTORES, namespace),
    deps.cache.list(ETCD_BACKUPS, namespace),
  ]);
  const members = allMembers.filter((member) => isOurs(member, cluster)).sort(bySerial);
  const pods = allPods.filter(({ metadata }) => metadata.labels?.[LABELS.member] !== undefined);
  const [secrets, nodes, classes] = await Promise.all([
    readSecrets(deps, settings, members),
    readNodes(deps, pods),
    readStorageClasses(deps, settings, claims),
  ]);
  const clients = memberClients(deps, settings, secrets, pods);
  const nowMs = deps.clock.wallMs();
  const certificates = certificateViews({ settings, secrets, members, maker: deps.certificates });
  const authorities = authoritiesOf(settings, secrets);
  const [etcd, memberTls] = await Promise.all([
    etcdView(clients, authenticationWish(cluster, settings, secrets)),
    deps.memberTls.look({ settings, secrets, pods, authorities }),
  ]);
  const latches = latchesOf(cluster, claims, secrets.get(authoritySecretName(name)));
  const world: World = {
    nowMs,
    cluster,
    members,
    pods: pods.map(podView),
    claims: claims.map((claim) => claimView(claim, name, classes.found)),
    nodes,
    latches,
    etcd,
    wanted: { hash: templateHash(settings), image: settings.image, version: settings.version },
    restore: openRestore(restores, name),
    missing: [...classes.missing, ...missingAuthority(settings, secrets, latches), ...missingRoot(settings, secrets)],
    certificates,
    canIssue: authorities !== undefined,
    rotation: rotationView({ cluster, settings, secrets, certificates, maker: deps.certificates, nowMs }),
    memberTls,
    newestBackup: newestBackup(backups, name),
    calendar: calendarOf(settings.spec, deps.clock.wallMs()),
    // API servers before 1.29 let specs through that later ones refuse.
    specErrors: validate(cluster).map(({ path, message }) => `${path} ${message}`),
  };
  return { world, cluster, settings, members, pods, claims, secrets, clients };
}

/** Members of a former cluster of the same name are not ours: they only wait to be let go. */
export function isOurs(member: EtcdMember, cluster: EtcdCluster): boolean {
  const owner = member.metadata.ownerReferences?.find(({ controller }) => controller === true);
  return owner === undefined || owner.uid === cluster.metadata.uid;
}

function bySerial(a: EtcdMember, b: EtcdMember): number {
  return a.spec.serial - b.spec.serial;
}

async function readSecrets(
  deps: ControllerDeps,
  settings: ClusterSettings,
  members: readonly EtcdMember[],
): Promise<ReadonlyMap<string, Secret>> {
  const hasTls = settings.hasClientTls || settings.hasPeerTls;
  const names = [
    authoritySecretName(settings.name),
    ...(settings.spec.auth.enabled ? [rootSecretOf(settings)] : []),
    ...(settings.hasClientTls ? [operatorSecretName(settings.name), clientSecretName(settings.name)] : []),
    ...(hasTls ? members.map(({ metadata }) => memberSecretName(metadata.name)) : []),
  ];
  const found = await Promise.all(
    // Live, and by name: the operator may neither list Secrets nor keep them.
    names.map((name) => deps.api.get(SECRETS, { namespace: settings.namespace, name })),
  );
  const owners = new Set([settings.uid, ...members.map(({ metadata }) => metadata.uid)]);
  return new Map(
    found.flatMap((secret) =>
      secret === undefined || isOfOthers(secret, owners) ? [] : [[secret.metadata.name, secret] as const],
    ),
  );
}

/** What a former cluster or member of the same name has left is about to be collected as garbage, and tells nothing of this one. */
function isOfOthers({ metadata }: Secret, owners: ReadonlySet<string | undefined>): boolean {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  return owner !== undefined && !owners.has(owner.uid);
}

async function readNodes(deps: ControllerDeps, pods: readonly Pod[]): Promise<readonly NodeView[]> {
  if (!deps.options.canReadNodes) return [];
  const names = [...new Set(pods.flatMap(({ spec }) => spec.nodeName ?? []))];
  const nodes = await Promise.all(names.map((name) => deps.cache.get(NODES, { namespace: "", name })));
  return nodes.flatMap((node) => (node === undefined ? [] : [nodeView(node)]));
}

interface StorageClasses {
  readonly found: ReadonlyMap<string, StorageClass>;
  readonly missing: readonly MissingThing[];
}

/** Only while it matters: for the first claims, and for those that are to grow. */
async function readStorageClasses(
  deps: ControllerDeps,
  settings: ClusterSettings,
  claims: readonly Claim[],
): Promise<StorageClasses> {
  const { storage } = settings.spec;
  const wanted = parseQuantity(storage.size) ?? 0;
  const isTooSmall = ({ spec, status }: Claim): boolean =>
    (parseQuantity(spec.resources.requests["storage"] ?? 0) ?? 0) < wanted ||
    (status?.phase === "Bound" && (parseQuantity(status.capacity?.["storage"] ?? 0) ?? 0) < wanted);
  const small = claims.filter(isTooSmall).flatMap(({ spec }) => spec.storageClassName ?? []);
  const named = claims.length === 0 && storage.storageClassName !== undefined ? [storage.storageClassName] : [];
  const names = deps.options.canReadStorageClasses ? [...new Set([...small, ...named])] : [];
  const classes = await Promise.all(names.map((name) => deps.api.get(STORAGE_CLASSES, { namespace: "", name })));
  const found = new Map<string, StorageClass>();
  const missing: MissingThing[] = [];
  for (const [i, name] of names.entries()) {
    const storageClass = classes[i];
    if (storageClass !== undefined) found.set(name, storageClass);
    else missing.push({ kind: "StorageClass", name, message: `there is no storage class ${name}` });
  }
  return { found, missing };
}

function memberClients(
  deps: ControllerDeps,
  settings: ClusterSettings,
  secrets: ReadonlyMap<string, Secret>,
  pods: readonly Pod[],
): ReadonlyMap<string, EtcdMemberClient> {
  const credentials = operatorCredentials(settings, secrets);
  // Without credentials every answer would be that there are none.
  if (settings.hasClientTls && credentials === undefined) return new Map();
  const running = pods.filter(({ status }) => status?.phase === "Running");
  return new Map(
    running.map(({ metadata }) => {
      const member = metadata.labels?.[LABELS.member] ?? "";
      return [member, deps.etcd.member(clientUrl(settings, member), credentials)] as const;
    }),
  );
}

/** Servers with a client's certificate know its user by that; without, root needs its password. */
function rootUser(
  settings: ClusterSettings,
  secrets: ReadonlyMap<string, Secret>,
): EtcdCredentials["user"] | undefined {
  const { spec } = settings;
  const secret = secrets.get(rootSecretOf(settings));
  if (spec.tls.client.clientAuth === "Require" || !spec.auth.enabled || secret === undefined) return undefined;
  return { name: OPERATOR_USER, password: secretText(secret, "password") };
}

export function rootSecretOf({ spec, name }: ClusterSettings): string {
  return spec.auth.rootSecretName ?? rootSecretName(name);
}

/** Which password root was last given, on its Secret: a fingerprint of it, which tells nothing to those who cannot read the Secret. */
export const SET_PASSWORD_ANNOTATION: string = `${GROUP}/password-set`;

function authenticationWish(
  { status }: EtcdCluster,
  settings: ClusterSettings,
  secrets: ReadonlyMap<string, Secret>,
): AuthenticationWish | undefined {
  const { auth } = settings.spec;
  if (!auth.enabled) return status?.credentials?.rootSecretName === undefined ? undefined : { isPasswordSet: true };
  const secret = secrets.get(rootSecretOf(settings));
  if (secret === undefined) return undefined;
  const set = secret.metadata.annotations?.[SET_PASSWORD_ANNOTATION];
  return { isPasswordSet: set === fingerprint(secretText(secret, "password")) };
}

export function clientUrl(settings: ClusterSettings, member: string): string {
  const scheme = settings.hasClientTls ? "https" : "http";
  return `${scheme}://${memberHost(settings.name, settings.namespace, member)}:${CLIENT_PORT}`;
}

function operatorCredentials(
  settings: ClusterSettings,
  secrets: ReadonlyMap<string, Secret>,
): EtcdCredentials | undefined {
  const secret = secrets.get(operatorSecretName(settings.name));
  if (!settings.hasClientTls || secret === undefined) return undefined;
  const [caPem, certPem, keyPem] = ["ca.crt", "tls.crt", "tls.key"].map((key) => secretText(secret, key));
  if (!caPem || !certPem || !keyPem) return undefined;
  const user = rootUser(settings, secrets);
  return { caPem, certPem, keyPem, ...(user === undefined ? {} : { user }) };
}

function latchesOf(
  cluster: EtcdCluster,
  claims: readonly Claim[],
  authority: Secret | undefined,
): readonly IdentityLatch[] {
  const latch = (where: IdentityLatch["where"], clusterId: string | undefined): IdentityLatch[] =>
    clusterId === undefined || clusterId === "" ? [] : [{ where, clusterId }];
  return [
    ...latch("status", cluster.status?.clusterID),
    ...latch("secret", authority?.metadata.annotations?.[ANNOTATIONS.clusterId]),
    ...claims
      .filter(({ metadata }) => metadata.labels?.[LABELS.retired] !== "true")
      .flatMap(({ metadata }) => latch("claim", metadata.annotations?.[ANNOTATIONS.clusterId])),
  ];
}

/** Once a cluster was born its authority is not made anew: see there. */
function missingAuthority(
  settings: ClusterSettings,
  secrets: ReadonlyMap<string, Secret>,
  latches: readonly IdentityLatch[],
): readonly MissingThing[] {
  if (latches.length === 0 || (!settings.hasClientTls && !settings.hasPeerTls)) return [];
  const name = authoritySecretName(settings.name);
  const secret = secrets.get(name);
  if ([AUTHORITY_KEYS.client.key, AUTHORITY_KEYS.peer.key].every((key) => secretText(secret, key) !== "")) return [];
  const message = `the keys of the cluster's authorities are not in Secret ${name}: no certificate can be issued or renewed until the Secret is restored`;
  return [{ kind: "Secret", name, message }];
}

/** The operator makes root's Secret itself unless the user names one. */
function missingRoot({ spec }: ClusterSettings, secrets: ReadonlyMap<string, Secret>): readonly MissingThing[] {
  const name = spec.auth.rootSecretName;
  if (!spec.auth.enabled || name === undefined) return [];
  const secret = secrets.get(name);
  if (secretText(secret, "password") !== "") return [];
  const message = `Secret ${name} with the password of root is ${secret === undefined ? "not there" : "without one"}`;
  return [{ kind: "Secret", name, message }];
}

const OPEN_PHASES = ["Fencing", "Seeding", "Growing", "Verifying"];

/** The restore in place that is under way, or else the oldest one that is still being looked at. */
function openRestore(restores: readonly EtcdRestore[], cluster: string): EtcdRestore | undefined {
  const open = restores.filter(
    ({ spec, status }) =>
      spec.target.clusterName === cluster &&
      (spec.mode === "InPlace" || spec.source.survivor !== undefined) &&
      status?.phase !== "Completed" &&
      status?.phase !== "Failed",
  );
  const age = ({ metadata }: EtcdRestore): string => `${metadata.creationTimestamp ?? ""} ${metadata.name}`;
  open.sort((a, b) => (age(a) < age(b) ? -1 : 1));
  return open.find(({ status }) => OPEN_PHASES.includes(status?.phase ?? "")) ?? open[0];
}

function newestBackup(backups: readonly EtcdBackup[], cluster: string): World["newestBackup"] {
  const ended = backups.flatMap((backup) => {
    const { spec, status, metadata } = backup;
    if (spec.clusterRef.name !== cluster || status?.phase !== "Completed") return [];
    const completedMs = Date.parse(status.completedAt ?? "");
    if (Number.isNaN(completedMs)) return [];
    const verified = status.conditions?.some(({ type, status: is }) => type === "Verified" && is === "True") === true;
    return [{ name: metadata.name, completedMs, verified }];
  });
  ended.sort((a, b) => Number(b.verified) - Number(a.verified) || b.completedMs - a.completedMs);
  return ended[0];
}
