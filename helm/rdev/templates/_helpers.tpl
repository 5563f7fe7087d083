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
{{- with .Values.image.digest }}@{{ . }}{{ end -}}
{{- end }}

{{/* (dict "root" . "component" "api"); rdev.labels also takes the object's own "labels". */}}
{{- define "rdev.selectorLabels" -}}
app.kubernetes.io/name: {{ include "rdev.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "rdev.labels" -}}
{{- $own := dict
  "app.kubernetes.io/version" .root.Chart.AppVersion
  "app.kubernetes.io/managed-by" .root.Release.Service
  "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_") -}}
{{- toYaml (merge (include "rdev.selectorLabels" . | fromYaml) $own (default dict .labels) .root.Values.commonLabels) -}}
{{- end }}

{{- define "rdev.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "rdev.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{- define "rdev.auditKeySecret" -}}
{{- default (printf "%s-audit-key" (include "rdev.fullname" .)) .Values.auditKey.existingSecret -}}
{{- end }}

{{- define "rdev.adminKeySecret" -}}
{{- default (printf "%s-admin-key" (include "rdev.fullname" .)) .Values.adminKey.existingSecret -}}
{{- end }}

{{- define "rdev.databaseSecret" -}}
{{- default (printf "%s-database" (include "rdev.fullname" .)) .Values.database.existingSecret -}}
{{- end }}

{{/* Whether the database has a Secret, and whether the chart creates it. */}}
{{- define "rdev.hasDatabaseSecret" -}}
{{- if or .Values.database.bundled.enabled .Values.database.existingSecret .Values.database.password }}true{{ end -}}
{{- end }}
{{- define "rdev.makesDatabaseSecret" -}}
{{- if and (include "rdev.hasDatabaseSecret" .) (not .Values.database.existingSecret) }}true{{ end -}}
{{- end }}

{{- define "rdev.databaseHost" -}}
{{- if .Values.database.bundled.enabled -}}
{{- /* A StatefulSet writes its name and 11 more characters into a label, which is limited to 63. */ -}}
{{- $name := include "rdev.fullname" . -}}
{{- if gt (len $name) 41 }}{{ $name = printf "%s-%s" (trunc 34 $name | trimSuffix "-") (sha256sum $name | trunc 6) }}{{ end -}}
{{- $name -}}-postgresql
{{- else -}}
{{- .Values.database.host -}}
{{- end -}}
{{- end }}

{{/* Whether the API connects to the bundled database as a user that owns nothing. */}}
{{- define "rdev.hasBundledApiUser" -}}
{{- $database := .Values.database -}}
{{- if and $database.bundled.enabled (or (not $database.existingSecret) (and $database.bundled.apiPasswordKey (not $database.urlKey))) }}true{{ end -}}
{{- end }}
{{- define "rdev.bundledApiUser" -}}
{{- printf "%s_api" .Values.database.user -}}
{{- end }}

{{/* Keys of the passwords in the Secret: of the API's user, and of the user in the values. */}}
{{- define "rdev.apiPasswordKey" -}}
{{- if include "rdev.hasBundledApiUser" . -}}
{{- ternary .Values.database.bundled.apiPasswordKey "api-password" (not (empty .Values.database.existingSecret)) -}}
{{- else -}}
{{- include "rdev.passwordKey" . -}}
{{- end -}}
{{- end }}
{{- define "rdev.passwordKey" -}}
{{- ternary .Values.database.passwordKey "password" (not (empty .Values.database.existingSecret)) -}}
{{- end }}

{{/* Connection to PostgreSQL of the API and the migration job, which has its own Secret before the install. */}}
{{- define "rdev.databaseEnv" -}}
{{- $database := .root.Values.database -}}
{{- $secret := .secret -}}
{{- $mode := default (ternary "verify-full" "" (not (empty (include "rdev.hasDatabaseCa" .root)))) $database.tls.mode -}}
{{- if $mode }}
- { name: POSTGRES_SSLMODE, value: {{ $mode }} }
{{- end }}
{{- if include "rdev.hasDatabaseCa" .root }}
- { name: POSTGRES_CA_FILE, value: /etc/rdev/database-ca/ca.crt }
{{- end }}
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
- { name: POSTGRES_USER, value: {{ ternary (include "rdev.bundledApiUser" .root) $database.user (not (empty (include "rdev.hasBundledApiUser" .root))) | quote }} }
{{- if include "rdev.hasDatabaseSecret" .root }}
- name: POSTGRES_PASSWORD
  valueFrom: { secretKeyRef: { name: {{ $secret }}, key: {{ include "rdev.apiPasswordKey" .root }} } }
{{- end }}
{{- end }}
{{- end }}

{{/* Connection of the migration job as the user that owns the tables, if that is another one. */}}
{{- define "rdev.databaseOwnerEnv" -}}
{{- $database := .root.Values.database -}}
{{- if include "rdev.hasBundledApiUser" .root }}
- { name: POSTGRES_OWNER_USER, value: {{ $database.user | quote }} }
- name: POSTGRES_OWNER_PASSWORD
  valueFrom: { secretKeyRef: { name: {{ .secret }}, key: {{ include "rdev.passwordKey" .root }} } }
{{- else if $database.ownerUrl }}
- name: DATABASE_OWNER_URL
  valueFrom: { secretKeyRef: { name: {{ .ownSecret }}, key: owner-url } }
{{- else if and $database.existingSecret $database.ownerUrlKey }}
- name: DATABASE_OWNER_URL
  valueFrom: { secretKeyRef: { name: {{ .secret }}, key: {{ $database.ownerUrlKey }} } }
{{- end }}
{{- end }}

{{/*
The bundled database starts together with its clients, which would otherwise exit and be restarted with back-off.
(dict "root" . "pod" pod)
*/}}
{{- define "rdev.waitForDatabase" -}}
- name: wait-for-database
  image: {{ include "rdev.image" .root }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  command: [node, --eval]
  args:
    - |
      const address = { port: {{ .root.Values.database.port }}, host: {{ include "rdev.databaseHost" .root | quote }}, timeout: 2_000 };
      const connect = () => {
        // On an upgrade an attempt can reach the pod that is being replaced, and then gets no answer.
        const socket = require('node:net').connect(address)
          .once('connect', () => process.exit(0)).once('error', () => setTimeout(connect, 200))
          .once('timeout', () => socket.destroy(new Error('timeout')));
      };
      connect();
      setTimeout(() => {
        console.error('The bundled PostgreSQL is unreachable. Check kubectl describe statefulset/{{ include "rdev.databaseHost" .root }} and kubectl logs statefulset/{{ include "rdev.databaseHost" .root }}');
        process.exit(1);
      }, 60_000);
  resources: {{- toYaml .root.Values.resources | nindent 4 }}
  securityContext: {{- include "rdev.containerSecurityContext" (dict "root" .root "pod" (default dict .pod)) | nindent 4 }}
{{- end }}

{{/* Settings of projects that differ from rdev's defaults. */}}
{{- define "rdev.projectsEnv" -}}
{{- with .runtimeClassName }}
- { name: RDEV_PROJECT_RUNTIME_CLASS, value: {{ . | quote }} }
{{- end }}
{{- with .nodeSelector }}
- { name: RDEV_PROJECT_NODE_SELECTOR, value: {{ toJson . | quote }} }
{{- end }}
{{- with .tolerations }}
- { name: RDEV_PROJECT_TOLERATIONS, value: {{ toJson . | quote }} }
{{- end }}
{{- with .labels }}
- { name: RDEV_PROJECT_LABELS, value: {{ toJson . | quote }} }
{{- end }}
{{- with .annotations }}
- { name: RDEV_PROJECT_ANNOTATIONS, value: {{ toJson . | quote }} }
{{- end }}
- { name: RDEV_PROJECT_USER, value: '{{ if kindIs "invalid" .runAsUser }}none{{ else }}{{ int64 .runAsUser }}{{ end }}' }
- { name: RDEV_PROJECT_GRACE_SECONDS, value: {{ .gracePeriodSeconds | quote }} }
{{- with .dnsEgress }}
- { name: RDEV_PROJECT_DNS_EGRESS, value: {{ toJson . | quote }} }
{{- end }}
{{- end }}

{{/*
Replicas of the Deployment. If something other than Helm sets the number, it is the number in the cluster: removing the
field that was there before would scale to one replica until the autoscaler reacts. Empty: no Deployment yet.
*/}}
{{- define "rdev.replicas" -}}
{{- if or .Values.autoscaling.enabled (kindIs "invalid" .Values.replicaCount) -}}
{{- $there := lookup "apps/v1" "Deployment" .Release.Namespace (include "rdev.fullname" .) -}}
{{- dig "spec" "replicas" "" (default dict $there) -}}
{{- else -}}
{{- .Values.replicaCount -}}
{{- end -}}
{{- end }}

{{/* Ports of PostgreSQL: those of the URLs in the Secret if it can be read, otherwise the port in the values. */}}
{{- define "rdev.databasePorts" -}}
{{- $database := .Values.database -}}
{{- $ports := list -}}
{{- if and $database.existingSecret $database.urlKey (not $database.bundled.enabled) -}}
{{- $secret := default dict (lookup "v1" "Secret" .Release.Namespace $database.existingSecret) -}}
{{- range compact (list $database.urlKey $database.directUrlKey) -}}
{{- $url := dig "data" . "" $secret | b64dec | trim -}}
{{- if $url -}}
{{- $ports = append $ports (regexReplaceAll "^[^:]+://(?:[^/?#]*@)?(?:\\[[^\\]]*\\]|[^/?#:]*)(?::([0-9]+))?(?:[/?#].*)?$" $url "${1}" | default "5432" | int) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson (default (list (int $database.port)) $ports | uniq) -}}
{{- end }}

{{/* Whether the chart creates the key of the audit log: with every new key the checkpoints of the former one would need it. */}}
{{- define "rdev.makesAuditKey" -}}
{{- $seesCluster := lookup "v1" "Secret" .Release.Namespace "" -}}
{{- if and (not .Values.auditKey.existingSecret) (or $seesCluster (ne .Values.generateSecrets "auto")) }}yes{{ end -}}
{{- end }}

{{/*
Random values are generated once: a value in the cluster is kept. Without a cluster every rendering would generate a new
one. (dict "root" "name" "key" "new" "value")
*/}}
{{- define "rdev.keptOrNew" -}}
{{- $secret := lookup "v1" "Secret" .root.Release.Namespace .name -}}
{{- $kept := dig "data" .key "" (default dict $secret) -}}
{{- /* Even an empty list is a non-empty object, and Helm itself can list the namespace's Secrets. */ -}}
{{- $seesCluster := lookup "v1" "Secret" .root.Release.Namespace "" -}}
{{- if and (not $kept) (not $seesCluster) (eq .root.Values.generateSecrets "auto") -}}
{{- fail (printf "The chart is rendered without a cluster and cannot tell whether the Secret %s exists. Create a Secret with %s, or set generateSecrets=always for a manifest that is applied once." .name (default (printf "the key %s and set %s.existingSecret" .key .value) .instead)) -}}
{{- end -}}
{{- default (b64enc .new) $kept -}}
{{- end }}

{{/*
Revision of the password in the Secret that the chart creates, from 1; a change restarts the pods. Unlike a digest, it
allows no dictionary attack on the password. Without a cluster (`helm template`) it is always 1.
*/}}
{{- define "rdev.passwordRevision" -}}
{{- if include "rdev.makesDatabaseSecret" . -}}
{{- $secret := default dict (lookup "v1" "Secret" .Release.Namespace (include "rdev.databaseSecret" .)) -}}
{{- $revision := dig "metadata" "annotations" "rdev.dev/password-revision" "1" $secret | int -}}
{{- $former := dig "data" "password" "" $secret -}}
{{- $password := .Values.database.password -}}
{{- if and $former $password (ne $former (b64enc $password)) -}}{{ $revision = add $revision 1 }}{{- end -}}
{{- $revision -}}
{{- end -}}
{{- end }}
