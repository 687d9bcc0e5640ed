import type { DemoConfig } from '../../config.js';
import { lacks, unless, type Check } from '../check.js';
import type { Cluster } from '../client/cluster.js';
import { demoLabels, firstPlace, namespaceBase, type Demo } from '../demo/demo.js';
import { clientKubeconfigKey, demoKubeconfigName } from '../credentials/demo-kubeconfig.js';
import { applyAll, missing, read, remove } from '../client/objects.js';
import { ref, type Manifest, type Reference } from '../client/manifest.js';
import { readerRules } from '../permissions/permissions.js';
import { podsReady } from '../workloads/pods.js';
import { pullSecretRefs } from './pull-secrets.js';
import { retryWorkload } from '../workloads/nudge.js';

/*
 * A pod to work in, next to the first virtual cluster, for people without tools or without access to the ingress. It is
 * hardened as in the manual guide, and has the demo's kubeconfig in its home. Its policy is in isolation/network.ts.
 *
 * It starts without a kubeconfig, so that in a warm pair it already runs when the demo gets its name and its certificates.
 */

const name = 'vc-client';
const app = { app: name };
const rbac = 'rbac.authorization.k8s.io';

export async function checkVcClient(host: Cluster, config: DemoConfig, demo: Demo): Promise<Check> {
  const ready = await podsReady(host, firstPlace(demo).namespace, app, name);
  if (!ready.holds) return ready;
  const absent = await missing(host, vcClientManifests(demo, config));
  if (absent !== undefined) return lacks(absent);
  const tooMuch = await Promise.all(retiredBindings(demo, config).map((binding) => read(host, binding)));
  return unless(tooMuch.some(Boolean) ? `vc-client still has a role other than ${config.vcClient.role}` : undefined);
}

export async function applyVcClient(host: Cluster, config: DemoConfig, demo: Demo): Promise<void> {
  await applyAll(host, vcClientManifests(demo, config), 1);
  await retryWorkload(host, firstPlace(demo).namespace, name);
  for (const binding of retiredBindings(demo, config)) await remove(host, binding);
}

/** The ServiceAccount, its permissions in the demo's namespaces, and the StatefulSet. */
export function vcClientManifests(demo: Demo, config: Pick<DemoConfig, 'images' | 'vcClient'>): Manifest[] {
  const { role } = config.vcClient;
  const { namespace, name: cluster } = firstPlace(demo);
  const labels = { ...app, ...demoLabels(namespaceBase(demo), cluster) };
  const metadata = { name, namespace, labels };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    ...demo.places.flatMap((place) => [
      ...(role === 'reader' ? [readerRole({ ...metadata, namespace: place.namespace })] : []),
      {
        apiVersion: `${rbac}/v1`,
        kind: 'RoleBinding',
        metadata: { ...metadata, name: bindingNames[role], namespace: place.namespace },
        roleRef: { apiGroup: rbac, ...roles[role] },
        subjects: [{ kind: 'ServiceAccount', name, namespace }],
      },
    ]),
    { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata, spec: statefulSetSpec(labels, config) },
  ];
}

type Role = DemoConfig['vcClient']['role'];

/** Kubernetes does not let a binding change its role, so each role has its own. */
const bindingNames: Record<Role, string> = { reader: 'vc-client-reader', admin: name };

const roles: Record<Role, { kind: string; name: string }> = {
  reader: { kind: 'Role', name },
  admin: { kind: 'ClusterRole', name: 'admin' },
};

const readerRole = (metadata: Manifest['metadata']): Manifest => ({
  apiVersion: `${rbac}/v1`,
  kind: 'Role',
  metadata,
  rules: readerRules.map(({ group, resources, verbs }) => ({ apiGroups: [group], resources, verbs })),
});

/** What an earlier create granted under a different setting. */
function retiredBindings({ places }: Demo, { vcClient }: Pick<DemoConfig, 'vcClient'>): Reference[] {
  const other = bindingNames[vcClient.role === 'reader' ? 'admin' : 'reader'];
  return places.map(({ namespace }) => ref(`${rbac}/v1`, 'RoleBinding', other, namespace));
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
              secretName: demoKubeconfigName,
              optional: true,
              defaultMode: 0o440,
              items: [{ key: clientKubeconfigKey, path: 'config' }],
            },
          },
        ],
      },
    },
  };
}
