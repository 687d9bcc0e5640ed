import type { DemoConfig } from '../../config.js';
import type { AdmissionRuleId } from '../../config/admission.js';
import { copiedNotes } from '../client/objects.js';

/*
 * What may exist in the namespaces of demos, whoever creates it, as rules in CEL. They list what is allowed, so features of
 * later Kubernetes versions are refused until somebody has reviewed them.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
 * @see https://kubernetes.io/docs/concepts/security/pod-security-standards/
 */

/** Objects of a kind, what decides when a pod ends, or everything that a tenant writes. */
export type Subject = 'pod' | 'podEnd' | 'service' | 'endpoints' | 'claim' | 'secret' | 'stored' | 'route' | 'tenant';

interface AdmissionRule {
  /** CEL: whether the rule applies. */
  on: Subject;
  /** Whether the rule applies only on creation: the field cannot be changed later, or others fill it in. */
  onCreate?: boolean;
  /** CEL: what must be true. `__name__` is replaced with a list; see `lists` in admission-policy.ts. */
  allows: string;
  /** All that a person in a virtual cluster sees: what is refused, and what to do. */
  says: string;
  /** The smallest object that this rule, and no other, refuses: kind and fields. */
  probe: Probe;
}

interface Probe {
  apiVersion: string;
  kind: string;
  metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
  [field: string]: unknown;
}

/** An object with this annotation is treated as if a virtual cluster had written it, so that preflight can test it. */
const asTenant = 'probe.vcdemo.io/as-tenant';
const runtimeClassProbe = 'probe.vcdemo.io/runtime-class';
/** With it, an object is treated as a write of a pod's status, or as written by somebody else than the worker. */
const podStatusProbe = 'probe.vcdemo.io/pod-status';
const strangerProbe = 'probe.vcdemo.io/as-stranger';
/** On a namespace: the StorageClasses that claims in it may name. */
export const storageClassesAnnotation = 'vcdemo.io/storage-classes';
/** On a namespace: the account of the worker that created it. */
export const workerAnnotation = 'vcdemo.io/worker';

const debug = 'to debug, use `kubectl debug --profile=restricted`';
const list = (...items: string[]) => `[${items.map((item) => `'${item}'`).join(', ')}]`;
const words = (text: string) => list(...text.trim().split(/\s+/));

/** API groups whose objects lead traffic or names from outside to a namespace, or change where it goes. */
const routingGroups = words(`apisix.apache.org configuration.konghq.com elbv2.k8s.aws externaldns.k8s.io
  gateway.envoyproxy.io gateway.networking.k8s.io gateway.networking.x-k8s.io gateway.nginx.org getambassador.io
  hub.traefik.io ingress.v1.haproxy.org k8s.nginx.org networking.gke.io networking.istio.io projectcontour.io
  route.openshift.io traefik.containo.us traefik.io`);

/**
 * The objects that lead to a demo from outside, by kind of exposure, and when one of them leads only to this demo: all its
 * host names are the demo's, and its Services are in the same namespace. All kinds count, whichever is configured; other
 * kinds of the same groups are refused.
 */
const routes: Record<Exclude<DemoConfig['exposure']['kind'], 'none'>, { resources: string[]; allows: string }> = {
  nginx: {
    resources: ['networking.k8s.io/ingresses'],
    allows: `!has(object.spec.defaultBackend) && object.spec.?rules.orValue([]).size() > 0 &&
      object.spec.rules.all(r, r.?host.orValue('') in variables.hosts) &&
      object.spec.?tls.orValue([]).all(t, t.?hosts.orValue([]).all(h, h in variables.hosts)) &&
      (!variables.tenant || variables.annotations.all(k, !k.startsWith('nginx.ingress.kubernetes.io/'))) &&
      variables.annotations.all(k, !k.startsWith('nginx.ingress.kubernetes.io/') ||
        (k != 'nginx.ingress.kubernetes.io/server-alias' && !k.endsWith('-snippet')))`,
  },
  traefik: {
    resources: ['traefik.io/ingressroutetcps', 'traefik.containo.us/ingressroutetcps'],
    allows: `object.spec.routes.all(r, variables.hosts.exists(h, r.match == 'HostSNI(\`' + h + '\`)') &&
      r.?services.orValue([]).all(s, !has(s.namespace)))`,
  },
  gateway: {
    resources: ['gateway.networking.k8s.io/tlsroutes'],
    allows: `object.spec.?hostnames.orValue([]).size() > 0 &&
      object.spec.hostnames.all(h, h in variables.hosts) &&
      object.spec.?rules.orValue([]).all(r, r.?backendRefs.orValue([]).all(b, !has(b.namespace)))`,
  },
  route: {
    resources: ['route.openshift.io/routes'],
    allows: `object.spec.?host.orValue('') in variables.hosts`,
  },
};

