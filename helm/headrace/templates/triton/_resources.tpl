{{/* Triton's resources with its GPUs. Call with the root. */}}
{{- define "headrace.tritonResources" -}}
{{- $resources := deepCopy .Values.triton.resources -}}
{{- if .Values.triton.gpu.enabled }}
{{- $gpus := dict "nvidia.com/gpu" (.Values.triton.gpu.count | int) }}
{{- $resources = merge $resources (dict "limits" $gpus "requests" $gpus) }}
{{- end }}
{{- toYaml $resources }}
{{- end }}
