{{/* tritonserver's command line, with the same model control as the launcher in
     model_repository/server.py. Call with the root. */}}
{{- define "headrace.tritonArgs" -}}
- tritonserver
- --model-repository={{ default "/models" .Values.triton.modelRepository.url }}
- --model-control-mode=explicit
{{- range .Values.triton.loadModels }}
- --load-model={{ . }}
{{- end }}
# ready means that loading is over: with strict readiness a broken version would take the good
# versions out of the Service
- --strict-readiness=false
- --exit-on-error=false
- --exit-timeout-secs={{ .Values.triton.exitTimeoutSeconds | toJson }}
- --http-port=8000
- --grpc-port=8001
- --metrics-port=8002
- --backend-config=python,stub-timeout-seconds=120
- --pinned-memory-pool-byte-size=0
{{- range .Values.triton.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end }}