/** CEL: whether an account is one in which people in a demo act: vcluster and their pods, and vc-client in both namespaces. */
export const isTenantAccount = (account: string) =>
  `${account}.startsWith('system:serviceaccount:' + request.namespace + ':') || ${account}.matches('^system:serviceaccount:[^:]+:vc-client$')`;

/** The variables that the rules use. A variable can use those above it. */
export const variables: Record<string, string> = {
  subresource: "request.?subResource.orValue('')",
  // A resource and its subresources: `pods`, `apps/statefulsets`, `pods/status`.
  resource:
    "(request.resource.group == '' ? '' : request.resource.group + '/') + request.resource.resource + (variables.subresource == '' ? '' : '/' + variables.subresource)",
  account: "request.userInfo.?username.orValue('')",
  writes: "request.operation in ['CREATE', 'UPDATE']",
  creates: "request.operation == 'CREATE'",
  labels: 'variables.writes ? object.metadata.?labels.orValue({}) : {}',
  annotations: 'variables.writes ? object.metadata.?annotations.orValue({}) : {}',
  // Kubernetes' own controllers, which have one account each, or share one.
  controller:
    "variables.account == 'system:kube-controller-manager' || variables.account.startsWith('system:serviceaccount:kube-system:')",
  tenant: `'${asTenant}' in variables.annotations || ${isTenantAccount('variables.account')}`,
  worker: `namespaceObject.metadata.?annotations.orValue({})[?'${workerAnnotation}'].orValue('')`,
  pod: `variables.writes && variables.resource in ${words('pods pods/ephemeralcontainers pods/resize')}`,
  // Kubernetes fills in a pod's own grace period before it asks the policy, and must be able to delete older pods.
  podEnd: "variables.pod || (variables.tenant && request.operation == 'DELETE' && variables.resource == 'pods')",
  service: "variables.writes && variables.resource == 'services'",
  endpoints: `variables.writes && variables.resource in ${words('endpoints discovery.k8s.io/endpointslices')}`,
  claim: "variables.writes && variables.resource == 'persistentvolumeclaims'",
  secret: "variables.writes && variables.resource == 'secrets'",
  stored: "variables.writes && variables.resource in ['secrets', 'configmaps']",
  route: `variables.writes && (request.resource.group in ${routingGroups} || variables.resource in ${list(...Object.values(routes).flatMap(({ resources }) => resources))})`,
  demo: "namespaceObject.metadata.?labels.orValue({})[?'vcdemo.io/demo'].orValue('')",
  cluster: "namespaceObject.metadata.?labels.orValue({})[?'vcdemo.io/virtual-cluster'].orValue('')",
  containers:
    'object.spec.containers + object.spec.?initContainers.orValue([]) + object.spec.?ephemeralContainers.orValue([])',
  // The security contexts of the pod and its containers.
  contexts: '[object.spec.?securityContext.orValue({})] + variables.containers.map(c, c.?securityContext.orValue({}))',
  // The probes and hooks that the kubelet calls, one list per container.
  handlers: `variables.containers.map(c, [${[
    'livenessProbe',
    'readinessProbe',
    'startupProbe',
    'lifecycle.?postStart',
    'lifecycle.?preStop',
  ]
    .map((field) => `c.?${field}.orValue({})`)
    .join(', ')}])`,
  // The public names of the demo.
  hosts: "__hosts__.map(h, h.replace('{demo}', variables.demo).replace('{cluster}', variables.cluster))",
};

