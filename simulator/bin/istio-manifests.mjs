const namespace = 'istio-system';
const rbac = 'rbac.authorization.k8s.io';

/**
 * The objects for an IstioOperator's `spec` (base, istiod and the ingress gateways): one or a few of each kind in Istio's
 * charts, with the real names.
 */
export function istioManifests({
  hub = 'docker.io/istio',
  tag = '1.31.0',
  meshConfig = {},
  values = {},
  components = {},
}) {
  const { clusterName = 'Kubernetes' } = values.global?.multiCluster ?? {};
  // A full image reference is used as it is, as in Istio's charts.
  const imageOf = (name, given) => (given?.includes('/') ? given : `${hub}/${name}:${tag}`);
  const proxyImage = imageOf('proxyv2', values.global?.proxy?.image);
  const istiod = {
    name: 'discovery',
    image: imageOf('pilot', values.pilot?.image),
    args: ['discovery', '--monitoringAddr=:15014'],
    // The simulated webhook reads SIDECAR_IMAGE.
    env: [
      { name: 'CLUSTER_ID', value: clusterName },
      { name: 'SIDECAR_IMAGE', value: proxyImage },
      ...(components.pilot?.k8s?.env ?? []),
    ],
  };
  const istiodPorts = [
    { name: 'https-dns', port: 15012 },
    { name: 'https-webhook', port: 443, targetPort: 15017 },
  ];
  const mesh = { rootNamespace: namespace, trustDomain: 'cluster.local', ...meshConfig };
  const gateways = (components.ingressGateways ?? []).filter(({ enabled }) => enabled);
  return [
    ...definitions,
    object('v1', 'ServiceAccount', 'istio-reader-service-account'),
    ...clusterRole('istio-reader-clusterrole-istio-system', 'istio-reader-service-account', ['get', 'list', 'watch']),
    ...clusterRole('istiod-clusterrole-istio-system', 'istiod', ['get', 'list', 'watch', 'update', 'patch', 'create']),
    object('v1', 'ConfigMap', 'istio', { data: { mesh: JSON.stringify(mesh), meshNetworks: 'networks: {}' } }),
    ...server('istiod', { app: 'istiod', istio: 'pilot' }, 'istiod', istiod, istiodPorts),
    sidecarInjector,
    ...gateways.flatMap(({ name }) => ingressGateway(name, proxyImage)),
  ];
}

function ingressGateway(name, image) {
  const proxy = { name: 'istio-proxy', image, args: ['proxy', 'router'] };
  const ports = [
    { name: 'status-port', port: 15021 },
    { name: 'http2', port: 80, targetPort: 8080 },
    { name: 'https', port: 443, targetPort: 8443 },
  ];
  return server(name, { app: name, istio: 'ingressgateway' }, `${name}-service-account`, proxy, ports);
}

// ------------------------------------------------------------------ objects

function object(apiVersion, kind, name, fields = {}, labels = {}) {
  return {
    apiVersion,
    kind,
    metadata: { name, namespace, labels: { 'istio.io/rev': 'default', ...labels } },
    ...fields,
  };
}

function clusterWide(apiVersion, kind, name, fields) {
  return { apiVersion, kind, metadata: { name, labels: { app: 'istiod' } }, ...fields };
}

function clusterRole(name, account, verbs) {
  return [
    clusterWide(`${rbac}/v1`, 'ClusterRole', name, { rules: [{ apiGroups: ['*'], resources: ['*'], verbs }] }),
    clusterWide(`${rbac}/v1`, 'ClusterRoleBinding', name, {
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', name: account, namespace }],
    }),
  ];
}

/** An account, a Deployment with one container, and its Service and PodDisruptionBudget. */
function server(name, labels, serviceAccountName, container, ports) {
  const selector = { matchLabels: labels };
  const template = {
    metadata: { labels, annotations: { 'sidecar.istio.io/inject': 'false' } },
    spec: { serviceAccountName, containers: [container] },
  };
  return [
    object('v1', 'ServiceAccount', serviceAccountName),
    object('v1', 'Service', name, { spec: { type: 'ClusterIP', selector: labels, ports } }, labels),
    object('policy/v1', 'PodDisruptionBudget', name, { spec: { minAvailable: 1, selector } }, labels),
    object('apps/v1', 'Deployment', name, { spec: { replicas: 1, selector, template } }, labels),
  ];
}

const sidecarInjector = clusterWide(
  'admissionregistration.k8s.io/v1',
  'MutatingWebhookConfiguration',
  'istio-sidecar-injector',
  {
    webhooks: [
      {
        name: 'namespace.sidecar-injector.istio.io',
        clientConfig: { caBundle: '', service: { name: 'istiod', namespace, path: '/inject', port: 443 } },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
        namespaceSelector: { matchExpressions: [{ key: 'istio-injection', operator: 'In', values: ['enabled'] }] },
        admissionReviewVersions: ['v1'],
        failurePolicy: 'Fail',
        sideEffects: 'None',
      },
    ],
  },
);

const definitions = [
  ['networking.istio.io', 'VirtualService', 'virtualservices'],
  ['networking.istio.io', 'DestinationRule', 'destinationrules'],
  ['security.istio.io', 'PeerAuthentication', 'peerauthentications'],
].map(([group, kind, plural]) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.${group}`, labels: { app: 'istio-pilot' } },
  spec: {
    group,
    names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
    scope: 'Namespaced',
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
}));
