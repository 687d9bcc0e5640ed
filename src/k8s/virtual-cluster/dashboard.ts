import * as z from 'zod';
import type { DemoConfig } from '../../config.js';
import { hours } from '../../duration.js';
import { NotYet } from '../client/api-errors.js';
import { lacks, unless, type Check } from '../check.js';
import type { Cluster } from '../client/cluster.js';
import { demoLabels, publicNameOf, namespaceBase, type Demo, type VirtualClusterPlace } from '../demo/demo.js';
import { exposureManifests } from './exposure.js';
import { hostnameOf } from './hostnames.js';
import { apply, applyAll, missing, missingOrChanged, remove } from '../client/objects.js';
import { pathOf } from '../client/discovery.js';
import { ref, type Manifest } from '../client/manifest.js';
import { deploymentReady } from '../workloads/pods.js';
import { bearerToken } from '../credentials/tenant-credentials.js';
import { syncedService } from './virtual-cluster.js';

/*
 * The Kubernetes Dashboard in each virtual cluster, with the admin-user that people log in as in the manual guide.
 * @see https://github.com/kubernetes/dashboard/blob/v2.7.0/aio/deploy/recommended.yaml
 */

const namespace = 'kubernetes-dashboard';
export { namespace as dashboardNamespace };
const name = 'kubernetes-dashboard';
const admin = 'admin-user';
const app = { 'k8s-app': name };

/** Whether its pods are ready, without a look at its other objects. */
export const dashboardReady = (cluster: Cluster): Promise<Check> => deploymentReady(cluster, namespace, name);

export async function checkDashboard(cluster: Cluster, config: DemoConfig): Promise<Check> {
  const ready = await dashboardReady(cluster);
  return ready.holds ? unless(await missing(cluster, dashboardManifests(config.images.dashboard))) : ready;
}

export async function applyDashboard(cluster: Cluster, config: DemoConfig): Promise<void> {
  const manifests = dashboardManifests(config.images.dashboard);
  await applyAll(cluster, manifests.slice(0, 1));
  await applyAll(cluster, manifests.slice(1));
}

interface DashboardExposure {
  host: Cluster;
  config: DemoConfig;
  demo: Demo;
  place: VirtualClusterPlace;
}

export async function checkDashboardExposure(request: DashboardExposure): Promise<Check> {
  const manifests = await exposure(request);
  return manifests ? unless(await missingOrChanged(request.host, manifests)) : lacks(notSynced);
}

/** Call it when the Dashboard is ready: its Service is synced long before that. */
export async function applyDashboardExposure(request: DashboardExposure): Promise<void> {
  const manifests = await exposure(request);
  if (!manifests) throw new NotYet(notSynced);
  await applyAll(request.host, manifests);
}

const notSynced = 'vcluster has not created the Service of the Dashboard in the host cluster yet';

async function exposure({ host, config, demo, place }: DashboardExposure): Promise<Manifest[] | undefined> {
  const service = await syncedService(host, place, namespace, name);
  if (!service) return undefined;
  return await exposureManifests(host, config.exposure, {
    name: `${place.name}-dashboard`,
    namespace: place.namespace,
    labels: demoLabels(namespaceBase(demo), place.name),
    hostname: hostnameOf(config, 'dashboard', publicNameOf(demo), place.name),
    service,
    port: 443,
    targetPort: 8443,
  });
}

const tokenAnswer = z.object({
  status: z.object({ token: z.string(), expirationTimestamp: z.iso.datetime({ offset: true }) }),
});

/** What a person's tokens are bound to: they are valid only as long as it exists. */
const tokenAnchor = (userId: string) => ref('v1', 'Secret', `vcdemo-tokens-${userId.toLowerCase()}`, namespace);

const anchorAnswer = z.object({ metadata: z.object({ name: z.string(), uid: z.string() }) });

/**
 * A token for admin-user that is valid for an hour, unless `dropDashboardTokens` ends it before.
 * @param userId Slack ID of the person who gets it
 */
export async function dashboardToken(cluster: Cluster, userId: string): Promise<{ token: string; expires: Date }> {
  const { apiVersion, kind, metadata } = tokenAnchor(userId);
  const anchor = anchorAnswer.parse(await apply(cluster, { apiVersion, kind, metadata, type: 'Opaque' }));
  const path = await pathOf(cluster, ref('v1', 'ServiceAccount', admin, namespace));
  const answer = await cluster.request({
    method: 'POST',
    path: `${path}/token`,
    body: {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: hours(1) / 1000, boundObjectRef: { apiVersion, kind, ...anchor.metadata } },
    },
    repeat: true,
  });
  const { token, expirationTimestamp } = tokenAnswer.parse(answer).status;
  // It is shown in Slack, so it must be a token and nothing else.
  return { token: bearerToken(token, 'token'), expires: new Date(expirationTimestamp) };
}

/** Ends all tokens that a person has got. */
export const dropDashboardTokens = (cluster: Cluster, userId: string): Promise<void> =>
  remove(cluster, tokenAnchor(userId));

/** All objects of the Dashboard, without the metrics, which need a scraper. */
export function dashboardManifests(image: string): Manifest[] {
  const labels = app;
  const own = (kind: string, apiVersion: string, objectName: string, fields: object = {}): Manifest => ({
    apiVersion,
    kind,
    metadata: { name: objectName, namespace, labels },
    ...fields,
  });
  const rbac = 'rbac.authorization.k8s.io';
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    own('ServiceAccount', 'v1', name),
    own('ServiceAccount', 'v1', admin),
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: admin, labels },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'ServiceAccount', name: admin, namespace }],
    },
    ...['certs', 'csrf', 'key-holder'].map((secret) => own('Secret', 'v1', `${name}-${secret}`, { type: 'Opaque' })),
    own('ConfigMap', 'v1', `${name}-settings`),
    own('Role', `${rbac}/v1`, name, {
      rules: [
        {
          apiGroups: [''],
          resources: ['secrets'],
          resourceNames: ['certs', 'csrf', 'key-holder'].map((secret) => `${name}-${secret}`),
          verbs: ['get', 'update', 'delete'],
        },
        { apiGroups: [''], resources: ['configmaps'], resourceNames: [`${name}-settings`], verbs: ['get', 'update'] },
      ],
    }),
    own('RoleBinding', `${rbac}/v1`, name, {
      roleRef: { apiGroup: rbac, kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    }),
    own('Service', 'v1', name, { spec: { ports: [{ port: 443, targetPort: 8443 }], selector: app } }),
    own('Deployment', 'apps/v1', name, {
      spec: {
        replicas: 1,
        selector: { matchLabels: app },
        template: {
          metadata: { labels: app },
          spec: {
            serviceAccountName: name,
            securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
            containers: [
              {
                name,
                image,
                args: ['--auto-generate-certificates', `--namespace=${namespace}`, '--metrics-provider=none'],
                ports: [{ containerPort: 8443, protocol: 'TCP' }],
                resources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { memory: '256Mi' } },
                securityContext: {
                  allowPrivilegeEscalation: false,
                  readOnlyRootFilesystem: true,
                  runAsUser: 1001,
                  runAsGroup: 2001,
                },
                volumeMounts: [
                  { name: 'certs', mountPath: '/certs' },
                  { name: 'tmp', mountPath: '/tmp' },
                ],
              },
            ],
            volumes: [
              { name: 'certs', secret: { secretName: `${name}-certs` } },
              { name: 'tmp', emptyDir: {} },
            ],
          },
        },
      },
    }),
  ];
}
