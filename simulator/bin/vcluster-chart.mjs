import { createHash } from 'node:crypto';
import { stringify } from 'yaml';

/**
 * What the chart `vcluster` renders, reduced to what is visible from outside; names, labels and ports are real. Charts before
 * 0.20 use `syncer.extraArgs`; later ones keep all values in a Secret that the pod reads.
 */
export function vclusterManifests({ name, namespace, version, values }) {
  const isSyncer = /^0\.(1?\d)\./.test(version);
  const labels = { app: 'vcluster', chart: `vcluster-${version}`, release: name, heritage: 'Helm' };
  const selector = { app: 'vcluster', release: name };
  const own = (apiVersion, kind, objectName, fields = {}) => ({
    apiVersion,
    kind,
    metadata: { name: objectName, namespace, labels },
    ...fields,
  });
  const rbac = 'rbac.authorization.k8s.io';
  const role = isSyncer ? name : `vc-${name}`;
  const ports = [{ name: 'https', port: 443, targetPort: 8443, protocol: 'TCP' }];
  const config = stringify(values);
  return [
    own('v1', 'ServiceAccount', `vc-${name}`),
    own('v1', 'ServiceAccount', `vc-workload-${name}`),
    ...(isSyncer
      ? []
      : [own('v1', 'Secret', `vc-config-${name}`, { type: 'Opaque', stringData: { 'config.yaml': config } })]),
    own(`${rbac}/v1`, 'Role', role, { rules: roleRules }),
    own(`${rbac}/v1`, 'RoleBinding', role, {
      roleRef: { apiGroup: rbac, kind: 'Role', name: role },
      subjects: [{ kind: 'ServiceAccount', name: `vc-${name}`, namespace }],
    }),
    own('v1', 'Service', name, { spec: { type: 'ClusterIP', ports, selector } }),
    own('v1', 'Service', `${name}-headless`, { spec: { clusterIP: 'None', ports, selector } }),
    own('apps/v1', 'StatefulSet', name, {
      spec: {
        serviceName: `${name}-headless`,
        replicas: 1,
        selector: { matchLabels: selector },
        volumeClaimTemplates: [
          {
            metadata: { name: 'data' },
            spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '5Gi' } } },
          },
        ],
        template: {
          metadata: { labels, annotations: { vClusterConfigHash: createHash('sha256').update(config).digest('hex') } },
          spec: {
            serviceAccountName: `vc-${name}`,
            terminationGracePeriodSeconds: 10,
            containers: isSyncer ? syncerContainers(values) : controlPlaneContainers(values, version),
          },
        },
      },
    }),
  ];
}

function syncerContainers({ vcluster = {}, syncer = {} }) {
  return [
    { name: 'vcluster', image: vcluster.image ?? 'rancher/k3s:v1.27.3-k3s1', command: ['/bin/k3s'] },
    { name: 'syncer', image: syncer.image ?? 'ghcr.io/loft-sh/vcluster:0.15.7', args: syncer.extraArgs ?? [] },
  ];
}

function controlPlaneContainers({ controlPlane = {} }, version) {
  const { repository = 'loft-sh/vcluster-pro' } = controlPlane.statefulSet?.image ?? {};
  return [{ name: 'syncer', image: `ghcr.io/${repository}:${version}` }];
}

const everything = ['create', 'delete', 'patch', 'update', 'get', 'list', 'watch'];
const roleRules = [
  {
    apiGroups: [''],
    resources: [
      'configmaps',
      'secrets',
      'services',
      'pods',
      'pods/exec',
      'pods/portforward',
      'persistentvolumeclaims',
      'endpoints',
      'events',
    ],
    verbs: everything,
  },
  { apiGroups: ['apps'], resources: ['statefulsets', 'replicasets', 'deployments'], verbs: ['get', 'list', 'watch'] },
];
