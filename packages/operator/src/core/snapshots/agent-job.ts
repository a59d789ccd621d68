import { type EtcdClusterSpec, LABELS } from "../api/index.ts";
import type { Container, EnvVar, Job, Volume, VolumeMount } from "../kinds/index.ts";
import { CONTAINER_SECURITY, POD_SECURITY } from "../manifests/security-contexts.ts";
import { fingerprint } from "../manifests/template-hash.ts";
import type { OwnerReference } from "../ports/index.ts";
import { AGENT_VARIABLES, type AgentTask } from "./agent-task.ts";
import { storeAccess } from "./store-access.ts";

/** What a Job of the agent is made from. */
export interface AgentJobOptions {
  readonly name: string;
  readonly namespace: string;
  /** Of the Job and, but for the cluster's own, of its Pods: those are the labels that members are found by. */
  readonly labels: Readonly<Record<string, string>>;
  readonly owner: OwnerReference;
  readonly task: AgentTask;
  readonly operatorImage: string;
  /** Of the cluster, where there is one: how images are pulled. */
  readonly image: Pick<EtcdClusterSpec["image"], "pullPolicy" | "pullSecrets"> | undefined;
  /** An account without rights; absent: the namespace's default one. Its token is never mounted. */
  readonly serviceAccountName: string | undefined;
  /** Secret with the client's ca.crt, tls.crt and tls.key; undefined: members are reached without TLS, or not at all. */
  readonly clientSecretName: string | undefined;
  /** Secret with username and password, of clusters with authentication. */
  readonly rootSecretName: string | undefined;
  /** Bytes of scratch space that the work takes; undefined: not known. */
  readonly scratchBytes: number | undefined;
}

/** Name of the agent's container. */
export const AGENT_CONTAINER = "agent";

const SCRATCH_MOUNT = "/scratch";
/** Not the default below /dev: that is the machine's own where containers are only made of namespaces. */
const TERMINATION_LOG = "/run/quorate/termination-log";
const TLS_MOUNT = "/etc/etcd/tls/client";
/** A Pod that failed, for whatever reason, is followed by another after 10 s, then 20 s: stores and members come back. */
const BACKOFF_LIMIT = 2;
/** What the Job has beyond the work's own limit, so that the work can say that its time is over. */
const GRACE_SECONDS = 60;

/** Subcommand of the operator's program for each kind of work. */
const SUBCOMMANDS: Readonly<Record<AgentTask["kind"], string>> = {
  snapshot: "snapshot",
  verify: "verify",
  retain: "retain",
  delete: "delete-artifact",
};

/**
 * The Job that does a piece of snapshot work: a Pod under the restricted profile, without the API's token, with the store's and the
 * cluster's credentials and a scratch volume. The work itself is in a variable, as JSON.
 */
export function agentJob(options: AgentJobOptions): Job {
  const { name, namespace, labels, owner, task, image, serviceAccountName } = options;
  const { volumes } = access(options);
  const podLabels = Object.fromEntries(Object.entries(labels).filter(([label]) => label !== LABELS.cluster));
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name, namespace, labels, ownerReferences: [owner] },
    spec: {
      backoffLimit: BACKOFF_LIMIT,
      activeDeadlineSeconds: task.timeoutSeconds + GRACE_SECONDS,
      template: {
        metadata: { labels: podLabels },
        spec: {
          restartPolicy: "Never",
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          ...(serviceAccountName === undefined ? {} : { serviceAccountName }),
          ...(image === undefined || image.pullSecrets.length === 0
            ? {}
            : { imagePullSecrets: image.pullSecrets.map((secret) => ({ name: secret })) }),
          securityContext: POD_SECURITY,
          containers: [agentContainer(options)],
          volumes,
        },
      },
    },
  };
}

/** Name of a Job: of its subject and what it is for, with the subject's identity in it, since a name may be used again. */
export function agentJobName(subject: string, purpose: string, identity: string): string {
  const end = `-${purpose}-${fingerprint(identity).slice(0, 8)}`;
  return `${subject.slice(0, NAME_LENGTH_MAX - end.length).replace(/[-.]+$/, "")}${end}`;
}

/** Pods bear the Job's name as a label. */
const NAME_LENGTH_MAX = 63;

/** Bytes of scratch space for work on a store of a size: one copy, and for restores its data directory as well; with a quarter to spare. */
export function scratchBytes(storeBytes: number, isRestored: boolean): number {
  return Math.ceil(storeBytes * (isRestored ? 3 : 1) * 1.25) + SCRATCH_BYTES_MIN;
}

const SCRATCH_BYTES_MIN = 64 * 1024 * 1024;

function agentContainer(options: AgentJobOptions): Container {
  const { task, operatorImage, image } = options;
  const { env, volumeMounts } = access(options);
  return {
    name: AGENT_CONTAINER,
    image: operatorImage,
    ...(image === undefined ? {} : { imagePullPolicy: image.pullPolicy }),
    command: ["quorate-operator"],
    args: [SUBCOMMANDS[task.kind]],
    env,
    resources: {
      requests: {
        cpu: "50m",
        memory: "128Mi",
        ...(options.scratchBytes === undefined ? {} : { "ephemeral-storage": options.scratchBytes }),
      },
    },
    volumeMounts,
    securityContext: CONTAINER_SECURITY,
    terminationMessagePath: TERMINATION_LOG,
    terminationMessagePolicy: "FallbackToLogsOnError",
  };
}

function access(options: AgentJobOptions): {
  readonly env: readonly EnvVar[];
  readonly volumes: readonly Volume[];
  readonly volumeMounts: readonly VolumeMount[];
} {
  const { task, clientSecretName, rootSecretName } = options;
  const store = storeAccess(task.destination, task.kind === "verify");
  const hasMembers = task.kind === "snapshot";
  const tls = hasMembers ? clientSecretName : undefined;
  const user = hasMembers ? rootSecretName : undefined;
  return {
    env: [
      { name: AGENT_VARIABLES.task, value: JSON.stringify(task) },
      { name: AGENT_VARIABLES.scratch, value: SCRATCH_MOUNT },
      { name: AGENT_VARIABLES.terminationLog, value: TERMINATION_LOG },
      ...(tls === undefined ? [] : [{ name: AGENT_VARIABLES.clientTls, value: TLS_MOUNT }]),
      ...(user === undefined
        ? []
        : [
            { name: "ETCD_USERNAME", valueFrom: { secretKeyRef: { name: user, key: "username" } } },
            { name: "ETCD_PASSWORD", valueFrom: { secretKeyRef: { name: user, key: "password" } } },
          ]),
      ...store.env,
    ],
    volumes: [
      { name: "scratch", emptyDir: options.scratchBytes === undefined ? {} : { sizeLimit: options.scratchBytes } },
      { name: "tmp", emptyDir: {} },
      ...(tls === undefined ? [] : [{ name: "client-tls", secret: { secretName: tls, defaultMode: 0o440 } }]),
      ...store.volumes,
    ],
    volumeMounts: [
      { name: "scratch", mountPath: SCRATCH_MOUNT },
      { name: "tmp", mountPath: "/tmp" },
      ...(tls === undefined ? [] : [{ name: "client-tls", mountPath: TLS_MOUNT, readOnly: true }]),
      ...store.volumeMounts,
    ],
  };
}
