const namespace = 'istio-system';
const rbac = 'rbac.authorization.k8s.io';

/**
 * The objects of an IstioOperator's `spec`: base, pilot and the ingress gateways. The names are the real ones'; of the
 * definitions there are a few, and ConfigMaps and webhooks are shortened.
 */
export function istioManifests({
  hub = 'docker.io/istio',
  tag = '1.31.0',
  meshConfig = {},
  values = {},
  components = {},
}) {
  const { multiCluster = {}, network = '', meshID = '' } = values.global ?? {};
  const gateways = (components.ingressGateways ?? []).filter(({ enabled }) => enabled);
  const env = Object.entries({ CLUSTER_ID: multiCluster.clusterName ?? 'Kubernetes', PILOT_ENABLE_ANALYSIS: 'false' });
  const pilot = {
    name: 'discovery',
    image: `${hub}/pilot:${tag}`,
    args: ['discovery', '--monitoringAddr=:15014'],
    env: [...env.map(([name, value]) => ({ name, value })), ...(components.pilot?.k8s?.env ?? [])],
    ports: [8080, 15010, 15012, 15017].map((containerPort) => ({ containerPort, protocol: 'TCP' })),
    ...(components.pilot?.k8s?.resources && { resources: components.pilot.k8s.resources }),
  };
  return [
    ...definitions,
    object('v1', 'ServiceAccount', 'istio-reader-service-account'),
    object('v1', 'ServiceAccount', 'istiod'),
    ...clusterRole('istio-reader-clusterrole-istio-system', 'istio-reader-service-account', ['get', 'list', 'watch']),
    ...clusterRole('istiod-clusterrole-istio-system', 'istiod', ['get', 'list', 'watch', 'update', 'patch', 'create']),
    ...clusterRole('istiod-gateway-controller-istio-system', 'istiod', [
      'get',
      'watch',
      'list',
      'update',
      'patch',
      'create',
      'delete',
    ]),
    ...role('istiod', 'istiod', ['create', 'get', 'watch', 'list', 'update', 'delete']),
    object('v1', 'ConfigMap', 'istio', {
      data: {
        mesh: JSON.stringify({ rootNamespace: namespace, trustDomain: 'cluster.local', ...meshConfig }),
        meshNetworks: 'networks: {}',
      },
    }),
    object('v1', 'ConfigMap', 'istio-sidecar-injector', {
      data: {
        config: 'policy: enabled',
        values: JSON.stringify({ global: { meshID, network, multiCluster, hub, tag } }),
      },
    }),
    service('istiod', { app: 'istiod', istio: 'pilot' }, [
      { name: 'grpc-xds', port: 15010 },
      { name: 'https-dns', port: 15012 },
      { name: 'https-webhook', port: 443, targetPort: 15017 },
      { name: 'http-monitoring', port: 15014 },
    ]),
    disruptionBudget('istiod', { app: 'istiod', istio: 'pilot' }),
    deployment('istiod', { app: 'istiod', istio: 'pilot' }, 'istiod', pilot),
    sidecarInjector,
    configValidator,
    ...gateways.flatMap(({ name, k8s = {} }) => ingressGateway(name, `${hub}/proxyv2:${tag}`, k8s)),
  ];
}

function ingressGateway(name, image, { resources, service: serviceSpec = {} }) {
  const labels = { app: name, istio: 'ingressgateway' };
  const account = `${name}-service-account`;
  const proxy = { name: 'istio-proxy', image, args: ['proxy', 'router'], ...(resources && { resources }) };
  return [
    object('v1', 'ServiceAccount', account),
    ...role(`${name}-sds`, account, ['get', 'watch', 'list']),
    service(
      name,
      labels,
      [
        { name: 'status-port', port: 15021 },
        { name: 'http2', port: 80, targetPort: 8080 },
        { name: 'https', port: 443, targetPort: 8443 },
      ],
      serviceSpec.type,
    ),
    disruptionBudget(name, labels),
    deployment(name, labels, account, proxy),
  ];
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
  return { apiVersion, kind, metadata: { name, labels: { app: name } }, ...fields };
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

function role(name, account, verbs) {
  return [
    object(`${rbac}/v1`, 'Role', name, { rules: [{ apiGroups: [''], resources: ['secrets'], verbs }] }),
    object(`${rbac}/v1`, 'RoleBinding', name, {
      roleRef: { apiGroup: rbac, kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', name: account }],
    }),
  ];
}

function service(name, selector, ports, type = 'ClusterIP') {
  return object('v1', 'Service', name, { spec: { type, selector, ports } }, selector);
}

function disruptionBudget(name, matchLabels) {
  return object(
    'policy/v1',
    'PodDisruptionBudget',
    name,
    { spec: { minAvailable: 1, selector: { matchLabels } } },
    matchLabels,
  );
}

function deployment(name, labels, serviceAccountName, container) {
  const template = {
    metadata: { labels, annotations: { 'sidecar.istio.io/inject': 'false' } },
    spec: { serviceAccountName, containers: [container] },
  };
  return object(
    'apps/v1',
    'Deployment',
    name,
    { spec: { replicas: 1, selector: { matchLabels: labels }, template } },
    labels,
  );
}

const istiod = (path) => ({ caBundle: '', service: { name: 'istiod', namespace, path, port: 443 } });

const sidecarInjector = clusterWide(
  'admissionregistration.k8s.io/v1',
  'MutatingWebhookConfiguration',
  'istio-sidecar-injector',
  {
    webhooks: [
      {
        name: 'namespace.sidecar-injector.istio.io',
        clientConfig: istiod('/inject'),
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
        namespaceSelector: { matchExpressions: [{ key: 'istio-injection', operator: 'In', values: ['enabled'] }] },
        admissionReviewVersions: ['v1'],
        failurePolicy: 'Fail',
        sideEffects: 'None',
      },
    ],
  },
);

const configValidator = clusterWide(
  'admissionregistration.k8s.io/v1',
  'ValidatingWebhookConfiguration',
  'istio-validator-istio-system',
  {
    webhooks: [
      {
        name: 'rev.validation.istio.io',
        clientConfig: istiod('/validate'),
        rules: [
          {
            apiGroups: ['networking.istio.io'],
            apiVersions: ['*'],
            operations: ['CREATE', 'UPDATE'],
            resources: ['*'],
          },
        ],
        admissionReviewVersions: ['v1'],
        failurePolicy: 'Ignore',
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
