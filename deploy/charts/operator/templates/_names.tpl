{{- /* The name of all that the release makes. For the release and namespace of deploy/, these are deploy/'s names. */}}
{{- define "appconfig-experiment-operator.name" -}}
{{- .Values.fullnameOverride | default .Release.Name -}}
{{- end }}

{{- define "appconfig-experiment-operator.service-account" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "appconfig-experiment-operator.name" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end }}

{{- define "appconfig-experiment-operator.lease-name" -}}
{{- .Values.leaderElection.leaseName | default (include "appconfig-experiment-operator.name" .) -}}
{{- end }}

{{- define "appconfig-experiment-operator.lease-namespace" -}}
{{- .Values.leaderElection.leaseNamespace | default .Release.Namespace -}}
{{- end }}

{{- /* What Pods are found by. Two releases in one namespace differ in it. A Deployment's selector can't be changed later. */}}
{{- define "appconfig-experiment-operator.selector" -}}
app.kubernetes.io/name: {{ include "appconfig-experiment-operator.name" . }}
{{- end }}

{{- define "appconfig-experiment-operator.labels" -}}
{{ include "appconfig-experiment-operator.selector" . }}
app.kubernetes.io/part-of: appconfig-experiment-operator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "appconfig-experiment-operator.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end }}

{{- /* All that the operator does with resources, wherever it may: it never writes a spec, and nobody else writes a status. */}}
{{- define "appconfig-experiment-operator.rules" -}}
- apiGroups: [experiments.appconfig.dev]
  resources: [experimentruns]
  verbs: [get, list, watch]
- apiGroups: [experiments.appconfig.dev]
  resources: [experimentruns/status]
  verbs: [patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end }}

{{- define "appconfig-experiment-operator.subjects" -}}
- kind: ServiceAccount
  name: {{ include "appconfig-experiment-operator.service-account" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}
