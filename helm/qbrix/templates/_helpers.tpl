{{/* shared by the charts of the services: all take (dict "root" $ "component" "proxy") unless said otherwise */}}

{{/* what every name begins with; takes the root */}}
{{- define "qbrix.name" -}}
{{- $name := .Values.global.nameOverride | default "qbrix" -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "qbrix.selector" -}}
app.kubernetes.io/name: qbrix
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "qbrix.labels" -}}
{{ include "qbrix.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: qbrix
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "qbrix.metadata" -}}
name: {{ include "qbrix.name" .root }}-{{ .component }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "qbrix.labels" . | nindent 2 }}
{{- end -}}

{{/* takes also "repository" */}}
{{- define "qbrix.image" -}}
{{- $image := .root.Values.global.image -}}
{{- if $image.registry }}{{ trimSuffix "/" $image.registry }}/{{ end -}}
{{ .repository }}:{{ $image.tag | default .root.Chart.AppVersion }}
{{- end -}}

{{/* what every pod has; takes the root */}}
{{- define "qbrix.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.global.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile:
    type: RuntimeDefault
{{- end -}}

{{/* what every container has; takes nothing */}}
{{- define "qbrix.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* where the pods of a service go, and beside whom; takes also "values" */}}
{{- define "qbrix.placement" -}}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - topologyKey: {{ . }}
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "qbrix.selector" $ | nindent 8 }}
  {{- end }}
{{- end -}}

{{/* annotations of the pods of a service: other settings or secrets are other pods; takes also "values" */}}
{{- define "qbrix.annotations" -}}
qbrix/config: {{ include (print .root.Template.BasePath "/configmap.yaml") .root | sha256sum }}
qbrix/secrets: {{ list .root.Values.global.postgres .root.Values.global.redis (.values.secrets | default dict) | toJson | sha256sum | trunc 8 }}
{{- with .values.podAnnotations }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* a ConfigMap's variables that the user named; takes a map */}}
{{- define "qbrix.config" -}}
{{- range $name, $value := . }}
{{ $name }}: {{ $value | quote }}
{{- end }}
{{- end -}}

{{/* variables that every service reads; takes the root */}}
{{- define "qbrix.common" -}}
QBRIX_ENV: {{ .Values.global.env | quote }}
LOG_LEVEL: {{ .Values.global.log.level | quote }}
LOG_FORMAT: {{ .Values.global.log.format | quote }}
EVENT_LOG: {{ .Values.global.eventLog | quote }}
{{- with .Values.global.tracing }}
{{- if ne .to "off" }}
TRACING: {{ .to | quote }}
TRACING_ENDPOINT: {{ required "global.tracing.endpoint: which collector takes spans?" .endpoint | quote }}
TRACING_RATIO: {{ .ratio | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "qbrix.postgres.host" -}}
{{- if .Values.global.postgres.inCluster -}}
{{- include "qbrix.name" . }}-postgres
{{- else -}}
{{- required "global.postgres.host: where is Postgres? (or global.postgres.inCluster=true, to try things out)" .Values.global.postgres.host -}}
{{- end -}}
{{- end -}}

{{- define "qbrix.redis.host" -}}
{{- if .Values.global.redis.inCluster -}}
{{- include "qbrix.name" . }}-redis
{{- else -}}
{{- required "global.redis.host: where is Redis? (or global.redis.inCluster=true, to try things out)" .Values.global.redis.host -}}
{{- end -}}
{{- end -}}

{{/* takes "root" and "prefix" */}}
{{- define "qbrix.postgres" -}}
{{- $postgres := .root.Values.global.postgres -}}
{{ .prefix }}_POSTGRES_HOST: {{ include "qbrix.postgres.host" .root | quote }}
{{ .prefix }}_POSTGRES_PORT: {{ $postgres.port | quote }}
{{ .prefix }}_POSTGRES_USER: {{ $postgres.user | quote }}
{{ .prefix }}_POSTGRES_DATABASE: {{ $postgres.database | quote }}
{{ .prefix }}_POSTGRES_SSLMODE: {{ $postgres.sslmode | quote }}
{{- end -}}

{{/* takes "root" and "prefix" */}}
{{- define "qbrix.redis" -}}
{{- if eq .root.Values.global.redis.mode "standalone" -}}
{{ .prefix }}_REDIS_HOST: {{ include "qbrix.redis.host" .root | quote }}
{{ .prefix }}_REDIS_PORT: {{ .root.Values.global.redis.port | quote }}
{{- else -}}
{{ .prefix }}_REDIS_MODE: {{ .root.Values.global.redis.mode | quote }}
{{ .prefix }}_REDIS_NODES: {{ join "," .root.Values.global.redis.nodes | required "global.redis.nodes: where are they?" | quote }}
{{- with .root.Values.global.redis.master }}
{{ $.prefix }}_REDIS_MASTER: {{ . | quote }}
{{- end }}
{{- end }}
{{- with .root.Values.global.redis.user }}
{{ $.prefix }}_REDIS_USER: {{ . | quote }}
{{- end }}
{{- if .root.Values.global.redis.tls.enabled }}
{{ .prefix }}_REDIS_TLS: "true"
{{- if .root.Values.global.redis.tls.authoritySecret }}
{{ .prefix }}_REDIS_TLS_CA: /etc/qbrix/redis/ca.crt
{{- end }}
{{- end }}
{{- end -}}

{{/* the authority that Redis is trusted by; takes the root */}}
{{- define "qbrix.redis.mount" -}}
{{- if and .Values.global.redis.tls.enabled .Values.global.redis.tls.authoritySecret }}
- name: redis-authority
  mountPath: /etc/qbrix/redis
  readOnly: true
{{- end }}
{{- end -}}

{{- define "qbrix.redis.volume" -}}
{{- if and .Values.global.redis.tls.enabled .Values.global.redis.tls.authoritySecret }}
- name: redis-authority
  secret:
    secretName: {{ .Values.global.redis.tls.authoritySecret }}
{{- end }}
{{- end -}}

{{/* one variable out of the Secret of a store; takes "root", "variable" and "store" */}}
{{- define "qbrix.password" -}}
{{- $store := index .root.Values.global .store -}}
- name: {{ .variable }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret | default $store.existingSecret | default (printf "%s-stores" (include "qbrix.name" .root)) }}
      key: {{ ternary $store.passwordKey (printf "%s-password" .store) (not (empty $store.existingSecret)) }}
{{- end -}}

{{/* the password of Redis, and of its sentinels if they have one; takes "root" and "prefix" */}}
{{- define "qbrix.redis.passwords" -}}
{{ include "qbrix.password" (dict "root" .root "store" "redis" "variable" (printf "%s_REDIS_PASSWORD" .prefix)) }}
{{- with .root.Values.global.redis.sentinelPasswordKey }}
- name: {{ $.prefix }}_REDIS_SENTINEL_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ required "global.redis.existingSecret: it has to hold the password of the sentinels" $.root.Values.global.redis.existingSecret }}
      key: {{ . }}
{{- end }}
{{- end -}}

{{/*
A secret that was given. With "generate", if none was: the one that is there, else a new one. Only to try things out,
since a tool that renders charts again and again would replace it each time.
Takes "root", "secret" (its name), "key", "given", "generate" and "path" (of the value).
*/}}
{{- define "qbrix.secret" -}}
{{- if .given -}}
{{- .given | b64enc -}}
{{- else if not .generate -}}
{{- fail (printf "%s: set it, or name an existing Secret" .path) -}}
{{- else -}}
{{- $found := lookup "v1" "Secret" .root.Release.Namespace .secret -}}
{{- get ($found.data | default dict) .key | default (randAlphaNum 64 | b64enc) -}}
{{- end -}}
{{- end -}}