const podFields = words(`activeDeadlineSeconds affinity automountServiceAccountToken containers dnsConfig dnsPolicy
  enableServiceLinks ephemeralContainers hostAliases hostIPC hostNetwork hostPID hostUsers hostname hostnameOverride
  imagePullSecrets initContainers nodeName nodeSelector os overhead preemptionPolicy priority priorityClassName
  readinessGates resources restartPolicy runtimeClassName schedulerName schedulingGates securityContext serviceAccount
  serviceAccountName setHostnameAsFQDN shareProcessNamespace subdomain terminationGracePeriodSeconds tolerations
  topologySpreadConstraints volumes`);
const containerFields = words(`args command env envFrom image imagePullPolicy lifecycle livenessProbe name ports
  readinessProbe resizePolicy resources restartPolicy restartPolicyRules securityContext startupProbe stdin stdinOnce
  targetContainerName terminationMessagePath terminationMessagePolicy tty volumeDevices volumeMounts workingDir`);
const contextFields =
  words(`allowPrivilegeEscalation appArmorProfile capabilities fsGroup fsGroupChangePolicy privileged
  procMount readOnlyRootFilesystem runAsGroup runAsNonRoot runAsUser seLinuxChangePolicy seLinuxOptions seccompProfile
  supplementalGroups supplementalGroupsPolicy sysctls windowsOptions`);
const serviceFields = words(`clusterIP clusterIPs externalIPs internalTrafficPolicy ipFamilies ipFamilyPolicy ports
  publishNotReadyAddresses selector sessionAffinity sessionAffinityConfig trafficDistribution type`);
/** Without `selector`, which picks one of the volumes that exist. */
const claimFields = words('accessModes dataSource dataSourceRef resources storageClassName volumeMode volumeName');
/** Kubernetes still prefers it to the field. */
const oldStorageClass = 'volume.beta.kubernetes.io/storage-class';
/** What quota and limits count. */
const countedResources = words('cpu memory ephemeral-storage');
const safeSysctls = words(`kernel.shm_rmid_forced net.ipv4.ip_local_port_range net.ipv4.ip_local_reserved_ports
  net.ipv4.ip_unprivileged_port_start net.ipv4.ping_group_range net.ipv4.tcp_fin_timeout net.ipv4.tcp_keepalive_intvl
  net.ipv4.tcp_keepalive_probes net.ipv4.tcp_keepalive_time net.ipv4.tcp_rmem net.ipv4.tcp_syncookies net.ipv4.tcp_wmem`);

/**
 * The longest time in seconds that a pod may go on after it was deleted. Up to Kubernetes 1.32, a namespace that is deleted
 * can lose its NetworkPolicies before its pods.
 * @see https://github.com/kubernetes/kubernetes/issues/126587
 */
const longestGrace = 120;

/** What vcluster's Role lets it write; Endpoints and EndpointSlices also have their own rule. */
const tenantKinds = words(`pods pods/status pods/ephemeralcontainers pods/resize services configmaps secrets
  persistentvolumeclaims endpoints events events.k8s.io/events discovery.k8s.io/endpointslices apps/deployments
  apps/replicasets apps/statefulsets coordination.k8s.io/leases`);

/**
 * Annotations that make controllers and network plugins of the host act outside the namespace, or on the node. vcluster itself
 * writes cluster-autoscaler.kubernetes.io/safe-to-evict.
 */
const hostAnnotations = words(`ad.datadoghq.com/ admission.datadoghq.com/ azure.workload.identity/
  cni.projectcalico.org/ co.elastic. consul.hashicorp.com/
  descheduler.alpha.kubernetes.io/ eks.amazonaws.com/ external-dns.alpha.kubernetes.io/ fluentbit.io/ getambassador.io/
  gke-gcsfuse/ haproxy-ingress.github.io/ haproxy.org/ iam.amazonaws.com/ ingress.kubernetes.io/ instrumentation.opentelemetry.io/ io.katacontainers. io.kubernetes.cri-o. k8s-sidecar-
  k8s.ovn.org/ k8s.v1.cni.cncf.io/ karpenter.sh/ kubed.appscode.com/ kubernetes.io/config. linkerd.io/ metallb.io/
  metallb.universe.tf/ networking.gke.io/ ovn.kubernetes.io/ reflector.v1.k8s.emberstack.com/
  replicator.v1.mittwald.de/ service.beta.kubernetes.io/ service.cilium.io/ sidecar.opentelemetry.io/ tailscale.com/
  v1.multus-cni.io/ vault.hashicorp.com/`);

