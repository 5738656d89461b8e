{{/* Where a component's pods may run. Call with (dict "root" $ "component" "gateway"). */}}
{{- define "headrace.scheduling" -}}
{{- $values := index .root.Values .component -}}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- $constraints := list }}
{{- $selector := dict "labelSelector" (dict "matchLabels" (include "headrace.selectorLabels" . | fromYaml)) }}
{{- range $values.topologySpreadConstraints }}
{{- $constraints = append $constraints (merge (deepCopy .) $selector) }}
{{- end }}
{{- with $constraints }}
topologySpreadConstraints:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
