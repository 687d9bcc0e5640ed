import type { DemoConfig } from '../config.js';
import { unless, type Check } from './check.js';
import type { Cluster } from './cluster.js';
import { demoLabels, type Demo } from './demo.js';
import { applyAll, missing, type Manifest } from './objects.js';
import { podsReady } from './pods.js';
import { pullSecretRefs } from './pull-secrets.js';

/*
 * A pod to work from, beside the first virtual cluster, for those without tools or without a way to the ingress: the
 * source document's, hardened as there, with the demo's kubeconfig in its home.
 */

const name = 'vc-client';
const app = { app: name };

export async function checkVcClient(host: Cluster, config: DemoConfig, demo: Demo): Promise<Check> {
  const ready = await podsReady(host, demo.places[0]!.namespace, app, name);
  return ready.holds ? unless(await missing(host, vcClientManifests(demo, config))) : ready;
}

export async function applyVcClient(host: Cluster, config: DemoConfig, demo: Demo): Promise<void> {
  await applyAll(host, vcClientManifests(demo, config), 1);
}

/** ServiceAccount, its rights in the demo's namespaces, the egress policy and the StatefulSet. */
export function vcClientManifests(demo: Demo, config: Pick<DemoConfig, 'images'>): Manifest[] {
  const { namespace, name: cluster } = demo.places[0]!;
  const labels = { ...app, ...demoLabels(demo.name, cluster) };
  const metadata = { name, namespace, labels };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    ...demo.places.map((place) => ({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { ...metadata, namespace: place.namespace },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'admin' },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    })),
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { ...metadata, name: 'np-vc-client' },
      spec: { podSelector: { matchLabels: app }, egress: [{}], policyTypes: ['Egress'] },
    },
    { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata, spec: statefulSetSpec(labels, config) },
  ];
}

function statefulSetSpec(labels: Record<string, string>, config: Pick<DemoConfig, 'images'>): object {
  const imagePullSecrets = pullSecretRefs(config);
  return {
    serviceName: name,
    replicas: 1,
    revisionHistoryLimit: 10,
    selector: { matchLabels: app },
    template: {
      metadata: { labels },
      spec: {
        serviceAccountName: name,
        ...(imagePullSecrets.length > 0 && { imagePullSecrets }),
        terminationGracePeriodSeconds: 3,
        securityContext: { fsGroup: 1000, supplementalGroups: [1000] },
        containers: [
          {
            name,
            image: config.images.client,
            command: ['sh', '-c'],
            args: ['tail -f /dev/null'],
            env: [
              { name: 'HOME', value: '/home/appuser' },
              { name: 'KUBECONFIG', value: '/home/appuser/.kube/config' },
            ],
            resources: { limits: { cpu: '1000m', memory: '1024Mi' }, requests: { cpu: '10m', memory: '32Mi' } },
            securityContext: {
              allowPrivilegeEscalation: false,
              capabilities: { drop: ['ALL'] },
              privileged: false,
              readOnlyRootFilesystem: true,
              runAsUser: 1000,
              runAsGroup: 1000,
            },
            volumeMounts: [
              { name: 'workdir', mountPath: '/home/appuser' },
              { name: 'kubeconfig', mountPath: '/home/appuser/.kube', readOnly: true },
              { name: 'tmp', mountPath: '/tmp' },
            ],
          },
        ],
        volumes: [
          { name: 'workdir', emptyDir: {} },
          { name: 'tmp', emptyDir: { medium: 'Memory' } },
          {
            name: 'kubeconfig',
            secret: {
              secretName: 'vcdemo-kubeconfig',
              defaultMode: 0o440,
              items: [{ key: 'kubeconfig', path: 'config' }],
            },
          },
        ],
      },
    },
  };
}
