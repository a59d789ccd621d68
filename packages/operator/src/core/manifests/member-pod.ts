import { ANNOTATIONS, LABELS } from "../api/index.ts";
import type { Container, Pod, Volume } from "../kinds/index.ts";
import type { PodStart } from "../world/index.ts";
import type { ClusterSettings } from "./cluster-settings.ts";
import { healthProbes } from "./health-probes.ts";
import { type MemberIdentity, memberLabels, memberOwner } from "./object-metadata.ts";
import { memberClaimName, memberSecretName, peerServiceName } from "./object-names.ts";
import { podPlacement } from "./pod-placement.ts";
import { prepareContainer, prepareVolumes } from "./prepare-container.ts";
import type { RestoreSource } from "./restore-source.ts";
import { CONTAINER_SECURITY, POD_SECURITY } from "./security-contexts.ts";
import { CLIENT_PORT, PEER_PORT, serverArguments, TLS_DIRECTORY, VOLUME_PATH } from "./server-arguments.ts";
import { templateHash } from "./template-hash.ts";

/** Name of the server's container. */
export const SERVER_CONTAINER = "etcd";

export interface MemberPodOptions {
  readonly settings: ClusterSettings;
  readonly member: MemberIdentity;
  readonly start: PodStart;
  /** For a member that begins with a snapshot. */
  readonly restore: RestoreSource | undefined;
  readonly isVoter: boolean;
}

/** Annotation that says which recovery a Pod forces a cluster of one for. */
export const FORCE_EPOCH_ANNOTATION: string = `${LABELS.cluster.split("/")[0]}/force-epoch`;

/** The Pod of a member. It is made once and never changed but for labels and annotations. */
export function memberPod(options: MemberPodOptions): Pod {
  const { settings, member, start } = options;
  const { spec } = settings;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: member.name,
      namespace: settings.namespace,
      labels: {
        ...spec.podTemplate.labels,
        ...memberLabels(settings.name, member.name),
        [LABELS.templateHash]: templateHash(settings),
        [LABELS.voter]: String(options.isVoter),
        [LABELS.serving]: "false",
      },
      annotations: {
        ...spec.podTemplate.annotations,
        ...scrapeAnnotations(settings),
        ...(start.mustHaveData ? { [ANNOTATIONS.joined]: "true" } : {}),
        ...(start.forceEpoch === undefined ? {} : { [FORCE_EPOCH_ANNOTATION]: String(start.forceEpoch) }),
      },
      ownerReferences: [memberOwner(member)],
    },
    spec: {
      hostname: member.name,
      subdomain: peerServiceName(settings.name),
      // A start that forces must never be repeated by the node on its own.
      restartPolicy: start.forceEpoch === undefined ? "Always" : "Never",
      serviceAccountName: spec.podTemplate.serviceAccountName ?? settings.name,
      automountServiceAccountToken: false,
      // A Service called `etcd` would give the server variables that it takes for its flags.
      enableServiceLinks: false,
      terminationGracePeriodSeconds: spec.podTemplate.terminationGracePeriodSeconds,
      ...(spec.image.pullSecrets.length === 0
        ? {}
        : { imagePullSecrets: spec.image.pullSecrets.map((name) => ({ name })) }),
      securityContext: spec.podTemplate.securityContext ?? POD_SECURITY,
      ...podPlacement(settings.name, spec),
      initContainers: [prepareContainer(options)],
      containers: [
        serverContainer(settings, member.name, start),
        ...(spec.podTemplate.sidecars as unknown as readonly Container[]),
      ],
      volumes: [...podVolumes(options), ...(spec.podTemplate.volumes as unknown as readonly Volume[])],
    },
  };
}

function serverContainer(settings: ClusterSettings, member: string, start: PodStart): Container {
  const { spec } = settings;
  const hasTls = settings.hasClientTls || settings.hasPeerTls;
  return {
    name: SERVER_CONTAINER,
    image: settings.image,
    imagePullPolicy: spec.image.pullPolicy,
    command: settings.command,
    args: serverArguments(settings, member, start),
    ...(spec.config.extraEnv.length === 0 ? {} : { env: spec.config.extraEnv }),
    ports: [
      { name: "client", containerPort: CLIENT_PORT, protocol: "TCP" },
      { name: "peer", containerPort: PEER_PORT, protocol: "TCP" },
      { name: "metrics", containerPort: spec.metrics.port, protocol: "TCP" },
    ],
    resources: spec.resources,
    volumeMounts: [
      { name: "data", mountPath: VOLUME_PATH },
      { name: "tmp", mountPath: "/tmp" },
      ...(hasTls ? [{ name: "tls", mountPath: TLS_DIRECTORY, readOnly: true }] : []),
      ...(spec.podTemplate.volumeMounts as unknown as readonly { readonly name: string; readonly mountPath: string }[]),
    ],
    ...healthProbes(settings),
    securityContext: spec.podTemplate.containerSecurityContext ?? CONTAINER_SECURITY,
    terminationMessagePolicy: "FallbackToLogsOnError",
  };
}

function podVolumes({ settings, member, restore }: MemberPodOptions): readonly Volume[] {
  const { storage } = settings.spec;
  const hasTls = settings.hasClientTls || settings.hasPeerTls;
  const data: Volume =
    storage.medium === "Memory"
      ? { name: "data", emptyDir: { medium: "Memory", sizeLimit: storage.size } }
      : { name: "data", persistentVolumeClaim: { claimName: memberClaimName(member.name) } };
  return [
    data,
    { name: "tmp", emptyDir: {} },
    ...(hasTls ? [{ name: "tls", secret: { secretName: memberSecretName(member.name), defaultMode: 0o440 } }] : []),
    ...prepareVolumes(restore),
  ];
}

/** Labels and annotations that a running Pod is given and loses as the spec says, without being replaced. */
export function scrapeAnnotations({ spec }: ClusterSettings): Readonly<Record<string, string>> {
  if (!spec.metrics.enabled) return {};
  return {
    "prometheus.io/scrape": "true",
    "prometheus.io/port": String(spec.metrics.port),
    "prometheus.io/path": "/metrics",
  };
}
