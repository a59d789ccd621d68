import type { KubeObject, Resource } from "../ports/index.ts";

// Kubernetes' own kinds, as far as the operator reads or writes them.

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
    readonly values?: readonly string[];
  }[];
}

export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly fieldRef?: { readonly fieldPath: string };
    readonly secretKeyRef?: { readonly name: string; readonly key: string; readonly optional?: boolean };
  };
}

export interface VolumeMount {
  readonly name: string;
  readonly mountPath: string;
  readonly readOnly?: boolean;
  readonly subPath?: string;
}

export interface Probe {
  readonly httpGet: { readonly path: string; readonly port: number | string; readonly scheme?: "HTTP" };
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
  readonly failureThreshold: number;
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly imagePullPolicy?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly EnvVar[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number; readonly protocol?: string }[];
  readonly resources?: {
    readonly requests?: Readonly<Record<string, string | number>>;
    readonly limits?: Readonly<Record<string, string | number>>;
  };
  readonly volumeMounts?: readonly VolumeMount[];
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly securityContext?: object;
  readonly terminationMessagePath?: string;
  readonly terminationMessagePolicy?: string;
}

export interface Volume {
  readonly name: string;
  readonly persistentVolumeClaim?: { readonly claimName: string; readonly readOnly?: boolean };
  readonly secret?: { readonly secretName: string; readonly defaultMode?: number };
  readonly configMap?: { readonly name: string; readonly optional?: boolean };
  readonly emptyDir?: { readonly medium?: string; readonly sizeLimit?: string | number };
}

export interface PodSpec {
  readonly hostname?: string;
  readonly subdomain?: string;
  readonly restartPolicy: "Always" | "OnFailure" | "Never";
  readonly nodeName?: string;
  readonly serviceAccountName?: string;
  readonly automountServiceAccountToken?: boolean;
  readonly enableServiceLinks?: boolean;
  readonly terminationGracePeriodSeconds?: number;
  readonly priorityClassName?: string;
  readonly schedulerName?: string;
  readonly imagePullSecrets?: readonly { readonly name: string }[];
  readonly securityContext?: object;
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly tolerations?: readonly object[];
  readonly affinity?: object;
  readonly topologySpreadConstraints?: readonly object[];
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes?: readonly Volume[];
}

export interface ContainerState {
  readonly running?: { readonly startedAt?: string };
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly terminated?: {
    readonly exitCode: number;
    readonly reason?: string;
    readonly message?: string;
    readonly finishedAt?: string;
  };
}

export interface ContainerStatus {
  readonly name: string;
  readonly ready: boolean;
  readonly restartCount: number;
  readonly state?: ContainerState;
  readonly lastState?: ContainerState;
}

export interface PodCondition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

export interface PodStatus {
  readonly phase?: "Pending" | "Running" | "Succeeded" | "Failed" | "Unknown";
  readonly reason?: string;
  readonly message?: string;
  readonly conditions?: readonly PodCondition[];
  readonly initContainerStatuses?: readonly ContainerStatus[];
  readonly containerStatuses?: readonly ContainerStatus[];
}

export interface Pod extends KubeObject {
  readonly spec: PodSpec;
  readonly status?: PodStatus;
}

export interface Claim extends KubeObject {
  readonly spec: {
    readonly accessModes?: readonly string[];
    readonly storageClassName?: string;
    readonly resources: { readonly requests: Readonly<Record<string, string | number>> };
  };
  readonly status?: {
    readonly phase?: "Pending" | "Bound" | "Lost";
    readonly capacity?: Readonly<Record<string, string | number>>;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

export interface Service extends KubeObject {
  readonly spec: {
    readonly type?: string;
    readonly clusterIP?: string;
    readonly publishNotReadyAddresses?: boolean;
    readonly ipFamilyPolicy?: string;
    readonly ipFamilies?: readonly string[];
    readonly loadBalancerClass?: string;
    readonly selector: Readonly<Record<string, string>>;
    readonly ports: readonly {
      readonly name: string;
      readonly port: number;
      readonly targetPort: number | string;
      readonly protocol: string;
    }[];
  };
}

/** Values are base64. */
export interface Secret extends KubeObject {
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
}

export interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

export interface ServiceAccount extends KubeObject {
  readonly automountServiceAccountToken?: boolean;
}

export interface DisruptionBudget extends KubeObject {
  readonly spec: {
    readonly minAvailable: number;
    readonly selector: LabelSelector;
    readonly unhealthyPodEvictionPolicy?: "AlwaysAllow" | "IfHealthyBudget";
  };
}

export interface PodMonitor extends KubeObject {
  readonly spec: object;
}

export interface Node extends KubeObject {
  readonly spec?: { readonly taints?: readonly { readonly key: string; readonly effect?: string }[] };
  readonly status?: { readonly conditions?: readonly PodCondition[] };
}

export interface StorageClass extends KubeObject {
  readonly allowVolumeExpansion?: boolean;
}

export interface Job extends KubeObject {
  readonly spec: {
    readonly backoffLimit?: number;
    readonly activeDeadlineSeconds?: number;
    readonly template: {
      readonly metadata?: {
        readonly labels?: Readonly<Record<string, string>>;
        readonly annotations?: Readonly<Record<string, string>>;
      };
      readonly spec: PodSpec;
    };
  };
  readonly status?: {
    readonly active?: number;
    readonly failed?: number;
    readonly startTime?: string;
    readonly completionTime?: string;
    readonly conditions?: readonly PodCondition[];
  };
}

function core<T extends KubeObject>(kind: string, plural: string): Resource<T> {
  return { apiVersion: "v1", kind, plural, namespaced: true };
}

export const PODS: Resource<Pod> = core("Pod", "pods");
export const CLAIMS: Resource<Claim> = core("PersistentVolumeClaim", "persistentvolumeclaims");
export const SERVICES: Resource<Service> = core("Service", "services");
export const SECRETS: Resource<Secret> = core("Secret", "secrets");
export const CONFIG_MAPS: Resource<ConfigMap> = core("ConfigMap", "configmaps");
export const SERVICE_ACCOUNTS: Resource<ServiceAccount> = core("ServiceAccount", "serviceaccounts");
export const NODES: Resource<Node> = { apiVersion: "v1", kind: "Node", plural: "nodes", namespaced: false };

export const STORAGE_CLASSES: Resource<StorageClass> = {
  apiVersion: "storage.k8s.io/v1",
  kind: "StorageClass",
  plural: "storageclasses",
  namespaced: false,
};

export const DISRUPTION_BUDGETS: Resource<DisruptionBudget> = {
  apiVersion: "policy/v1",
  kind: "PodDisruptionBudget",
  plural: "poddisruptionbudgets",
  namespaced: true,
};

export const JOBS: Resource<Job> = { apiVersion: "batch/v1", kind: "Job", plural: "jobs", namespaced: true };

/** Of the Prometheus operator, where that is installed. */
export const POD_MONITORS: Resource<PodMonitor> = {
  apiVersion: "monitoring.coreos.com/v1",
  kind: "PodMonitor",
  plural: "podmonitors",
  namespaced: true,
};
