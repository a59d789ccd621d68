{{/* Name of the EtcdCluster. The operator names members and Services after it, so it has at most 44 characters. */}}
{{- define "quorate-cluster.name" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 44 | trimSuffix "-" -}}
{{- else -}}
{{- $chart := default .Chart.Name .Values.nameOverride -}}
{{- if or (contains $chart .Release.Name) (eq $chart "quorate-cluster") -}}
{{- .Release.Name | trunc 44 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $chart | trunc 44 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The cluster label goes on everything, as the operator does with what it makes; selectors of the operator's are not touched by it. */}}
{{- define "quorate-cluster.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/name: etcd
app.kubernetes.io/instance: {{ include "quorate-cluster.name" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Takes the root context and further annotations. */}}
{{- define "quorate-cluster.annotations" -}}
{{- $all := merge (dict) (default (dict) .extra) .root.Values.commonAnnotations -}}
{{- with $all }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Presets of `size`. */}}
{{- define "quorate-cluster.preset" -}}
{{- if eq .Values.size "dev" -}}
replicas: 1
storage:
  size: 2Gi
resources:
  requests: { cpu: 50m, memory: 128Mi }
scheduling: { antiAffinity: None, zoneSpread: None }
{{- else if eq .Values.size "small" -}}
replicas: 3
storage:
  size: 8Gi
resources:
  requests: { cpu: 100m, memory: 256Mi }
  limits: { memory: 1Gi }
{{- else if eq .Values.size "production" -}}
replicas: 3
storage:
  size: 20Gi
config:
  quotaBackendBytes: 8Gi
resources:
  requests: { cpu: "1", memory: 2Gi }
  limits: { memory: 4Gi }
scheduling: { antiAffinity: Required, zoneSpread: Preferred }
{{- end -}}
{{- end -}}

{{/* What `mode` asks for. */}}
{{- define "quorate-cluster.bootstrap" -}}
{{- if eq .Values.mode "restore" -}}
{{- $source := .Values.restore.source -}}
{{- if not (or $source.backupName $source.object) }}{{ fail "mode restore needs restore.source.backupName or restore.source.object" }}{{ end -}}
{{- $from := deepCopy $source -}}
{{- with .Values.restore.revisionBump }}{{ $_ := set $from "revisionBump" (int64 .) }}{{ end -}}
{{- toYaml (dict "bootstrap" (dict "restoreFrom" $from)) -}}
{{- else if eq .Values.mode "adopt" -}}
bootstrap:
  retainedVolumes: Adopt
{{- end -}}
{{- end -}}

{{/* The EtcdCluster's spec: the preset, what the mode asks for, and over both what `cluster` says. */}}
{{- define "quorate-cluster.spec" -}}
{{- $preset := include "quorate-cluster.preset" . | fromYaml -}}
{{- $mode := include "quorate-cluster.bootstrap" . | fromYaml -}}
{{- $spec := mergeOverwrite (dict) $preset $mode (deepCopy .Values.cluster) -}}
{{- if hasKey $spec "replicas" -}}
{{- $replicas := int $spec.replicas -}}
{{- if and (ne $replicas 0) (eq (mod $replicas 2) 0) (not $spec.allowEvenReplicas) -}}
{{- fail (printf "cluster.replicas is %d: it has to be odd, or 0 (cluster.allowEvenReplicas lets it be even all the same)" $replicas) -}}
{{- end -}}
{{- end -}}
{{- toYaml $spec -}}
{{- end -}}

{{- define "quorate-cluster.clientTls" -}}
{{- $client := dig "tls" "client" dict .Values.cluster -}}
{{- if ne (default "Auto" $client.mode) "Disabled" -}}true{{- end -}}
{{- end -}}

{{- define "quorate-cluster.endpoint" -}}
{{- $scheme := ternary "https" "http" (eq (include "quorate-cluster.clientTls" .) "true") -}}
{{- printf "%s://%s.%s.svc:2379" $scheme (include "quorate-cluster.name" .) .Release.Namespace -}}
{{- end -}}

{{- define "quorate-cluster.testImage" -}}
{{- $image := .Values.tests.image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default .Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}
