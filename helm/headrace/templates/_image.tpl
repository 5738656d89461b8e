{{/* An image's reference. Call with (dict "root" $ "image" .Values.gateway.image). */}}
{{- define "headrace.image" -}}
{{- if .image.digest }}
{{- printf "%s@%s" .image.repository .image.digest }}
{{- else }}
{{- printf "%s:%s" .image.repository (default .root.Chart.AppVersion .image.tag) }}
{{- end }}
{{- end }}
