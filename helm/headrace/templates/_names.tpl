{{/* The chart's name, or what replaces it. */}}
{{- define "headrace.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* The beginning of all objects' names; 48 characters leave room for a component's suffix. */}}
{{- define "headrace.fullname" -}}
{{- $name := include "headrace.name" . -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 48 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 48 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 48 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* Name of a component's objects. Call with (dict "root" $ "component" "gateway"). */}}
{{- define "headrace.componentName" -}}
{{- printf "%s-%s" (include "headrace.fullname" .root) .component }}
{{- end }}

{{/* Name of a component's ServiceAccount. Call as above. */}}
{{- define "headrace.serviceAccountName" -}}
{{- $account := (index .root.Values .component).serviceAccount -}}
{{- if $account.create }}
{{- default (include "headrace.componentName" .) $account.name }}
{{- else }}
{{- default "default" $account.name }}
{{- end }}
{{- end }}
