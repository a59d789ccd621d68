{{- define "quorate-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "quorate-operator.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "quorate-operator.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* Names of cluster-wide objects carry the namespace: the chart may be installed in several. */ -}}
{{- define "quorate-operator.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "quorate-operator.fullname" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "quorate-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "quorate-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "quorate-operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "quorate-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: quorate
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* Annotations of an object: a dict with "context" and, if there are more, "more". */ -}}
{{- define "quorate-operator.annotations" -}}
{{- with merge (dict) (.more | default dict) .context.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "quorate-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "quorate-operator.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name is needed when serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "quorate-operator.repository" -}}
{{- $repository := .repository -}}
{{- with .context.Values.global.imageRegistry -}}
{{- $repository = printf "%s/%s" (trimSuffix "/" .) $repository -}}
{{- end -}}
{{- $repository -}}
{{- end -}}

{{- define "quorate-operator.image" -}}
{{- $repository := include "quorate-operator.repository" (dict "context" . "repository" .Values.image.repository) -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- /* Namespaces looked after, as a JSON list; empty: all. */ -}}
{{- define "quorate-operator.namespaces" -}}
{{- if eq .Values.watch.scope "Release" -}}
{{- list .Release.Namespace | toJson -}}
{{- else if eq .Values.watch.scope "List" -}}
{{- if not .Values.watch.namespaces -}}
{{- fail "watch.namespaces must name at least one namespace when watch.scope is List" -}}
{{- end -}}
{{- .Values.watch.namespaces | uniq | sortAlpha | toJson -}}
{{- else -}}
{{- if .Values.watch.namespaces -}}
{{- fail "watch.namespaces has a meaning only when watch.scope is List" -}}
{{- end -}}
{{- list | toJson -}}
{{- end -}}
{{- end -}}

{{- define "quorate-operator.hasMonitoring" -}}
{{- if or .Values.metrics.force (.Capabilities.APIVersions.Has "monitoring.coreos.com/v1") -}}true{{- end -}}
{{- end -}}

{{- /* What the Pods of the chart's hooks and tests have in common. */ -}}
{{- define "quorate-operator.podSettings" -}}
serviceAccountName: {{ include "quorate-operator.serviceAccountName" . }}
automountServiceAccountToken: {{ .Values.serviceAccount.automount }}
enableServiceLinks: false
{{- with .Values.global.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}
