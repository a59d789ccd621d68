{{- /*
What the operator may do in a namespace that it looks after: exactly what its program does, checked by a test against
packages/operator/src/node/program/permissions.ts. Secrets are read by name only, never listed or watched.
*/ -}}
{{- define "quorate-operator.namespaceRules" -}}
- apiGroups: [""]
  resources: [configmaps, serviceaccounts, services]
  verbs: [create, delete, list, patch, watch]
- apiGroups: [""]
  resources: [persistentvolumeclaims, pods]
  verbs: [create, delete, get, list, patch, watch]
- apiGroups: [""]
  resources: [pods/eviction]
  verbs: [create]
- apiGroups: [""]
  resources: [secrets]
  verbs: [create, delete, get, patch]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [create, delete, get, list, watch]
- apiGroups: [etcd.quorate.dev]
  resources: [etcdbackups, etcdmembers]
  verbs: [create, delete, get, list, patch, watch]
- apiGroups: [etcd.quorate.dev]
  resources: [etcdbackupschedules]
  verbs: [create, get, list, patch, watch]
- apiGroups: [etcd.quorate.dev]
  resources: [etcdclusters, etcdrestores]
  verbs: [create, get, list, watch]
- apiGroups: [etcd.quorate.dev]
  resources:
    [etcdbackups/status, etcdbackupschedules/status, etcdclusters/status, etcdmembers/status, etcdrestores/status]
  verbs: [patch]
# Asked of who sets an owner that blocks its own deletion, where the API server enforces that.
- apiGroups: [etcd.quorate.dev]
  resources:
    [
      etcdbackups/finalizers,
      etcdbackupschedules/finalizers,
      etcdclusters/finalizers,
      etcdmembers/finalizers,
      etcdrestores/finalizers,
    ]
  verbs: [update]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [create, delete, list, patch, watch]
{{- if .Values.rbac.podMonitors }}
- apiGroups: [monitoring.coreos.com]
  resources: [podmonitors]
  verbs: [create, delete, get, patch]
{{- end }}
{{- end -}}

{{- /* Cluster-wide reads, each of which may be left out. */ -}}
{{- define "quorate-operator.clusterRules" -}}
{{- if .Values.rbac.nodes }}
- apiGroups: [""]
  resources: [nodes]
  verbs: [list, watch]
{{- end }}
{{- if .Values.rbac.storageClasses }}
- apiGroups: [storage.k8s.io]
  resources: [storageclasses]
  verbs: [get]
{{- end }}
{{- end -}}
