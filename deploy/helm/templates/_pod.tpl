{{- /* What the pods of all programs have. Takes a dict of root, component, and the
component's values. */ -}}
{{- define "ingestion.pod" -}}
serviceAccountName: {{ include "ingestion.serviceAccount" .root }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext: {{- toYaml .root.Values.podSecurityContext | nindent 2 }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* What their containers have. The programs write nothing to disk. */ -}}
{{- define "ingestion.container" -}}
name: {{ .component }}
image: {{ include "ingestion.image" .root }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
command: [{{ .component }}]
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
resources: {{- toYaml .values.resources | nindent 2 }}
{{- end -}}

{{- /* Where and as whom a program logs in, as YAML: with the address and the password of its
own, or with those that all programs share. TLS and Sentinels are the same for all. */ -}}
{{- define "ingestion.redis" -}}
{{- $all := .root.Values.redis -}}
{{- $own := .values.redis -}}
{{- if and $own (or $own.url $own.urlSecret.name) -}}
{{- toYaml (dict "url" $own.url "urlSecret" $own.urlSecret "passwordSecret" $own.passwordSecret "tls" $all.tls "sentinel" $all.sentinel) -}}
{{- else -}}
{{- toYaml $all -}}
{{- end -}}
{{- end -}}

{{- define "ingestion.mongo" -}}
{{- $own := .values.mongo -}}
{{- if and $own (or $own.uri $own.uriSecret.name) -}}
{{- toYaml $own -}}
{{- else -}}
{{- toYaml .root.Values.mongo -}}
{{- end -}}
{{- end -}}

{{- /* The settings that all programs share, as environment variables. Takes a dict of root,
the component's values, and mongo, which says whether the program talks to MongoDB. */ -}}
{{- define "ingestion.env" -}}
{{- $v := .root.Values -}}
{{- $redis := include "ingestion.redis" . | fromYaml -}}
{{- range $name, $value := $v.settings }}
- name: {{ $name }}
  value: {{ include "ingestion.text" $value | quote }}
{{- end }}
{{ include "ingestion.address" (dict "name" "REDIS_URL" "value" $redis.url "secret" $redis.urlSecret) }}
{{- if $redis.passwordSecret.name }}
- {name: REDIS_PASSWORD_FILE, value: /run/secrets/redis/password}
{{- end }}
{{- if $redis.tls.caSecret.name }}
- {name: REDIS_TLS_CA_FILE, value: /run/secrets/redis/ca.crt}
{{- end }}
{{- if $redis.tls.certSecret.name }}
- {name: REDIS_TLS_CERT_FILE, value: /run/secrets/redis/tls.crt}
- {name: REDIS_TLS_KEY_FILE, value: /run/secrets/redis/tls.key}
{{- end }}
{{- with $redis.tls.serverName }}
- {name: REDIS_TLS_SERVER_NAME, value: {{ . | quote }}}
{{- end }}
{{- if $redis.sentinel.passwordSecret.name }}
- {name: REDIS_SENTINEL_PASSWORD_FILE, value: /run/secrets/redis/sentinel-password}
{{- end }}
{{- with $redis.sentinel.username }}
- {name: REDIS_SENTINEL_USERNAME, value: {{ . | quote }}}
{{- end }}
{{- if .mongo }}
{{- $mongo := include "ingestion.mongo" . | fromYaml }}
{{ include "ingestion.address" (dict "name" "MONGO_URI" "value" $mongo.uri "secret" $mongo.uriSecret) }}
{{- if $mongo.passwordSecret.name }}
- {name: MONGO_PASSWORD_FILE, value: /run/secrets/mongo/password}
{{- end }}
{{- end }}
{{- with $v.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "ingestion.address" -}}
- name: {{ .name }}
{{- if .secret.name }}
  valueFrom:
    secretKeyRef: {{- toYaml .secret | nindent 6 }}
{{- else }}
  value: {{ .value | quote }}
{{- end }}
{{- end -}}

{{- /* The files that Redis' settings name, as the sources of a volume. A volume follows its
secrets when they change. */ -}}
{{- define "ingestion.redisFiles" -}}
{{- with .passwordSecret }}{{ if .name }}
- secret: {name: {{ .name }}, items: [{key: {{ .key }}, path: password}]}
{{- end }}{{ end }}
{{- with .sentinel.passwordSecret }}{{ if .name }}
- secret: {name: {{ .name }}, items: [{key: {{ .key }}, path: sentinel-password}]}
{{- end }}{{ end }}
{{- with .tls.caSecret }}{{ if .name }}
- secret: {name: {{ .name }}, items: [{key: {{ .key }}, path: ca.crt}]}
{{- end }}{{ end }}
{{- with .tls.certSecret }}{{ if .name }}
- secret: {name: {{ .name }}, items: [{key: {{ .certKey }}, path: tls.crt}, {key: {{ .keyKey }}, path: tls.key}]}
{{- end }}{{ end }}
{{- end -}}

{{- /* The files of all programs in volumes, and where these are mounted. */ -}}
{{- define "ingestion.volumes" -}}
{{- $v := .root.Values -}}
{{- $redis := include "ingestion.redis" . | fromYaml -}}
{{- $mongo := include "ingestion.mongo" . | fromYaml -}}
{{- with include "ingestion.redisFiles" $redis | trim }}
- name: redis
  projected:
    defaultMode: 0440
    sources: {{- . | nindent 6 }}
{{- end }}
{{- if and .mongo $mongo.passwordSecret.name }}
- name: mongo-password
  secret:
    secretName: {{ $mongo.passwordSecret.name }}
    items: [{key: {{ $mongo.passwordSecret.key }}, path: password}]
    defaultMode: 0440
{{- end }}
{{- with $v.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "ingestion.mounts" -}}
{{- $v := .root.Values -}}
{{- $redis := include "ingestion.redis" . | fromYaml -}}
{{- $mongo := include "ingestion.mongo" . | fromYaml -}}
{{- if include "ingestion.redisFiles" $redis | trim }}
- {name: redis, mountPath: /run/secrets/redis, readOnly: true}
{{- end }}
{{- if and .mongo $mongo.passwordSecret.name }}
- {name: mongo-password, mountPath: /run/secrets/mongo, readOnly: true}
{{- end }}
{{- with $v.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* The probes of ADMIN_ADDR. A worker that waits for a server is alive: restarting it
would bring nothing back. */ -}}
{{- define "ingestion.probes" -}}
livenessProbe:
  httpGet: {path: /livez, port: admin}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: admin}
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
{{- end -}}
