{{/* The gateway's settings as environment variables. Call with the root. */}}
{{- define "headrace.gatewayEnv" -}}
- name: HEADRACE_HOST
  value: 0.0.0.0
- name: HEADRACE_PORT
  value: "8080"
- name: HEADRACE_GRPC_PORT
  value: "8081"
- name: HEADRACE_TRITON_URL
  value: {{ include "headrace.tritonUrl" . | quote }}
{{- include "headrace.cacheUrl" . }}
- name: HEADRACE_EXPERIMENTS_FILE
  value: /etc/headrace/experiments.yaml
- name: HEADRACE_RUNTIME_FILE
  value: /etc/headrace/runtime.yaml
- name: HEADRACE_EXPERIMENTS_KEPT_FILE
  value: /tmp/experiments.json
- name: HEADRACE_DRAIN_DELAY_S
  value: {{ .Values.gateway.preStopSeconds | toJson | quote }}
- name: HEADRACE_DRAIN_TIMEOUT_S
  value: {{ .Values.gateway.drainTimeoutSeconds | toJson | quote }}
- name: HEADRACE_AUTH
  value: {{ .Values.gateway.auth | quote }}
{{- include "headrace.stateUrl" . }}
{{- with .Values.gateway.tls.existingSecret }}
- name: HEADRACE_TLS_CERT_FILE
  value: /etc/headrace-tls/tls.crt
- name: HEADRACE_TLS_KEY_FILE
  value: /etc/headrace-tls/tls.key
{{- end }}
{{- with .Values.gateway.tritonHeaders }}
{{- if .existingSecret }}
- name: HEADRACE_TRITON_HEADERS
  valueFrom:
    secretKeyRef:
      name: {{ .existingSecret }}
      key: {{ .key }}
{{- end }}
{{- end }}
{{- with .Values.gateway.apiKeys }}
{{- if and .existingSecret (contains "keys" $.Values.gateway.auth) }}
- name: HEADRACE_API_KEYS
  valueFrom:
    secretKeyRef:
      name: {{ .existingSecret }}
      key: {{ .key }}
{{- end }}
{{- end }}
{{- /* toJson: without it a large number would be printed with an exponent */}}
{{- range $name, $value := .Values.gateway.settings }}
- name: HEADRACE_{{ upper $name }}
  value: {{ kindIs "string" $value | ternary $value (toJson $value) | quote }}
{{- end }}
{{- with .Values.gateway.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* State: a URL, from a Secret or plain, or none; API keys must be kept somewhere. */}}
{{- define "headrace.stateUrl" -}}
{{- if .Values.state.existingSecret }}
- name: HEADRACE_STATE_URL
  valueFrom:
    secretKeyRef:
      name: {{ .Values.state.existingSecret }}
      key: {{ .Values.state.existingSecretKey }}
{{- else if .Values.state.url }}
- name: HEADRACE_STATE_URL
  value: {{ .Values.state.url | quote }}
{{- else if and (eq .Values.gateway.auth "keys") (not .Values.gateway.apiKeys.existingSecret) }}
{{- fail "gateway.auth asks for keys and there can be none: set gateway.apiKeys.existingSecret, state.url or state.existingSecret" }}
{{- end }}
{{- end }}

{{/* Triton's HTTP endpoint: all pods behind the headless Service, or what externalUrl says. */}}
{{- define "headrace.tritonUrl" -}}
{{- if .Values.triton.enabled }}
{{- with .Values.triton.externalUrl }}{{ fail "triton.externalUrl is set: set triton.enabled to false, or leave it empty" }}{{ end }}
{{- printf "dns:///%s:8000" (include "headrace.componentName" (dict "root" . "component" "triton")) }}
{{- else }}
{{- required "triton.externalUrl: say where Triton is, since triton.enabled is false" .Values.triton.externalUrl }}
{{- end }}
{{- end }}

{{/* The cache: this chart's Valkey, or a URL, from a Secret or plain, or none. */}}
{{- define "headrace.cacheUrl" -}}
{{- if .Values.valkey.enabled }}
{{- if or .Values.cache.url .Values.cache.existingSecret }}
{{- fail "cache.url or cache.existingSecret is set: set valkey.enabled to false, or leave them empty" }}
{{- end }}
- name: HEADRACE_CACHE_URL
  value: {{ printf "redis://%s:6379/0" (include "headrace.componentName" (dict "root" . "component" "valkey")) }}
{{- else if .Values.cache.existingSecret }}
- name: HEADRACE_CACHE_URL
  valueFrom:
    secretKeyRef:
      name: {{ .Values.cache.existingSecret }}
      key: {{ .Values.cache.existingSecretKey }}
{{- else if .Values.cache.url }}
- name: HEADRACE_CACHE_URL
  value: {{ .Values.cache.url | quote }}
{{- end }}
{{- end }}
