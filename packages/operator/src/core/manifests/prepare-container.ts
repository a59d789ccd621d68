import { ANNOTATIONS } from "../api/index.ts";
import type { Container, EnvVar, Volume, VolumeMount } from "../kinds/index.ts";
import { storeAccess } from "../snapshots/index.ts";
import type { PodStart } from "../world/index.ts";
import type { ClusterSettings } from "./cluster-settings.ts";
import type { MemberIdentity } from "./object-metadata.ts";
import { memberHost } from "./object-names.ts";
import type { RestoreSource } from "./restore-source.ts";
import { CONTAINER_SECURITY } from "./security-contexts.ts";
import { PEER_PORT, VOLUME_PATH } from "./server-arguments.ts";

export interface PrepareOptions {
  readonly settings: ClusterSettings;
  readonly member: MemberIdentity;
  readonly start: PodStart;
  readonly restore: RestoreSource | undefined;
}

/** Environment variables that the init container's program reads. */
export const PREPARE_ENV = {
  volume: "VOLUME_PATH",
  memberUid: "MEMBER_UID",
  /** "true": the member had joined when its Pod was made. */
  mustHaveData: "MUST_HAVE_DATA",
  /** "true": it has joined since; the Pod's annotation as it is when the container starts. */
  joined: "JOINED",
  /** "true": the volume was another member's of this cluster before. */
  adopts: "ADOPTS",
  forceEpoch: "FORCE_EPOCH",
  /** JSON of {@link RestoreSource}. */
  restoreSource: "RESTORE_SOURCE",
  memberName: "MEMBER_NAME",
  peerUrl: "PEER_URL",
  clusterToken: "CLUSTER_TOKEN",
} as const;

/** Guards the data before the server sees it: see `prepare` in the operator's program. */
export function prepareContainer({ settings, member, start, restore }: PrepareOptions): Container {
  const access = restore === undefined ? undefined : storeAccess(restore.destination, true);
  return {
    name: "prepare",
    image: settings.operatorImage,
    imagePullPolicy: settings.spec.image.pullPolicy,
    command: ["quorate-operator"],
    args: ["prepare"],
    env: [
      { name: PREPARE_ENV.volume, value: VOLUME_PATH },
      { name: PREPARE_ENV.memberUid, value: member.uid },
      { name: PREPARE_ENV.mustHaveData, value: String(start.mustHaveData) },
      {
        name: PREPARE_ENV.joined,
        valueFrom: { fieldRef: { fieldPath: `metadata.annotations['${ANNOTATIONS.joined}']` } },
      },
      ...(start.adopts === true ? [{ name: PREPARE_ENV.adopts, value: "true" }] : []),
      ...(start.forceEpoch === undefined ? [] : [{ name: PREPARE_ENV.forceEpoch, value: String(start.forceEpoch) }]),
      ...(restore === undefined ? [] : restoreEnvironment(settings, member, restore)),
      ...(access?.env ?? []),
    ],
    volumeMounts: [
      { name: "data", mountPath: VOLUME_PATH },
      { name: "tmp", mountPath: "/tmp" },
      ...((access?.volumeMounts ?? []) as readonly VolumeMount[]),
    ],
    resources: { requests: { cpu: "10m", memory: "64Mi" } },
    securityContext: CONTAINER_SECURITY,
    terminationMessagePolicy: "FallbackToLogsOnError",
  };
}

/** Volumes that the init container needs beside the member's own. */
export function prepareVolumes(restore: RestoreSource | undefined): readonly Volume[] {
  return restore === undefined ? [] : (storeAccess(restore.destination, true).volumes as readonly Volume[]);
}

function restoreEnvironment(
  settings: ClusterSettings,
  member: MemberIdentity,
  restore: RestoreSource,
): readonly EnvVar[] {
  const host = memberHost(settings.name, settings.namespace, member.name);
  return [
    { name: PREPARE_ENV.restoreSource, value: JSON.stringify(restore) },
    { name: PREPARE_ENV.memberName, value: member.name },
    { name: PREPARE_ENV.peerUrl, value: `${settings.hasPeerTls ? "https" : "http"}://${host}:${PEER_PORT}` },
    // Every restore makes another cluster, also a second one of the same snapshot.
    { name: PREPARE_ENV.clusterToken, value: `${settings.clusterToken}-${member.uid}` },
  ];
}
