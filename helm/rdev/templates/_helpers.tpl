{{- define "rdev.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{- define "rdev.fullname" -}}
{{- $name := include "rdev.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "rdev.image" -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end }}

{{/* Called with (dict "root" . "component" "api"). */}}
{{- define "rdev.selectorLabels" -}}
app.kubernetes.io/name: {{ include "rdev.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "rdev.labels" -}}
{{ include "rdev.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "rdev.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "rdev.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{- define "rdev.adminKeySecret" -}}
{{- default (printf "%s-admin-key" (include "rdev.fullname" .)) .Values.adminKey.existingSecret -}}
{{- end }}

{{- define "rdev.databaseSecret" -}}
{{- default (printf "%s-database" (include "rdev.fullname" .)) .Values.database.existingSecret -}}
{{- end }}

{{/* Whether there is a Secret for the database, and whether the chart makes it. */}}
{{- define "rdev.hasDatabaseSecret" -}}
{{- if or .Values.database.bundled.enabled .Values.database.existingSecret .Values.database.password }}true{{ end -}}
{{- end }}
{{- define "rdev.makesDatabaseSecret" -}}
{{- if and (include "rdev.hasDatabaseSecret" .) (not .Values.database.existingSecret) }}true{{ end -}}
{{- end }}

{{- define "rdev.databaseHost" -}}
{{- if .Values.database.bundled.enabled -}}
{{- include "rdev.fullname" . -}}-postgresql
{{- else -}}
{{- .Values.database.host -}}
{{- end -}}
{{- end }}

{{/* How the API and the job of migration reach PostgreSQL. The Secret of a job before the install is one of its own. */}}
{{- define "rdev.databaseEnv" -}}
{{- $database := .root.Values.database -}}
{{- $secret := .secret -}}
{{- if and $database.existingSecret $database.urlKey }}
- name: DATABASE_URL
  valueFrom: { secretKeyRef: { name: {{ $secret }}, key: {{ $database.urlKey }} } }
{{- if $database.directUrlKey }}
- name: DATABASE_DIRECT_URL
  valueFrom: { secretKeyRef: { name: {{ $secret }}, key: {{ $database.directUrlKey }} } }
{{- end }}
{{- else }}
- { name: POSTGRES_HOST, value: {{ include "rdev.databaseHost" .root | quote }} }
- { name: POSTGRES_PORT, value: {{ $database.port | quote }} }
- { name: POSTGRES_DB, value: {{ $database.name | quote }} }
- { name: POSTGRES_USER, value: {{ $database.user | quote }} }
{{- if include "rdev.hasDatabaseSecret" .root }}
- name: POSTGRES_PASSWORD
  valueFrom: { secretKeyRef: { name: {{ $secret }}, key: {{ ternary $database.passwordKey "password" (not (empty $database.existingSecret)) }} } }
{{- end }}
{{- end }}
{{- end }}

{{/* The restricted Pod Security Standard, and a root file system that nothing writes to. */}}
{{- define "rdev.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
seccompProfile: { type: RuntimeDefault }
{{- end }}
{{- define "rdev.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{/* A Secret that holds what is random is made once: what is in the cluster stays. (dict "root" "name" "key" "new") */}}
{{- define "rdev.keptOrNew" -}}
{{- $secret := lookup "v1" "Secret" .root.Release.Namespace .name -}}
{{- $kept := dig "data" .key "" (default dict $secret) -}}
{{- default (b64enc .new) $kept -}}
{{- end }}