/**
 * Labels by which a Grafana of the host finds its dashboards and data sources in all namespaces, and by which webhooks of
 * the host add containers, settings and tokens to pods.
 */
const hostLabels = words('grafana_ admission.datadoghq.com/ azure.workload.identity/');

const pod = (spec: object = {}, container: object = {}, metadata?: Probe['metadata']): Probe => ({
  apiVersion: 'v1',
  kind: 'Pod',
  ...(metadata && { metadata }),
  spec: { containers: [{ name: 'probe', image: 'vcdemo.invalid/probe:1', ...container }], ...spec },
});
const service = (spec: object): Probe => ({
  apiVersion: 'v1',
  kind: 'Service',
  spec: { ports: [{ port: 80 }], ...spec },
});
const claim = (spec: object): Probe => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } }, ...spec },
});
const asTenants = { annotations: { [asTenant]: 'true' } };

export const admissionRules: Record<AdmissionRuleId, AdmissionRule> = {
  'host-namespaces': {
    on: 'pod',
    allows: `['hostNetwork', 'hostPID', 'hostIPC'].all(f, !object.spec[?f].orValue(false))`,
    says: `pods in a demo cannot use the node's namespaces: remove hostNetwork, hostPID and hostIPC; ${debug}`,
    probe: pod({ hostPID: true }),
  },
  privileged: {
    on: 'pod',
    allows: 'variables.contexts.all(s, !s.?privileged.orValue(false))',
    says: `containers in a demo cannot be privileged: remove securityContext.privileged; ${debug}`,
    probe: pod({}, { securityContext: { privileged: true } }),
  },
  capabilities: {
    on: 'pod',
    allows: `variables.containers.all(c, c.?securityContext.?capabilities.?add.orValue([]).all(a,
      a == 'NET_BIND_SERVICE' || (a in ['NET_ADMIN', 'NET_RAW'] && c.image in __proxyImages__)))`,
    says: `containers in a demo can add no capability but NET_BIND_SERVICE (with the image __proxyImages__ also NET_ADMIN and NET_RAW): remove the others from securityContext.capabilities.add; ${debug}`,
    probe: pod({}, { image: 'vcdemo.invalid/proxyv2:1', securityContext: { capabilities: { add: ['NET_ADMIN'] } } }),
  },
  volumes: {
    on: 'pod',
    allows: `object.spec.?volumes.orValue([]).all(v,
      v.all(k, k in ${words('name configMap csi downwardAPI emptyDir ephemeral image persistentVolumeClaim projected secret')}) &&
      (!has(v.csi) || v.csi.driver in __csiDrivers__) &&
      v.?projected.?sources.orValue([]).all(s, s.all(k, k in ${words('configMap downwardAPI secret serviceAccountToken')})))`,
    says: 'pods in a demo can mount only configMap, downwardAPI, emptyDir, ephemeral, image, persistentVolumeClaim, projected and secret volumes, nothing from the node or the network: use a PersistentVolumeClaim or an emptyDir instead',
    probe: pod({ volumes: [{ name: 'probe', hostPath: { path: '/' } }] }),
  },
  'host-ports': {
    on: 'pod',
    allows: 'variables.containers.all(c, c.?ports.orValue([]).all(p, p.?hostPort.orValue(0) == 0))',
    says: 'pods in a demo cannot use ports of the node: remove hostPort and use a Service or `kubectl port-forward` instead',
    probe: pod({}, { ports: [{ containerPort: 80, hostPort: 80 }] }),
  },
  'probe-hosts': {
    on: 'pod',
    allows: `variables.handlers.all(hs, hs.all(h,
      h.?httpGet.?host.orValue('') == '' && h.?tcpSocket.?host.orValue('') == ''))`,
    says: 'probes and lifecycle hooks can call only their own pod, because the node makes the call: remove host from httpGet and tcpSocket (an HTTP header named Host is allowed)',
    probe: pod({}, { livenessProbe: { tcpSocket: { host: '127.0.0.1', port: 80 } } }),
  },
  seccomp: {
    on: 'pod',
    allows: `variables.contexts.all(s, s.?seccompProfile.?type.orValue('RuntimeDefault') in ['RuntimeDefault', 'Localhost'])`,
    says: 'containers in a demo cannot turn seccomp off: set seccompProfile.type to RuntimeDefault, or remove it',
    probe: pod({ securityContext: { seccompProfile: { type: 'Unconfined' } } }),
  },
  apparmor: {
    on: 'pod',
    allows: `variables.contexts.all(s, s.?appArmorProfile.?type.orValue('RuntimeDefault') in ['RuntimeDefault', 'Localhost']) &&
      variables.annotations.all(k, !k.startsWith('container.apparmor.security.beta.kubernetes.io/') ||
        variables.annotations[k] in ['', 'runtime/default'] || variables.annotations[k].startsWith('localhost/'))`,
    says: 'containers in a demo cannot turn AppArmor off: set appArmorProfile.type to RuntimeDefault, or remove it and its annotation',
    probe: pod({ securityContext: { appArmorProfile: { type: 'Unconfined' } } }),
  },
  selinux: {
    on: 'pod',
    allows: `variables.contexts.all(s, !has(s.seLinuxOptions) || (
      s.seLinuxOptions.?type.orValue('') in ['', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t'] &&
      s.seLinuxOptions.?user.orValue('') == '' && s.seLinuxOptions.?role.orValue('') == ''))`,
    says: 'containers in a demo can have only an SELinux type for containers, and no user or role: remove seLinuxOptions',
    probe: pod({ securityContext: { seLinuxOptions: { type: 'spc_t' } } }),
  },
  'proc-mount': {
    on: 'pod',
    allows: `variables.contexts.all(s, s.?procMount.orValue('Default') == 'Default')`,
    says: 'containers in a demo cannot have an unmasked /proc: remove securityContext.procMount',
    probe: pod({ hostUsers: false }, { securityContext: { procMount: 'Unmasked' } }),
  },
  sysctls: {
    on: 'pod',
    allows: `object.spec.?securityContext.?sysctls.orValue([]).all(s, s.name in ${safeSysctls})`,
    says: 'pods in a demo can set only the sysctls that Pod Security considers safe: remove the others from securityContext.sysctls',
    probe: pod({ securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } }),
  },
  windows: {
    on: 'pod',
    allows: `variables.contexts.all(s, s.?windowsOptions.orValue({}).all(k,
      k == 'runAsUserName' || (k == 'hostProcess' && !s.windowsOptions.hostProcess)))`,
    says: 'windowsOptions can have only runAsUserName in a demo: remove the rest',
    probe: pod({ securityContext: { windowsOptions: { gmsaCredentialSpecName: 'probe' } } }),
  },
  'node-name': {
    on: 'pod',
    onCreate: true,
    allows: '!has(object.spec.nodeName)',
    says: 'pods in a demo are placed by the scheduler: remove nodeName; nodeSelector and affinity are allowed',
    probe: pod({ nodeName: 'vcdemo-probe' }),
  },
  tolerations: {
    on: 'pod',
    allows: `object.spec.?tolerations.orValue([]).all(t,
      t.?key.orValue('').startsWith('node.kubernetes.io/') || t.?key.orValue('') == 'cni.istio.io/not-ready' ||
      t.?key.orValue('') in __tolerations__)`,
    says: "pods in a demo cannot tolerate taints that reserve nodes, such as the control plane's: remove all tolerations, also those without a key, except for keys that begin with node.kubernetes.io/",
    probe: pod({ tolerations: [{ operator: 'Exists' }] }),
  },
  priority: {
    on: 'pod',
    allows: `object.spec.?priorityClassName.orValue('') == '' || object.spec.priorityClassName in __priorityClasses__`,
    says: 'pods in a demo cannot displace other pods: remove priorityClassName (if it has none, the host cluster has a default PriorityClass, which its operators can add to isolation.also.priorityClasses)',
    probe: pod({ priorityClassName: 'system-node-critical' }),
  },
  'runtime-class': {
    on: 'pod',
    // The API server refuses nonexistent classes before it asks the policy, so the probe uses an annotation instead.
    allows: `[object.spec.?runtimeClassName.orValue(variables.annotations[?'${runtimeClassProbe}'].orValue(''))].all(
      c, c == '' || c in __runtimeClasses__)`,
    says: 'pods in a demo run in the default container runtime: remove runtimeClassName',
    probe: pod({}, {}, { annotations: { [runtimeClassProbe]: 'vcdemo-probe' } }),
  },
  resources: {
    on: 'pod',
    // Devices, such as GPUs, and huge pages: no quota limits what it does not name.
    allows: `([object.spec.?resources.orValue({})] + variables.containers.map(c, c.?resources.orValue({}))).all(r,
      r.?limits.orValue({}).all(k, k in ${countedResources} || k in __resources__) &&
      r.?requests.orValue({}).all(k, k in ${countedResources} || k in __resources__))`,
    says: 'containers in a demo can ask only for cpu, memory and ephemeral-storage: remove others, such as GPUs and huge pages, from the limits and requests in resources',
    probe: pod({}, { resources: { limits: { 'vcdemo.invalid/probe': '1' } } }),
  },
  affinity: {
    on: 'pod',
    // The scheduler keeps other pods away from a pod whose anti-affinity matches them, in whichever namespace they are.
    allows: `[object.spec.?affinity.?podAffinity.orValue({}), object.spec.?affinity.?podAntiAffinity.orValue({})].all(a,
      (a.?requiredDuringSchedulingIgnoredDuringExecution.orValue([]) +
        a.?preferredDuringSchedulingIgnoredDuringExecution.orValue([]).map(p, p.podAffinityTerm)).all(t,
        !has(t.namespaceSelector) && t.?namespaces.orValue([]).all(n, n == request.namespace)))`,
    says: 'pods in a demo cannot depend on pods of other namespaces, whose pods they could keep from nodes: remove namespaces and namespaceSelector from affinity',
    probe: pod({
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { topologyKey: 'kubernetes.io/hostname', labelSelector: {}, namespaceSelector: {} },
          ],
        },
      },
    }),
  },
  'pod-fields': {
    on: 'pod',
    allows: `object.spec.all(k, k in ${podFields}) &&
      variables.containers.all(c, c.all(k, k in ${containerFields})) &&
      variables.contexts.all(s, s.all(k, k in ${contextFields}))`,
    says: 'the pod has a field that is not available in a demo, such as resourceClaims, or that is newer than this policy: remove it, or ask the vcdemo operators',
    probe: pod({ resourceClaims: [{ name: 'probe', resourceClaimName: 'probe' }] }),
  },
  'grace-period': {
    on: 'podEnd',
    allows: `variables.pod
      ? object.spec.?terminationGracePeriodSeconds.orValue(0) <= ${longestGrace} &&
        variables.handlers.all(hs, hs.all(h, h.?terminationGracePeriodSeconds.orValue(0) <= ${longestGrace}))
      : request.?options.?gracePeriodSeconds.orValue(0) <= ${longestGrace}`,
    says: `pods in a demo must stop within ${longestGrace} seconds of being deleted: lower terminationGracePeriodSeconds, also in probes, or the --grace-period of kubectl delete`,
    probe: pod({ terminationGracePeriodSeconds: longestGrace + 1 }),
  },
  'service-type': {
    on: 'service',
    allows: `object.spec.?type.orValue('ClusterIP') == 'ClusterIP'`,
    says: 'Services in a demo can only be of type ClusterIP, not LoadBalancer, NodePort or ExternalName: use ClusterIP, and `kubectl port-forward` or the mesh to reach it',
    probe: service({ type: 'ExternalName', externalName: 'vcdemo.invalid' }),
  },
  'external-ips': {
    on: 'service',
    allows: 'object.spec.?externalIPs.orValue([]).size() == 0',
    says: 'Services in a demo cannot take over addresses: remove externalIPs',
    probe: service({ externalIPs: ['192.0.2.1'] }),
  },
  'service-fields': {
    on: 'service',
    allows: `object.spec.all(k, k in ${serviceFields})`,
    says: 'the Service has a field for load balancers, or one that is newer than this policy: remove it, or ask the vcdemo operators',
    probe: service({ loadBalancerIP: '192.0.2.1' }),
  },
  endpoints: {
    on: 'endpoints',
    allows: 'variables.controller',
    says: 'a demo cannot set the endpoints of a Service, which could lead anywhere: give the Service a selector, or use a ServiceEntry in the mesh',
    probe: {
      apiVersion: 'v1',
      kind: 'Endpoints',
      subsets: [{ addresses: [{ ip: '192.0.2.1' }], ports: [{ port: 80 }] }],
    },
  },
  'volume-name': {
    on: 'claim',
    allows: `!has(object.spec.volumeName) || (!variables.creates &&
      (variables.controller || oldObject.spec.?volumeName.orValue('') == object.spec.volumeName))`,
    says: 'a PersistentVolumeClaim in a demo always gets a new volume: remove volumeName',
    probe: claim({ volumeName: 'vcdemo-probe' }),
  },
  'data-source': {
    on: 'claim',
    onCreate: true,
    allows: `[object.spec.?dataSource.orValue({}), object.spec.?dataSourceRef.orValue({})].all(d, d.size() == 0 || (
      d.kind in ['PersistentVolumeClaim', 'VolumeSnapshot'] && !has(d.namespace) &&
      variables.cluster != '' && d.name.endsWith('-x-' + variables.cluster)))`,
    says: 'a PersistentVolumeClaim in a demo can copy only claims and snapshots of the same virtual cluster: remove dataSource and dataSourceRef',
    probe: claim({ dataSource: { kind: 'PersistentVolumeClaim', name: 'vcdemo-probe' } }),
  },
  'storage-class': {
    on: 'claim',
    allows: `variables.annotations[?'${oldStorageClass}'].orValue('') == (variables.creates ? '' :
        oldObject.metadata.?annotations.orValue({})[?'${oldStorageClass}'].orValue('')) &&
      ((!variables.creates && oldObject.spec.?storageClassName.orValue('') == object.spec.?storageClassName.orValue('')) ||
      (object.spec.?storageClassName.orValue('') != '' && object.spec.storageClassName in (
        __storageClasses__.size() > 0 ? __storageClasses__ :
          namespaceObject.metadata.?annotations.orValue({})[?'${storageClassesAnnotation}'].orValue('').split(','))))`,
    says: 'this StorageClass (or an empty one) is not available in a demo: remove storageClassName, or its annotation, to get the default one',
    probe: claim({ storageClassName: 'vcdemo-probe' }),
  },
  'claim-fields': {
    on: 'claim',
    allows: `object.spec.all(k, k in ${claimFields})`,
    says: 'the PersistentVolumeClaim has a field that is not available in a demo, or that is newer than this policy: remove it, or ask the vcdemo operators',
    probe: claim({ volumeAttributesClassName: 'vcdemo-probe' }),
  },
  'secret-types': {
    on: 'secret',
    allows: `!(object.?type.orValue('Opaque') in ['kubernetes.io/service-account-token', 'bootstrap.kubernetes.io/token'])`,
    says: 'a Secret in a demo cannot request tokens of the host cluster: use `kubectl create token` instead',
    probe: {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { annotations: { 'kubernetes.io/service-account.name': 'default' } },
      type: 'kubernetes.io/service-account-token',
    },
  },
  'route-accounts': {
    on: 'route',
    // Tenants are left to the rule on kinds. Others may change what is not the spec. Controllers derive routes from Ingresses.
    allows: `!('${strangerProbe}' in variables.annotations) && (variables.worker == '' ||
      variables.account == variables.worker || variables.tenant || variables.controller ||
      variables.account.startsWith('system:serviceaccount:openshift-route-controller-manager:') ||
      (!variables.creates && has(oldObject.spec) && object.spec == oldObject.spec))`,
    says: "only vcdemo's worker can expose a demo: use the demo's own public names, or `kubectl port-forward`",
    probe: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { annotations: { [strangerProbe]: 'true' } },
      spec: { defaultBackend: { service: { name: 'vcdemo-probe', port: { number: 80 } } } },
    },
  },
  'host-names': {
    on: 'route',
    allows: `${Object.values(routes)
      .map(({ resources, allows }) => `variables.resource in ${list(...resources)} ? ${allows} : `)
      .join('')}variables.controller`,
    says: "a route in a demo's namespace can have only the demo's own host names and Services: use those, and for ingress-nginx no annotations such as server-alias or snippets",
    probe: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      spec: {
        rules: [
          {
            host: 'vcdemo-probe.invalid',
            http: {
              paths: [
                { path: '/', pathType: 'Prefix', backend: { service: { name: 'vcdemo-probe', port: { number: 80 } } } },
              ],
            },
          },
        ],
      },
    },
  },
  kinds: {
    on: 'tenant',
    allows: `variables.resource in ${tenantKinds} || variables.resource in __kinds__`,
    says: 'a virtual cluster or vc-client cannot write this kind of object (such as a NetworkPolicy, an Ingress or a Role) in the host cluster: create it in the virtual cluster instead',
    probe: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: asTenants,
      spec: { podSelector: {} },
    },
  },
  'pod-status': {
    on: 'tenant',
    // vcluster copies the conditions of readiness gates. The rest leads traffic: to the addresses of pods, for example.
    allows: `!('${podStatusProbe}' in variables.annotations) && (variables.resource != 'pods/status' || (
      variables.labels == oldObject.metadata.?labels.orValue({}) &&
      variables.annotations == oldObject.metadata.?annotations.orValue({}) &&
      object.?status.orValue({}).all(k, k == 'conditions' ||
        (k in oldObject.?status.orValue({}) && object.status[k] == oldObject.status[k])) &&
      oldObject.?status.orValue({}).all(k, k == 'conditions' || k in object.?status.orValue({}))))`,
    says: 'a virtual cluster can set only the conditions of a pod in the host cluster, and nothing else of its status: leave the rest to the kubelet',
    probe: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { annotations: { ...asTenants.annotations, [podStatusProbe]: 'true' } },
    },
  },
  'service-accounts': {
    on: 'tenant',
    onCreate: true,
    allows: `variables.resource != 'pods' || (
      object.spec.?serviceAccountName.orValue('default') in ['default', 'vc-workload-' + variables.cluster] &&
      !object.spec.?automountServiceAccountToken.orValue(true) &&
      object.spec.?volumes.orValue([]).all(v, v.?projected.?sources.orValue([]).all(s, !has(s.serviceAccountToken))))`,
    says: 'pods in a demo cannot have an account or a token of the host cluster: create them in the virtual cluster, with a ServiceAccount there',
    probe: pod({}, {}, asTenants),
  },
  'helm-releases': {
    on: 'stored',
    // Others may change what is not the release, or its encryption. Without the worker's name, only tenants are refused.
    allows: `(!variables.tenant && !('${strangerProbe}' in variables.annotations) &&
        (variables.worker == '' || variables.account == variables.worker)) ||
      (variables.labels[?'owner'].orValue('') != 'helm' && !object.?type.orValue('').startsWith('helm.sh/') &&
        !object.metadata.?name.orValue('').startsWith('sh.helm.release.')) ||
      (!variables.creates && !variables.tenant && variables.labels == oldObject.metadata.?labels.orValue({}) &&
        object.?data.orValue({}) == oldObject.?data.orValue({}))`,
    says: "only vcdemo's worker can write Helm releases in a demo's namespace: remove the label owner=helm, or do not use the object in pods",
    probe: {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { ...asTenants, labels: { owner: 'helm' } },
    },
  },
  annotations: {
    on: 'tenant',
    allows: `variables.annotations.all(k, !${hostAnnotations}.exists(p, k.startsWith(p))) &&
      variables.labels.all(k, !${hostLabels}.exists(p, k.startsWith(p)))`,
    says: 'remove the annotation, or the label, on which controllers or network plugins of the host cluster would act',
    probe: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        annotations: { ...asTenants.annotations, 'external-dns.alpha.kubernetes.io/hostname': 'vcdemo.invalid' },
      },
    },
  },
  'reserved-labels': {
    on: 'tenant',
    // Services and the worker find the control plane's pods and vc-client by their labels.
    allows: `variables.labels.all(k, !k.startsWith('vcdemo.io/')) &&
      (!variables.pod || (variables.labels[?'app'].orValue('') != 'vc-client' &&
        !(variables.labels[?'app'].orValue('') == 'vcluster' && variables.labels[?'release'].orValue('') == variables.cluster))) &&
      variables.annotations.all(k, !k.startsWith('vcdemo.io/') || k in ${list(...Object.values(copiedNotes))})`,
    says: 'labels and annotations that begin with vcdemo.io/ are reserved, and so are, for pods, app=vc-client and the labels of the control plane (app=vcluster): remove them',
    probe: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...asTenants, labels: { 'vcdemo.io/probe': 'true' } } },
  },
};
