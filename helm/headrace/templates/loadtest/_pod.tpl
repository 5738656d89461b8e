{{/* What the pods of the master and the workers have in common.
     Call with (dict "root" $ "component" "loadtest-master"). */}}
{{- define "headrace.loadtestPod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
# an interrupted load test has no result, so it is run again by hand and not retried
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

{{/* Name of a Job, which differs by revision, since a Job cannot be run again. Call as above. */}}
{{- define "headrace.loadtestJob" -}}
{{- printf "%s-%d" (include "headrace.componentName" .) (int .root.Release.Revision) }}
{{- end }}
