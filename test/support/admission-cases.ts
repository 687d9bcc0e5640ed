import type { AdmissionRuleId } from '../../src/config/admission.js';
import { copiedNotes } from '../../src/k8s/client/objects.js';
import type { Manifest } from '../../src/k8s/client/manifest.js';
import { ingressRouteTcp, passthroughIngress, tlsRoute } from '../../src/k8s/virtual-cluster/exposure.js';
import { readDemoConfig } from '../../src/config.js';
import { sidecarPod } from '../../src/k8s/mesh/sidecar-dry-run.js';

/*
 * What may and may not be created in the namespace of a demo: the simulated cluster and a real API server are tested with
 * the same table.
 */

interface AdmissionCase {
  name: string;
  object: Manifest;
  /** Undefined: the object is admitted. */
  refusedBy?: AdmissionRuleId;
  /** The ServiceAccount in the demo's namespace that writes it; if undefined, somebody from outside. */
  account?: string;
}

/** What the cases refer to. */
interface AdmissionFixture {
  namespace: string;
  /** Labels `vcdemo.io/demo` and `vcdemo.io/virtual-cluster` of the namespace. */
  demo: string;
  cluster: string;
  domain: string;
  /** `<hub>/proxyv2:<tag>` of the configuration. */
  proxyImage: string;
  /** The StorageClass that the namespace's PersistentVolumeClaims may use. */
  storageClass: string;
}

type Fields = Record<string, unknown>;

