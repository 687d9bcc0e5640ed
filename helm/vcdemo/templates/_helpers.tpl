{{/* The prefix of all names; with -worker-sweep it has the 52 characters that the name of a CronJob may have. */}}
{{- define "vcdemo.name" -}}
{{- default .Release.Name .Values.nameOverride | trunc 39 | trimSuffix "-" -}}
{{- end -}}

{{/* The labels that select the pods of a component: (list . "bot") */}}
{{- define "vcdemo.selector" -}}
app.kubernetes.io/name: vcdemo
app.kubernetes.io/instance: {{ (index . 0).Release.Name | quote }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "vcdemo.labels" -}}
{{ include "vcdemo.selector" . }}
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
helm.sh/chart: {{ (index . 0).Chart.Name }}-{{ (index . 0).Chart.Version }}
{{- end -}}

{{- define "vcdemo.image" -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}{{ with .Values.image.digest }}@{{ . }}{{ end }}
{{- end -}}

{{/* Whether the user has their own Redis: a server, or servers behind sentinels. */}}
{{- define "vcdemo.ownRedis" -}}
{{- if or .Values.redis.host .Values.redis.sentinel.hosts }}yes{{ end -}}
{{- end -}}

{{/* host:port of the server, or of each sentinel */}}
{{- define "vcdemo.redisAddress" -}}
{{- if .Values.redis.sentinel.hosts -}}
{{- if .Values.redis.host }}{{ fail "Set redis.host or redis.sentinel.hosts, not both." }}{{ end -}}
{{ join "," .Values.redis.sentinel.hosts }}
{{- else if .Values.redis.host -}}{{ .Values.redis.host }}:{{ .Values.redis.port }}
{{- else if .Values.valkey.enabled -}}{{ include "vcdemo.name" . }}-valkey.{{ .Release.Namespace }}.svc:6379
{{- else -}}{{ fail "Set redis.host or redis.sentinel.hosts to your own Redis, or valkey.enabled to true." }}
{{- end -}}
{{- end -}}

{{/* Ports of Redis and its sentinels, for network policies. */}}
{{- define "vcdemo.redisPorts" -}}
{{- $ports := list (ternary .Values.redis.port 6379 (ne (include "vcdemo.ownRedis" .) "") | int) -}}
{{- range .Values.redis.sentinel.hosts }}{{ $ports = append $ports (regexFind "[0-9]+$" . | int) }}{{ end -}}
{{- range $index, $port := uniq $ports }}{{ if $index }}, {{ end }}{ port: {{ $port }} }{{ end -}}
{{- end -}}

{{- define "vcdemo.redisSecret" -}}
{{- if include "vcdemo.ownRedis" . -}}{{ .Values.redis.existingSecret }}
{{- else -}}{{ default (printf "%s-valkey" (include "vcdemo.name" .)) .Values.valkey.existingSecret }}
{{- end -}}
{{- end -}}

{{- define "vcdemo.redisTls" -}}
{{- if and (include "vcdemo.ownRedis" .) .Values.redis.tls }}yes{{ end -}}
{{- end -}}

{{- define "vcdemo.redisCaSecret" -}}
{{- if include "vcdemo.redisTls" . -}}{{ .Values.redis.caSecret }}{{- end -}}
{{- end -}}

{{- define "vcdemo.sentinelSecret" -}}
{{- if .Values.redis.sentinel.hosts -}}{{ .Values.redis.sentinel.existingSecret }}{{- end -}}
{{- end -}}

{{/* Kubernetes inserts the password, so that it appears in no manifest. */}}
{{- define "vcdemo.redisUrl" -}}
{{ ternary "rediss" "redis" (ne (include "vcdemo.redisTls" .) "") }}{{ if .Values.redis.sentinel.hosts }}+sentinel{{ end }}://
{{- if include "vcdemo.redisSecret" . }}{{ .Values.redis.username }}:$(REDIS_PASSWORD)@{{ end -}}
{{ include "vcdemo.redisAddress" . }}{{ if .Values.redis.sentinel.hosts }}/{{ .Values.redis.sentinel.name }}{{ end }}
{{- end -}}

{{/* The host cluster in the configuration that this release's workers are for. */}}
{{- define "vcdemo.hostCluster" -}}
{{- $names := keys (dig "clusters" dict .Values.config) | sortAlpha -}}
{{- if .Values.worker.hostCluster -}}
{{- if not (has .Values.worker.hostCluster $names) }}{{ fail (printf "worker.hostCluster is %s, but config.clusters has: %s." .Values.worker.hostCluster (join ", " $names)) }}{{ end -}}
{{ .Values.worker.hostCluster }}
{{- else if $names -}}
{{ fail (printf "Set worker.hostCluster to one of config.clusters: %s." (join ", " $names)) }}
{{- end -}}
{{- end -}}

{{/* The name of one of these workers' queues, as in src/commands/payload.ts: (list . "provisioning") */}}
{{- define "vcdemo.queue" -}}
{{- $cluster := include "vcdemo.hostCluster" (index . 0) -}}
{{ index . 1 }}{{ if $cluster }}-{{ $cluster }}{{ end }}
{{- end -}}

{{/* Whether the chart creates the worker's roles: in another host cluster it cannot. */}}
{{- define "vcdemo.makesRights" -}}
{{- if and .Values.worker.enabled .Values.rbac.create (not .Values.worker.kubeconfigSecret) }}yes{{ end -}}
{{- end -}}

{{/* The ClusterRole that the worker binds itself to in the demos' namespaces; empty if its permissions are cluster-wide. */}}
{{- define "vcdemo.demoClusterRole" -}}
{{- if .Values.rbac.demoClusterRole -}}{{ .Values.rbac.demoClusterRole }}
{{- else if include "vcdemo.makesRights" . -}}{{ include "vcdemo.name" . }}-demo-{{ .Release.Namespace }}
{{- end -}}
{{- end -}}

{{/* The environment that bot and worker share. */}}
{{- define "vcdemo.env" -}}
{{- with include "vcdemo.redisSecret" . }}
- { name: REDIS_PASSWORD, valueFrom: { secretKeyRef: { name: {{ . }}, key: redis-password } } }
{{- end }}
- { name: REDIS_URL, value: {{ include "vcdemo.redisUrl" . | quote }} }
{{- with include "vcdemo.redisCaSecret" . }}
- { name: REDIS_CA, valueFrom: { secretKeyRef: { name: {{ . }}, key: ca.crt } } }
{{- end }}
{{- with include "vcdemo.sentinelSecret" . }}
- { name: REDIS_SENTINEL_PASSWORD, valueFrom: { secretKeyRef: { name: {{ . }}, key: sentinel-password } } }
{{- end }}
{{- with .Values.redis.sentinel.username }}
- { name: REDIS_SENTINEL_USERNAME, value: {{ . | quote }} }
{{- end }}
- { name: VCDEMO_CONFIG, value: /etc/vcdemo/config.yaml }
- { name: SLACK_BOT_TOKEN, valueFrom: { secretKeyRef: { name: {{ include "vcdemo.slackSecret" . }}, key: SLACK_BOT_TOKEN } } }
{{- with .Values.slack.apiUrl }}
- { name: SLACK_API_URL, value: {{ . | quote }} }
{{- end }}
{{- include "vcdemo.networkEnv" . }}
{{- end -}}

{{/* The corporate proxy. The API server, Services and Redis are on this side of it. */}}
{{- define "vcdemo.networkEnv" -}}
{{- with .Values.proxy }}
{{- range $name, $url := dict "HTTPS_PROXY" .https "HTTP_PROXY" .http }}
{{- if $.Values.proxy.existingSecret }}
- { name: {{ $name }}, valueFrom: { secretKeyRef: { name: {{ $.Values.proxy.existingSecret }}, key: {{ $name }}, optional: true } } }
{{- else if $url }}
- { name: {{ $name }}, value: {{ $url | quote }} }
{{- end }}
{{- end }}
{{- if or .https .http .existingSecret }}
- { name: NO_PROXY, value: {{ compact (list .noProxy "$(KUBERNETES_SERVICE_HOST)" ".svc" ".cluster.local") | join "," | quote }} }
{{- end }}
{{- end }}
{{- if include "vcdemo.extraCa" . }}
- { name: NODE_EXTRA_CA_CERTS, value: /etc/vcdemo-ca/ca.crt }
{{- end }}
{{- end -}}

{{/* The ports of the proxies; empty if there are none. */}}
{{- define "vcdemo.proxyPorts" -}}
{{- with .Values.proxy }}
{{- $ports := list }}
{{- if .existingSecret }}{{ $ports = append $ports (int .port) }}{{ else }}
{{- range compact (list .https .http) }}
{{- $ports = append $ports (int (default (ternary "443" "80" (hasPrefix "https:" .)) (regexFind "[0-9]+$" (regexFind ":[0-9]+$" (trimSuffix "/" .))))) }}
{{- end }}
{{- end }}
{{- range $index, $port := uniq $ports }}{{ if $index }}, {{ end }}{ port: {{ $port }} }{{ end }}
{{- end }}
{{- end -}}

{{/* The volume with extra CAs to trust; empty if there is none. */}}
{{- define "vcdemo.extraCa" -}}
{{- with .Values.extraCa }}
{{- if .secret }}{ name: extra-ca, secret: { secretName: {{ .secret }}, items: [{ key: {{ .key }}, path: ca.crt }] } }
{{- else if .configMap }}{ name: extra-ca, configMap: { name: {{ .configMap }}, items: [{ key: {{ .key }}, path: ca.crt }] } }
{{- end }}
{{- end }}
{{- end -}}

{{- define "vcdemo.slackSecret" -}}
{{ required "Set slack.existingSecret to the name of a Secret with SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET." .Values.slack.existingSecret }}
{{- end -}}

{{- define "vcdemo.jobKeysSecret" -}}
{{ .Values.jobKeys.existingSecret | default (printf "%s-job-keys" (include "vcdemo.name" .)) }}
{{- end -}}

{{- define "vcdemo.botEnv" -}}
{{ include "vcdemo.env" . }}
- { name: JOB_SIGNING_KEY, valueFrom: { secretKeyRef: { name: {{ include "vcdemo.jobKeysSecret" . }}, key: JOB_SIGNING_KEY } } }
- { name: SLACK_MODE, value: {{ .Values.slack.mode }} }
{{- if eq .Values.slack.mode "http" }}
- { name: SLACK_SIGNING_SECRET, valueFrom: { secretKeyRef: { name: {{ include "vcdemo.slackSecret" . }}, key: SLACK_SIGNING_SECRET } } }
{{- else }}
- { name: SLACK_APP_TOKEN, valueFrom: { secretKeyRef: { name: {{ include "vcdemo.slackSecret" . }}, key: SLACK_APP_TOKEN } } }
{{- end }}
{{- with .Values.bot.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The pods of the worker and of the sweep: (list . command) */}}
{{- define "vcdemo.workerPod" -}}
{{- $ := index . 0 -}}
{{- if ge (int $.Values.worker.stopSeconds) (int $.Values.worker.terminationGracePeriodSeconds) }}
{{- fail (printf "worker.stopSeconds (%v) must be less than worker.terminationGracePeriodSeconds (%v), after which the pod is killed." $.Values.worker.stopSeconds $.Values.worker.terminationGracePeriodSeconds) }}
{{- end -}}
serviceAccountName: {{ include "vcdemo.name" $ }}-worker
{{- with $.Values.image.pullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
securityContext: {{ include "vcdemo.podSecurity" $ | nindent 2 }}
terminationGracePeriodSeconds: {{ $.Values.worker.terminationGracePeriodSeconds }}
volumes:
  - { name: config, configMap: { name: {{ include "vcdemo.name" $ | quote }} } }
  - { name: tmp, emptyDir: {} }
  {{- with include "vcdemo.extraCa" $ }}
  - {{ . }}
  {{- end }}
  {{- with $.Values.worker.kubeconfigSecret }}
  - { name: kubeconfig, secret: { secretName: {{ . }}, defaultMode: 0440 } }
  {{- end }}
  {{- with $.Values.worker.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
containers:
  - name: worker
    image: {{ include "vcdemo.image" $ }}
    imagePullPolicy: {{ $.Values.image.pullPolicy }}
    command: {{ toJson (index . 1) }}
    env:
      {{- include "vcdemo.env" $ | nindent 6 }}
      - { name: JOB_KEYS, valueFrom: { secretKeyRef: { name: {{ include "vcdemo.jobKeysSecret" $ }}, key: JOB_KEYS } } }
      - { name: WORKER_CONCURRENCY, value: {{ $.Values.worker.concurrency | quote }} }
      {{- with include "vcdemo.hostCluster" $ }}
      - { name: HOST_CLUSTER, value: {{ . | quote }} }
      {{- end }}
      - { name: WORKER_STOP_SECONDS, value: {{ $.Values.worker.stopSeconds | quote }} }
      {{- with include "vcdemo.demoClusterRole" $ }}
      - { name: DEMO_CLUSTER_ROLE, value: {{ . | quote }} }
      {{- end }}
      {{- if $.Values.worker.kubeconfigSecret }}
      - { name: KUBECONFIG, value: /etc/vcdemo-host/kubeconfig }
      {{- end }}
      {{- with $.Values.worker.extraEnv }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    {{- if index . 2 }}
    ports: [{ name: http, containerPort: 3001 }]
    livenessProbe: { httpGet: { path: /healthz, port: http }, periodSeconds: 20 }
    readinessProbe: { httpGet: { path: /readyz, port: http }, periodSeconds: 5 }
    {{- end }}
    securityContext: {{ include "vcdemo.containerSecurity" $ | nindent 6 }}
    resources: {{ toYaml $.Values.worker.resources | nindent 6 }}
    volumeMounts:
      - { name: config, mountPath: /etc/vcdemo, readOnly: true }
      - { name: tmp, mountPath: /tmp }
      {{- if include "vcdemo.extraCa" $ }}
      - { name: extra-ca, mountPath: /etc/vcdemo-ca, readOnly: true }
      {{- end }}
      {{- if $.Values.worker.kubeconfigSecret }}
      - { name: kubeconfig, mountPath: /etc/vcdemo-host, readOnly: true }
      {{- end }}
      {{- with $.Values.worker.extraVolumeMounts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
{{- end -}}

{{- define "vcdemo.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "vcdemo.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}
