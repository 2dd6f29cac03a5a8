{{- define "appconfig-experiment-operator-crds.labels" -}}
app.kubernetes.io/name: appconfig-experiment-operator
app.kubernetes.io/part-of: appconfig-experiment-operator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- /* With a CustomResourceDefinition go all its resources, so neither Helm nor Argo CD takes it away with a release. */}}
{{- define "appconfig-experiment-operator-crds.kept" -}}
helm.sh/resource-policy: keep
argocd.argoproj.io/sync-options: Prune=false,Delete=false
{{- end }}