export function admissionCases(fixture: AdmissionFixture): AdmissionCase[] {
  const { namespace, demo, cluster, domain, proxyImage, storageClass } = fixture;
  let count = 0;
  const object = (apiVersion: string, kind: string, fields: Fields, metadata: Fields = {}): Manifest => ({
    apiVersion,
    kind,
    metadata: { name: `case-${++count}`, namespace, ...metadata },
    ...fields,
  });
  const container = (fields: Fields = {}) => ({ name: 'app', image: 'registry.example.com/app:1', ...fields });
  const pod = (spec: Fields = {}, fields: Fields = {}, metadata: Fields = {}) =>
    object('v1', 'Pod', { spec: { containers: [container(fields)], ...spec } }, metadata);
  const context = (securityContext: Fields) => pod({}, { securityContext });
  const podContext = (securityContext: Fields) => pod({ securityContext });
  const capability = (image: string, ...add: string[]) =>
    pod({}, { image, securityContext: { capabilities: { add } } });
  const volume = (source: Fields) => pod({ volumes: [{ name: 'v', ...source }] });
  const toleration = (fields: Fields) => pod({ tolerations: [fields] });
  const service = (spec: Fields, metadata: Fields = {}) =>
    object('v1', 'Service', { spec: { ports: [{ port: 80 }], ...spec } }, metadata);
  const claim = (spec: Fields, metadata: Fields = {}) => {
    const own = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } };
    return object(
      'v1',
      'PersistentVolumeClaim',
      { spec: { ...own, storageClassName: storageClass, ...spec } },
      metadata,
    );
  };
  const antiAffinity = (term: Fields) => ({
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'a' } }, ...term },
      ],
    },
  });
  const secret = (fields: Fields, metadata: Fields = {}) => object('v1', 'Secret', fields, metadata);
  const configMap = (metadata: Fields) => object('v1', 'ConfigMap', {}, metadata);
  const exposed = (hostname: string) => ({
    name: `case-${++count}`,
    namespace,
    labels: {},
    hostname,
    service: cluster,
    port: 443,
  });
  const gateway = { name: 'edge', namespace: 'edge' };
  const own = `${demo}-${cluster}.${domain}`;
  const foreign = `other-vc1.${domain}`;
  const ingress = passthroughIngress('nginx', exposed(own));
  const ingressWith = (spec: Fields, metadata: Fields = {}): Manifest => ({
    ...ingress,
    metadata: { ...ingress.metadata, name: `case-${++count}`, ...metadata },
    spec: { ...(ingress.spec as Fields), ...spec },
  });
  const hook = (handler: Fields) => pod({}, { lifecycle: { preStop: handler } });
  const synced = { automountServiceAccountToken: false, serviceAccountName: `vc-workload-${cluster}` };
  const syncer = `vc-${cluster}`;
  const asStranger = { 'probe.vcdemo.io/as-stranger': 'true' };

  const refused: [AdmissionRuleId, string, Manifest, string?][] = [
    ['host-namespaces', 'a pod in the network of the node', pod({ hostNetwork: true })],
    ['host-namespaces', 'a pod that sees the processes of the node', pod({ hostPID: true })],
    ['host-namespaces', 'a pod in the IPC namespace of the node', pod({ hostIPC: true })],
    ['privileged', 'a privileged container', context({ privileged: true })],
    [
      'privileged',
      'a privileged init container',
      pod({ initContainers: [{ ...container({ securityContext: { privileged: true } }), name: 'init' }] }),
    ],
    ['capabilities', 'SYS_ADMIN', capability('app:1', 'SYS_ADMIN')],
    ['capabilities', 'all capabilities', capability('app:1', 'ALL')],
    ['capabilities', 'SYS_PTRACE, which kubectl debug adds by itself', capability('app:1', 'SYS_PTRACE')],
    ['capabilities', 'NET_ADMIN with any image', capability('app:1', 'NET_ADMIN')],
    ['capabilities', 'NET_ADMIN with an image that is named like Istio’s', capability('evil/proxyv2:1', 'NET_ADMIN')],
    ['capabilities', 'NET_ADMIN with another tag of Istio’s', capability(`${proxyImage}-evil`, 'NET_ADMIN')],
    ['capabilities', 'SYS_ADMIN with Istio’s image', capability(proxyImage, 'NET_ADMIN', 'SYS_ADMIN')],
    ['volumes', 'the root of the node', volume({ hostPath: { path: '/' } })],
    ['volumes', 'an NFS share', volume({ nfs: { server: '192.0.2.1', path: '/' } })],
    ['volumes', 'an iSCSI disk', volume({ iscsi: { targetPortal: '192.0.2.1', iqn: 'iqn.2001-04.com:a', lun: 0 } })],
    ['volumes', 'a CephFS', volume({ cephfs: { monitors: ['192.0.2.1'] } })],
    ['volumes', 'a driver’s inline volume', volume({ csi: { driver: 'nfs.csi.k8s.io' } })],
    ['volumes', 'a flexVolume', volume({ flexVolume: { driver: 'example.com/any' } })],
    [
      'volumes',
      'the trust bundles of the host',
      volume({
        projected: { sources: [{ clusterTrustBundle: { path: 'a', signerName: 'example.com/a', labelSelector: {} } }] },
      }),
    ],
    ['host-ports', 'a port of the node', pod({}, { ports: [{ containerPort: 80, hostPort: 8080 }] })],
    [
      'probe-hosts',
      'a liveness probe of the API server',
      pod({}, { livenessProbe: { httpGet: { host: '127.0.0.1', port: 6443 } } }),
    ],
    [
      'probe-hosts',
      'a readiness probe by TCP',
      pod({}, { readinessProbe: { tcpSocket: { host: '192.0.2.1', port: 22 } } }),
    ],
    ['probe-hosts', 'a startup probe', pod({}, { startupProbe: { httpGet: { host: '192.0.2.1', port: 80 } } })],
    ['probe-hosts', 'a preStop hook that calls', hook({ httpGet: { host: '192.0.2.1', port: 80 } })],
    ['probe-hosts', 'a hook by TCP', hook({ tcpSocket: { host: '192.0.2.1', port: 80 } })],
    [
      'probe-hosts',
      'a postStart hook',
      pod({}, { lifecycle: { postStart: { httpGet: { host: '192.0.2.1', port: 80 } } } }),
    ],
    [
      'probe-hosts',
      'a probe of a sidecar among the init containers',
      pod({
        initContainers: [
          {
            ...container({ restartPolicy: 'Always', livenessProbe: { httpGet: { host: '192.0.2.1', port: 80 } } }),
            name: 'init',
          },
        ],
      }),
    ],
    ['seccomp', 'a container without seccomp', context({ seccompProfile: { type: 'Unconfined' } })],
    ['seccomp', 'a pod without seccomp', podContext({ seccompProfile: { type: 'Unconfined' } })],
    ['apparmor', 'a container without AppArmor', context({ appArmorProfile: { type: 'Unconfined' } })],
    [
      'apparmor',
      'a container without AppArmor, by annotation',
      pod({}, {}, { annotations: { 'container.apparmor.security.beta.kubernetes.io/app': 'unconfined' } }),
    ],
    ['selinux', 'an SELinux type of the host', context({ seLinuxOptions: { type: 'spc_t' } })],
    ['selinux', 'an SELinux user', podContext({ seLinuxOptions: { user: 'system_u' } })],
    ['proc-mount', 'an unmasked /proc', pod({ hostUsers: false }, { securityContext: { procMount: 'Unmasked' } })],
    ['sysctls', 'a sysctl of the node', podContext({ sysctls: [{ name: 'kernel.msgmax', value: '1' }] })],
    ['windows', 'credentials of a domain', podContext({ windowsOptions: { gmsaCredentialSpecName: 'admin' } })],
    ['node-name', 'a pod that chooses its node', pod({ nodeName: 'control-plane' })],
    ['tolerations', 'every taint', toleration({ operator: 'Exists' })],
    [
      'tolerations',
      'the taint of the control plane',
      toleration({ key: 'node-role.kubernetes.io/control-plane', operator: 'Exists', effect: 'NoSchedule' }),
    ],
    [
      'tolerations',
      'the old taint of the control plane',
      toleration({ key: 'node-role.kubernetes.io/master', operator: 'Exists' }),
    ],
    ['tolerations', 'somebody’s reserved nodes', toleration({ key: 'dedicated', operator: 'Equal', value: 'prod' })],
    ['priority', 'a priority that displaces others', pod({ priorityClassName: 'system-node-critical' })],
    ['runtime-class', 'another container runtime', pod({ runtimeClassName: 'privileged' })],
    [
      'resources',
      'a GPU of the host',
      pod({}, { resources: { limits: { 'nvidia.com/gpu': '1' }, requests: { 'nvidia.com/gpu': '1' } } }),
    ],
    [
      'resources',
      'huge pages, in an init container',
      pod({
        initContainers: [
          {
            ...container({
              resources: {
                limits: { 'hugepages-2Mi': '2Mi', memory: '64Mi' },
                requests: { 'hugepages-2Mi': '2Mi', memory: '64Mi' },
              },
            }),
            name: 'init',
          },
        ],
      }),
    ],
    [
      'affinity',
      'a pod that keeps pods of all namespaces from its node',
      pod({ affinity: antiAffinity({ namespaceSelector: {} }) }),
    ],
    [
      'affinity',
      'a pod that keeps somebody’s pods from its node, from vcluster',
      pod({ ...synced, affinity: antiAffinity({ namespaces: ['prod'] }) }),
      syncer,
    ],
    [
      'affinity',
      'a pod that prefers nodes with pods of others',
      pod({
        affinity: {
          podAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              {
                weight: 1,
                podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', namespaces: [namespace, 'prod'] },
              },
            ],
          },
        },
      }),
    ],
    ['pod-fields', 'devices of the host', pod({ resourceClaims: [{ name: 'gpu', resourceClaimName: 'gpu' }] })],
    ['grace-period', 'a pod that goes on for years', pod({ terminationGracePeriodSeconds: 315_360_000 })],
    ['grace-period', 'a pod that goes on for 121 seconds', pod({ terminationGracePeriodSeconds: 121 })],
    [
      'grace-period',
      'a pod that goes on for years, from vcluster',
      pod({ ...synced, terminationGracePeriodSeconds: 315_360_000 }),
      syncer,
    ],
    ...['livenessProbe', 'startupProbe'].map((probe): [AdmissionRuleId, string, Manifest] => [
      'grace-period',
      `a container that goes on for years after its ${probe} failed`,
      pod({}, { [probe]: { tcpSocket: { port: 80 }, terminationGracePeriodSeconds: 315_360_000 } }),
    ]),
    [
      'grace-period',
      'a sidecar among the init containers that goes on for years after its probe failed',
      pod({
        initContainers: [
          {
            ...container({ restartPolicy: 'Always' }),
            name: 'init',
            livenessProbe: { tcpSocket: { port: 80 }, terminationGracePeriodSeconds: 315_360_000 },
          },
        ],
      }),
    ],
    ['service-type', 'a LoadBalancer', service({ type: 'LoadBalancer' })],
    ['service-type', 'a NodePort', service({ type: 'NodePort' })],
    ['service-type', 'an ExternalName', service({ type: 'ExternalName', externalName: 'kubernetes.default.svc' })],
    ['external-ips', 'addresses of others', service({ externalIPs: ['192.0.2.1'] })],
    ['service-fields', 'the address of a load balancer', service({ loadBalancerIP: '192.0.2.1' })],
    [
      'endpoints',
      'Endpoints that lead to the API server',
      object('v1', 'Endpoints', { subsets: [{ addresses: [{ ip: '192.0.2.1' }], ports: [{ port: 6443 }] }] }),
      syncer,
    ],
    [
      'endpoints',
      'an EndpointSlice that leads to the API server',
      object(
        'discovery.k8s.io/v1',
        'EndpointSlice',
        { addressType: 'IPv4', endpoints: [{ addresses: ['192.0.2.1'] }], ports: [{ port: 6443 }] },
        { labels: { 'kubernetes.io/service-name': 'a' } },
      ),
      syncer,
    ],
    ['volume-name', 'the volume of somebody else', claim({ volumeName: 'pv-of-others' })],
    [
      'data-source',
      'a copy of the control plane’s volume',
      claim({ dataSource: { kind: 'PersistentVolumeClaim', name: `data-${cluster}-0` } }),
    ],
    [
      'data-source',
      'a copy of a claim of another namespace',
      claim({ dataSourceRef: { kind: 'PersistentVolumeClaim', name: `a-x-b-x-${cluster}`, namespace: 'prod' } }),
    ],
    [
      'data-source',
      'a volume that a populator fills',
      claim({ dataSourceRef: { apiGroup: 'example.com', kind: 'Download', name: 'a' } }),
    ],
    ['storage-class', 'a class that is not listed', claim({ storageClassName: 'gold' })],
    ['storage-class', 'no class, which takes volumes that exist', claim({ storageClassName: '' })],
    [
      'storage-class',
      'a class that is not listed, by its old annotation',
      claim({}, { annotations: { 'volume.beta.kubernetes.io/storage-class': 'gold' } }),
      syncer,
    ],
    ['claim-fields', 'a choice among the volumes that exist', claim({ selector: { matchLabels: { of: 'others' } } })],
    ['claim-fields', 'another class of attributes', claim({ volumeAttributesClassName: 'fast' })],
    [
      'secret-types',
      'a token of the host',
      secret(
        { type: 'kubernetes.io/service-account-token' },
        { annotations: { 'kubernetes.io/service-account.name': 'default' } },
      ),
    ],
    ['host-names', 'an Ingress with the name of another demo', passthroughIngress('nginx', exposed(foreign))],
    [
      'host-names',
      'an Ingress without a name',
      ingressWith({ rules: [{ http: (ingress.spec as any).rules[0].http }] }),
    ],
    [
      'host-names',
      'an Ingress that gets what nobody else wants',
      ingressWith({ rules: undefined, defaultBackend: { service: { name: cluster, port: { number: 443 } } } }),
    ],
    ['host-names', 'an Ingress with another name in its certificate', ingressWith({ tls: [{ hosts: [foreign] }] })],
    [
      'host-names',
      'an Ingress with configuration for nginx',
      ingressWith({}, { annotations: { 'nginx.ingress.kubernetes.io/server-alias': foreign } }),
      syncer,
    ],
    ...['server-alias', 'configuration-snippet', 'server-snippet', 'auth-snippet'].map(
      (name): [AdmissionRuleId, string, Manifest] => [
        'host-names',
        `an Ingress with ${name} for nginx, whoever writes it`,
        ingressWith({}, { annotations: { [`nginx.ingress.kubernetes.io/${name}`]: foreign } }),
      ],
    ),
    [
      'host-names',
      'an IngressRouteTCP with the name of another demo',
      ingressRouteTcp('traefik.io', 'websecure', exposed(foreign)),
    ],
    ...[
      ['gateway.networking.k8s.io/v1', 'HTTPRoute'],
      ['gateway.networking.k8s.io/v1', 'GRPCRoute'],
      ['gateway.networking.k8s.io/v1alpha2', 'TCPRoute'],
      ['traefik.io/v1alpha1', 'IngressRoute'],
      ['traefik.io/v1alpha1', 'IngressRouteUDP'],
      ['networking.istio.io/v1', 'VirtualService'],
    ].map(([apiVersion = '', kind = '']): [AdmissionRuleId, string, Manifest] => [
      'host-names',
      `${kind === 'IngressRoute' ? 'an' : 'a'} ${kind}, which vcdemo does not use`,
      object(apiVersion, kind, { spec: {} }),
    ]),
    [
      'host-names',
      'a Gateway',
      object('gateway.networking.k8s.io/v1', 'Gateway', {
        spec: { gatewayClassName: 'edge', listeners: [{ name: 'a', port: 80, protocol: 'HTTP' }] },
      }),
    ],
    [
      'route-accounts',
      'an Ingress with the demo’s own name, by somebody else than the worker',
      ingressWith({}, { annotations: asStranger }),
    ],
    [
      'pod-status',
      'a pod as if its status was written',
      pod(synced, {}, { annotations: { 'probe.vcdemo.io/pod-status': 'true' } }),
      syncer,
    ],
    ['host-names', 'an IngressRouteTCP for all names', ingressRouteTcp('traefik.io', 'websecure', exposed('*'))],
    ['host-names', 'a TLSRoute with the name of another demo', tlsRoute(gateway, exposed(foreign))],
    [
      'kinds',
      'a NetworkPolicy that lets everything in',
      object('networking.k8s.io/v1', 'NetworkPolicy', { spec: { podSelector: {}, ingress: [{}] } }),
      syncer,
    ],
    [
      'kinds',
      'a NetworkPolicy, by vc-client',
      object('networking.k8s.io/v1', 'NetworkPolicy', { spec: { podSelector: {} } }),
      'vc-client',
    ],
    ['kinds', 'a TLSRoute with the demo’s own name', tlsRoute(gateway, exposed(own)), syncer],
    ['kinds', 'a Role', object('rbac.authorization.k8s.io/v1', 'Role', { rules: [] }), syncer],
    ['kinds', 'a limit of its own', object('v1', 'ResourceQuota', { spec: { hard: { pods: '1000' } } }), syncer],
    [
      'service-accounts',
      'a pod with the account of the control plane',
      pod({ automountServiceAccountToken: false, serviceAccountName: `vc-${cluster}` }),
      syncer,
    ],
    [
      'service-accounts',
      'a pod with a token of the host',
      pod({ serviceAccountName: `vc-workload-${cluster}` }),
      syncer,
    ],
    [
      'service-accounts',
      'a pod that mounts a token of the host',
      pod({
        ...synced,
        volumes: [{ name: 'v', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }],
      }),
      syncer,
    ],
    [
      'helm-releases',
      'a Secret that helm would run',
      secret({}, { labels: { owner: 'helm', name: cluster, status: 'deployed' } }),
      syncer,
    ],
    ['helm-releases', 'a release by its type', secret({ type: 'helm.sh/release.v1' }), syncer],
    ['helm-releases', 'a release in a ConfigMap', configMap({ labels: { owner: 'helm', name: cluster } }), syncer],
    [
      'helm-releases',
      'a Secret that helm would run, by somebody else than the worker',
      secret(
        { type: 'helm.sh/release.v1' },
        { labels: { owner: 'helm', name: cluster, status: 'deployed', version: '99' }, annotations: asStranger },
      ),
    ],
    [
      'helm-releases',
      'a Secret with the name of a release, by somebody else than the worker',
      secret({}, { name: `sh.helm.release.v1.${cluster}.v99`, annotations: asStranger }),
    ],
    [
      'annotations',
      'a public name of its own',
      service({}, { annotations: { 'external-dns.alpha.kubernetes.io/hostname': 'www.example.com' } }),
      syncer,
    ],
    [
      'annotations',
      'a network of the host',
      pod(synced, {}, { annotations: { 'k8s.v1.cni.cncf.io/networks': 'host' } }),
      syncer,
    ],
    ...[
      'ad.datadoghq.com/app.checks',
      'co.elastic.logs/raw',
      'reflector.v1.k8s.emberstack.com/reflection-auto-enabled',
      'replicator.v1.mittwald.de/replicate-to',
      'haproxy.org/backend-config-snippet',
    ].map((annotation): [AdmissionRuleId, string, Manifest, string] => [
      'annotations',
      `a pod with ${annotation}`,
      pod(synced, {}, { annotations: { [annotation]: 'true' } }),
      syncer,
    ]),
    [
      'annotations',
      'an identity of the host’s cloud',
      pod(synced, {}, { labels: { 'azure.workload.identity/use': 'true' } }),
      syncer,
    ],
    [
      'annotations',
      'a dashboard for the Grafana of the host',
      configMap({ labels: { grafana_dashboard: '1' } }),
      syncer,
    ],
    ['annotations', 'a data source for it', secret({}, { labels: { grafana_datasource: '' } }), syncer],
    [
      'annotations',
      'a directory for its sidecar',
      configMap({ annotations: { 'k8s-sidecar-target-directory': '/tmp' } }),
      'vc-client',
    ],
    ['reserved-labels', 'a label of vcdemo', configMap({ labels: { 'vcdemo.io/demo': 'other' } }), syncer],
    [
      'reserved-labels',
      'a pod with the labels of the control plane',
      pod(synced, {}, { labels: { app: 'vcluster', release: cluster, 'vcluster.loft.sh/managed-by': cluster } }),
      syncer,
    ],
    ['reserved-labels', 'a pod with the label of vc-client', pod(synced, {}, { labels: { app: 'vc-client' } }), syncer],
    [
      'reserved-labels',
      'an annotation of vcdemo',
      configMap({ annotations: { 'vcdemo.io/expires': 'never' } }),
      syncer,
    ],
  ];

  const admitted: [string, Manifest, string?][] = [
    ['a pod of an app', pod({}, { ports: [{ containerPort: 80 }], resources: { limits: { memory: '64Mi' } } })],
    [
      'a pod of an app as vcluster copies it',
      pod(
        {
          ...synced,
          volumes: [
            { name: 'a', emptyDir: {} },
            { name: 'b', configMap: { name: 'a' } },
            { name: 'c', secret: { secretName: 'a' } },
            { name: 'd', persistentVolumeClaim: { claimName: 'a' } },
            { name: 'e', projected: { sources: [{ configMap: { name: 'a' } }, { secret: { name: 'a' } }] } },
            { name: 'f', downwardAPI: { items: [{ path: 'a', fieldRef: { fieldPath: 'metadata.labels' } }] } },
          ],
          tolerations: [
            { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
            { key: 'cni.istio.io/not-ready', operator: 'Exists' }, // istiod's
          ],
          affinity: antiAffinity({ namespaces: [namespace] }),
          nodeSelector: { 'kubernetes.io/os': 'linux' },
          hostAliases: [{ ip: '10.96.0.1', hostnames: ['kubernetes'] }],
          shareProcessNamespace: true,
        },
        {
          livenessProbe: { httpGet: { path: '/', port: 80, httpHeaders: [{ name: 'Host', value: 'a.example.com' }] } },
          readinessProbe: { tcpSocket: { port: 80 } },
          startupProbe: { grpc: { port: 80 } },
          lifecycle: { preStop: { exec: { command: ['true'] } } },
          volumeMounts: [{ name: 'a', mountPath: '/a' }],
        },
        {
          labels: { 'vcluster.loft.sh/managed-by': cluster },
          annotations: { 'vcluster.loft.sh/object-name': 'a', 'prometheus.io/scrape': 'true' },
        },
      ),
      syncer,
    ],
    ['a pod that takes two minutes to stop', pod({ ...synced, terminationGracePeriodSeconds: 120 }), syncer],
    [
      'a pod of a virtual cluster inside this one',
      pod(synced, {}, { labels: { app: 'vcluster', release: 'nested' } }),
      syncer,
    ],
    [
      'the annotations of a mesh and of rollouts',
      pod(
        synced,
        {},
        {
          annotations: {
            'checksum/config': 'a',
            'kubectl.kubernetes.io/restartedAt': 'a',
            'prometheus.io/scrape': 'true',
            'proxy.istio.io/config': '{}',
            'sidecar.istio.io/inject': 'true',
          },
        },
      ),
      syncer,
    ],
    [
      'the control plane’s own pod',
      pod({ terminationGracePeriodSeconds: 10 }, {}, { labels: { app: 'vcluster', release: cluster } }),
    ],
    ['the pod of vc-client', pod({}, {}, { labels: { app: 'vc-client' } })],
    [
      'what kubectl debug adds with its restricted profile',
      context({
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
        runAsNonRoot: true,
        runAsUser: 1000,
        seccompProfile: { type: 'RuntimeDefault' },
      }),
    ],
    [
      'NET_BIND_SERVICE, as CoreDNS has it',
      context({ capabilities: { add: ['NET_BIND_SERVICE'], drop: ['ALL'] }, readOnlyRootFilesystem: true }),
    ],
    ['a safe sysctl', podContext({ sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '0' }] })],
    ['Istio’s init container', sidecarPod(namespace, configWith(proxyImage)) as unknown as Manifest],
    [
      'the pod of a control plane',
      pod({
        serviceAccountName: 'default',
        enableServiceLinks: true,
        terminationGracePeriodSeconds: 15,
        volumes: [{ name: 'tmp', emptyDir: {} }],
      }),
    ],
    [
      'what vcdemo notes in a virtual cluster',
      service({}, { annotations: Object.fromEntries(Object.values(copiedNotes).map((key) => [key, 'a'])) }),
      syncer,
    ],
    [
      'the annotation that vcluster itself gives to pods',
      pod(synced, {}, { annotations: { 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'true' } }),
      syncer,
    ],
    ['a Service', service({ selector: { app: 'a' } })],
    [
      'a Service as vcluster copies it',
      service({ selector: { app: 'a' }, type: 'ClusterIP', sessionAffinity: 'ClientIP' }),
      syncer,
    ],
    ['a headless Service', service({ clusterIP: 'None', publishNotReadyAddresses: true }), syncer],
    ['a claim of the listed class', claim({})],
    ['a claim by vcluster', claim({ volumeMode: 'Filesystem' }), syncer],
    [
      'a copy of a claim of the virtual cluster',
      claim({ dataSource: { kind: 'PersistentVolumeClaim', name: `a-x-b-x-${cluster}` } }),
      syncer,
    ],
    ['a Secret', secret({ stringData: { a: 'b' } }), syncer],
    ['a TLS Secret', secret({ type: 'kubernetes.io/tls', stringData: { 'tls.crt': '', 'tls.key': '' } }), syncer],
    [
      'a release of helm, by the worker',
      secret({ type: 'helm.sh/release.v1' }, { labels: { owner: 'helm', name: cluster } }),
    ],
    ['a ConfigMap', configMap({ labels: { app: 'a' } }), syncer],
    [
      'a ConfigMap of a Grafana in the virtual cluster',
      configMap({ labels: { 'app.kubernetes.io/name': 'grafana' }, annotations: { 'example.com/k8s-sidecar-a': 'b' } }),
      syncer,
    ],
    ['a dashboard for the Grafana of the host, by its operators', configMap({ labels: { grafana_dashboard: '1' } })],
    [
      'an Event',
      object('v1', 'Event', { involvedObject: { kind: 'Pod', name: 'a', namespace }, reason: 'A', message: 'a' }),
      syncer,
    ],
    ['a NetworkPolicy, by the worker', object('networking.k8s.io/v1', 'NetworkPolicy', { spec: { podSelector: {} } })],
    ['an Ingress with the demo’s own name', passthroughIngress('nginx', exposed(own))],
    [
      'an Ingress with a snippet of another controller',
      ingressWith(
        {},
        { annotations: { 'nginx.org/server-snippet': 'a', 'nginx.ingress.kubernetes.io/proxy-body-size': '1m' } },
      ),
    ],
    [
      'an Ingress with the name of the demo’s app',
      passthroughIngress('nginx', exposed(`${demo}-${cluster}-helloworld.${domain}`)),
    ],
    ['an IngressRouteTCP with the demo’s own name', ingressRouteTcp('traefik.io', 'websecure', exposed(own))],
    [
      'an IngressRouteTCP with the name of the Dashboard',
      ingressRouteTcp('traefik.io', 'websecure', exposed(`${demo}-${cluster}-dashboard.${domain}`)),
    ],
    ['a TLSRoute with the demo’s own name', tlsRoute(gateway, exposed(own))],
  ];

  return [
    ...refused.map(([refusedBy, name, refusedObject, account]) => ({
      name,
      object: refusedObject,
      refusedBy,
      ...(account && { account }),
    })),
    ...admitted.map(([name, admittedObject, account]) => ({
      name,
      object: admittedObject,
      ...(account && { account }),
    })),
  ];
}

/** The default configuration, with the Istio version of this image. */
function configWith(proxyImage: string) {
  const [, hub = '', tag = ''] = /^(.*)\/proxyv2:(.*)$/.exec(proxyImage) ?? [];
  return { ...readDemoConfig(undefined), istio: { hub, tag, operator: {} } };
}
