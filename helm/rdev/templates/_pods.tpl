{{/*
Settings of a pod: (dict "root" . "pod" settings "securityContext" default). A pod's own setting, even if empty, replaces
the release's. Affinity and spread are not shared, as they select the pods of one component.
*/}}
{{- define "rdev.podSettings" -}}
{{- $values := .root.Values -}}
{{- $pod := default dict .pod -}}
{{- $shared := dict
  "imagePullSecrets" $values.imagePullSecrets
  "priorityClassName" $values.priorityClassName
  "nodeSelector" $values.nodeSelector
  "tolerations" $values.tolerations
  "hostAliases" $values.hostAliases
  "dnsPolicy" $values.dnsPolicy
  "dnsConfig" $values.dnsConfig
  "securityContext" (default $values.podSecurityContext .securityContext) -}}
{{- $settings := dict -}}
{{- range $name := concat (keys $shared) (list "affinity" "topologySpreadConstraints") | sortAlpha -}}
  {{- $value := ternary (get $pod $name) (get $shared $name) (hasKey $pod $name) -}}
  {{- if $value }}{{ $_ := set $settings $name $value }}{{ end -}}
{{- end -}}
{{- with $settings }}{{ toYaml . }}{{ end -}}
{{- end }}

{{/* (dict "root" . "pod" settings) */}}
{{- define "rdev.containerSecurityContext" -}}
{{- $pod := default dict .pod -}}
{{- toYaml (ternary $pod.containerSecurityContext .root.Values.containerSecurityContext (hasKey $pod "containerSecurityContext")) -}}
{{- end }}

{{/* Labels of a pod; selector labels take precedence. (dict "root" . "component" "api" "labels" more) */}}
{{- define "rdev.podLabels" -}}
{{- $own := include "rdev.selectorLabels" . | fromYaml -}}
{{- toYaml (merge $own (default dict .labels) .root.Values.commonLabels) -}}
{{- end }}

{{/* The CA of PostgreSQL, if any. */}}
{{- define "rdev.hasDatabaseCa" -}}
{{- if or .Values.database.tls.caSecret .Values.database.tls.caConfigMap }}true{{ end -}}
{{- end }}
{{- define "rdev.databaseCaVolume" -}}
{{- if include "rdev.hasDatabaseCa" . -}}
{{- $tls := .Values.database.tls -}}
{{- $items := list (dict "key" $tls.caKey "path" "ca.crt") -}}
- name: database-ca
  {{- if $tls.caSecret }}
  secret: { secretName: {{ $tls.caSecret }}, defaultMode: 0444, items: {{ toJson $items }} }
  {{- else }}
  configMap: { name: {{ $tls.caConfigMap }}, items: {{ toJson $items }} }
  {{- end }}
{{- end -}}
{{- end }}
{{- define "rdev.databaseCaMount" -}}
{{- if include "rdev.hasDatabaseCa" . -}}
- { name: database-ca, mountPath: /etc/rdev/database-ca, readOnly: true }
{{- end -}}
{{- end }}
