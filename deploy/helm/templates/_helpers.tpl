{{- define "ingestion.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- /* Labels by which a component is selected. Takes a dict of root and component. */ -}}
{{- define "ingestion.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "ingestion.labels" -}}
{{ include "ingestion.selector" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | trunc 63 | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "ingestion.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "ingestion.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "ingestion.fullname" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end -}}

{{- /* A value as text. Helm reads all numbers as float64, which would become 1e+06. */ -}}
{{- define "ingestion.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) -}}{{ printf "%.0f" . }}{{- else -}}{{ . }}{{- end -}}
{{- end -}}

{{- /* What the schema can't say: values that do not go together. */ -}}
{{- define "ingestion.check" -}}
{{- $v := .Values -}}
{{- $list := eq ($v.settings.QUEUE_MODE | default "list" | toString | lower) "list" -}}
{{- $tls := or $v.redis.tls.caSecret.name $v.redis.tls.certSecret.name $v.redis.tls.serverName -}}
{{- $sentinel := or $v.redis.sentinel.passwordSecret.name $v.redis.sentinel.username -}}
{{- range $name, $redis := dict "redis" $v.redis "console.redis" $v.console.redis "archiver.redis" $v.archiver.redis -}}
{{- if and $redis (and $redis.url (not $redis.urlSecret.name)) -}}
{{- if and $tls (not (hasPrefix "rediss" $redis.url)) -}}
{{- fail (printf "redis.tls: %s.url is not for TLS: want rediss instead of redis" $name) -}}
{{- end -}}
{{- if and $sentinel (not (contains "+sentinel://" $redis.url)) -}}
{{- fail (printf "redis.sentinel: %s.url names no Sentinels: want redis+sentinel://h1,h2/master/0" $name) -}}
{{- end -}}
{{- include "ingestion.ports" (dict "policy" $v.networkPolicy "of" "redis" "name" (printf "%s.url" $name) "url" $redis.url "port" (ternary "26379" "6379" (contains "+sentinel://" $redis.url))) -}}
{{- end -}}
{{- end -}}
{{- range $name, $mongo := dict "mongo" $v.mongo "console.mongo" $v.console.mongo -}}
{{- if and $mongo (and (hasPrefix "mongodb://" $mongo.uri) (not $mongo.uriSecret.name)) -}}
{{- include "ingestion.ports" (dict "policy" $v.networkPolicy "of" "mongo" "name" (printf "%s.uri" $name) "url" $mongo.uri "port" "27017") -}}
{{- end -}}
{{- end -}}
{{- if and $v.archiver.enabled $list -}}
{{- fail "archiver.enabled: a list keeps no entries to archive: want settings.QUEUE_MODE=stream" -}}
{{- end -}}
{{- if and $v.archiver.enabled (hasPrefix "file:" $v.archiver.url) (ne (index (splitList "?" $v.archiver.url) 0) "file:///archive") -}}
{{- fail "archiver.url: the volume of the archive is at file:///archive" -}}
{{- end -}}
{{- if and $v.keda.enabled (eq (int $v.keda.minReplicas) 0) (not $v.keda.queueServedElsewhere) -}}
{{- if not $v.console.enabled -}}
{{- fail "keda.minReplicas: without workers, nothing tells Prometheus what waits: want console.enabled=true, or keda.minReplicas=1" -}}
{{- end -}}
{{- if ne $v.console.auth "password" -}}
{{- fail "keda.minReplicas: Prometheus can't pass the proxy in front of the console: want console.auth=password, or keda.minReplicas=1" -}}
{{- end -}}
{{- end -}}
{{- if gt (int $v.keda.minReplicas) (int $v.keda.maxReplicas) -}}
{{- fail "keda.minReplicas: is more than keda.maxReplicas" -}}
{{- end -}}
{{- end -}}

{{- /* Fails if the policy forbids a port of an address. Takes a dict of policy, of, which is
the key of its ports, the name and the url of the address, and the port that is its default. */ -}}
{{- define "ingestion.ports" -}}
{{- if .policy.enabled -}}
{{- $ports := list -}}
{{- range (index .policy .of).ports }}{{ $ports = append $ports (include "ingestion.text" .) }}{{ end -}}
{{- $hosts := regexReplaceAll "^[^/]*//([^@/]*@)?" .url "" | splitList "/" | first | splitList "?" | first -}}
{{- range splitList "," $hosts -}}
{{- $port := regexFind ":[0-9]+$" . | trimPrefix ":" | default $.port -}}
{{- if not (has $port $ports) -}}
{{- fail (printf "networkPolicy.%s.ports: without %s, pods can't reach %s of %s" $.of $port . $.name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
