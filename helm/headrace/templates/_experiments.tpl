{{/* The experiments file; experiments that the gateway would refuse stop the installation. */}}
{{- define "headrace.experiments" -}}
{{- $keys := dict -}}
{{- range .Values.experiments }}
{{- $where := printf "experiments: %s" .key }}
{{- if hasKey $keys .key }}{{ fail (printf "%s: more than one experiment with this key" $where) }}{{ end }}
{{- $_ := set $keys .key true }}
{{- if not (or .model (first .variants).model) }}{{ fail (printf "%s: it or its first variant must name a model" $where) }}{{ end }}
{{- $total := 0.0 }}
{{- $names := dict }}
{{- range .variants }}
{{- if hasKey $names .name }}{{ fail (printf "%s: two variants are named %s" $where .name) }}{{ end }}
{{- $_ := set $names .name true }}
{{- $total = addf $total .weight }}
{{- end }}
{{- if or (gt (subf $total 1.0) 1e-6) (lt (subf $total 1.0) -1e-6) }}
{{- fail (printf "%s: the weights add up to %v; they must add up to 1" $where $total) }}
{{- end }}
{{- end }}
{{- dict "experiments" .Values.experiments | toYaml }}
{{- end }}
