{{/* What the pods of the master and of the workers have in common. Call with (dict "root" $ "component" "loadtest-master"). */}}
{{- define "headrace.loadtestPod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
# a load test that was cut short is not one: it is run again by hand
restartPolicy: Never
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml .root.Values.loadtest.podSecurityContext | nindent 2 }}
{{- with include "headrace.scheduling" (dict "root" .root "component" "loadtest") | trim }}
{{ . }}
{{- end }}
{{- end }}

{{/* Name of a Job: another for each revision, since a Job cannot be run again. Call as above. */}}
{{- define "headrace.loadtestJob" -}}
{{- printf "%s-%d" (include "headrace.componentName" .) (int .root.Release.Revision) }}
{{- end }}
