/** Objects for the harness's own test: a Deployment, a StatefulSet and a Job of the program beside this file. */
export const NAMESPACE = "harness";

const SECURITY = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ["ALL"] },
  readOnlyRootFilesystem: true,
};
const POD_SECURITY = { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } };

/** A namespace that takes restricted Pods only. */
export function namespace(): object {
  const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
  return { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE, labels } };
}

/** The Secret and the ConfigMap that the Pods read. */
export function configuration(colour: string): readonly object[] {
  return [
    { apiVersion: "v1", kind: "Secret", metadata: named("secret"), stringData: { password: "tulip", user: "anna" } },
    { apiVersion: "v1", kind: "ConfigMap", metadata: named("settings"), data: { colour } },
  ];
}

/** An account whose Pods may list Pods and nothing else. */
export function account(): readonly object[] {
  const rules = [{ apiGroups: [""], resources: ["pods"], verbs: ["list"] }];
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "lists-pods" };
  const subjects = [{ kind: "ServiceAccount", name: "lister", namespace: NAMESPACE }];
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: named("lister") },
    { apiVersion: "rbac.authorization.k8s.io/v1", kind: "Role", metadata: named("lists-pods"), rules },
    { apiVersion: "rbac.authorization.k8s.io/v1", kind: "RoleBinding", metadata: named("lister"), roleRef, subjects },
  ];
}

/** Two Pods with every source of settings, behind a Service. */
export function web(): readonly object[] {
  const labels = { app: "web" };
  const container = {
    ...server(),
    env: [
      { name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
      { name: "NOTE", valueFrom: { fieldRef: { fieldPath: "metadata.annotations['note']" } } },
      { name: "PASSWORD", valueFrom: { secretKeyRef: { name: "secret", key: "password" } } },
      { name: "COLOUR", valueFrom: { configMapKeyRef: { name: "settings", key: "colour" } } },
      { name: "LISTEN", value: "http://0.0.0.0:8080,http://$(POD_IP):81" },
    ],
    envFrom: [{ prefix: "SECRET_", secretRef: { name: "secret" } }],
    volumeMounts: [
      { name: "settings", mountPath: "/etc/settings" },
      { name: "all", mountPath: "/var/lib/all", readOnly: true },
      { name: "scratch", mountPath: "/scratch" },
    ],
    livenessProbe: { httpGet: { path: "/ready", port: "http" }, periodSeconds: 1 },
    lifecycle: { preStop: { exec: { command: ["touch", "/scratch/stopped"] } } },
  };
  const volumes = [
    { name: "settings", configMap: { name: "settings" } },
    {
      name: "all",
      projected: {
        sources: [
          { serviceAccountToken: { path: "token", expirationSeconds: 600, audience: "somebody" } },
          { secret: { name: "secret", items: [{ key: "user", path: "names/user" }] } },
          { downwardAPI: { items: [{ path: "note", fieldRef: { fieldPath: "metadata.annotations['note']" } }] } },
        ],
      },
    },
    { name: "scratch", emptyDir: {} },
  ];
  const template = { metadata: { labels, annotations: { note: "first" } }, spec: podSpec([container], { volumes }) };
  return [
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: named("web"),
      spec: { replicas: 2, selector: { matchLabels: labels }, template },
    },
    service("web", labels, {}),
  ];
}

/** Three Pods, each on a node of its own, with a claim each and names below a headless Service. */
export function store(): readonly object[] {
  const labels = { app: "store" };
  const container = { ...server(), volumeMounts: [{ name: "data", mountPath: "/data" }] };
  const term = { labelSelector: { matchLabels: labels }, topologyKey: "kubernetes.io/hostname" };
  const affinity = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } };
  const claim = {
    metadata: { name: "data" },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
  };
  return [
    {
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      metadata: named("store"),
      spec: {
        replicas: 3,
        serviceName: "store",
        podManagementPolicy: "Parallel",
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: podSpec([container], { affinity }) },
        volumeClaimTemplates: [claim],
      },
    },
    service("store", labels, { clusterIP: "None" }),
  ];
}

/** A job that fails once: an init container, then a program that counts its runs. */
export function job(): object {
  const mount = { volumeMounts: [{ name: "count", mountPath: "/count" }] };
  const init = { ...base("init"), ...mount, command: ["sh", "-c", "echo prepared > /count/prepared"] };
  const main = { ...base("main"), ...mount, command: ["fixture", "mark", "/count/runs"] };
  const spec = {
    ...podSpec([main], { volumes: [{ name: "count", emptyDir: {} }] }),
    initContainers: [init],
    restartPolicy: "OnFailure",
  };
  return { apiVersion: "batch/v1", kind: "Job", metadata: named("count"), spec: { template: { spec } } };
}

function server(): Record<string, unknown> {
  return {
    ...base("main"),
    args: ["serve", "8080"],
    ports: [{ name: "http", containerPort: 8080 }],
    readinessProbe: { httpGet: { path: "/ready", port: "http" }, periodSeconds: 1 },
  };
}

function base(name: string): Record<string, unknown> {
  return { name, image: "example.test/fixture:1", securityContext: SECURITY };
}

function podSpec(containers: readonly object[], more: object): Record<string, unknown> {
  const grace = { terminationGracePeriodSeconds: 5 };
  return { serviceAccountName: "lister", securityContext: POD_SECURITY, containers, ...grace, ...more };
}

function service(name: string, selector: object, more: object): object {
  const ports = [{ name: "http", port: 8080, targetPort: 8080 }];
  return { apiVersion: "v1", kind: "Service", metadata: named(name), spec: { selector, ports, ...more } };
}

function named(name: string): object {
  return { name, namespace: NAMESPACE };
}
