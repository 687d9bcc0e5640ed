import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { readDemoConfig, type DemoConfig } from '../../../src/config.js';
import { hours } from '../../../src/duration.js';
import { accessWith } from '../../../src/k8s/client/server-access.js';
import { ApiError } from '../../../src/k8s/client/api-errors.js';
import type { ApiCall, Cluster } from '../../../src/k8s/client/cluster.js';
import { makeHostNamespace } from '../../../src/k8s/demo/host-namespace.js';
import { IstioRenderer } from '../../../src/k8s/mesh/istio.js';
import { issueKubeconfig } from '../../../src/k8s/credentials/kubeconfig.js';
import { sendTraffic } from '../../../src/k8s/mesh/traffic.js';
import { installVirtualCluster } from '../../../src/k8s/virtual-cluster/virtual-cluster.js';
import { istioManifests } from '../../../src/jobs/commands/create/steps.js';
import { withExecutables } from '../../support/executables.js';
import { plannedDemo } from '../../support/planned-demo.js';

/* Every wait inside a step, on a host that never becomes ready: the elapsed time shows the factor. */

const { signal } = new AbortController();
const configWith = (stepDeadlineFactor: number): DemoConfig => {
  const config = readDemoConfig(undefined);
  return { ...config, stepDeadlineFactor, isolation: { ...config.isolation, network: 'document' } };
};
const demo = plannedDemo({ now: new Date(), ttlMs: hours(1) });
const place = demo.places[0]!;

const kinds = {
  Namespace: 'namespaces',
  Pod: 'pods',
  ConfigMap: 'configmaps',
  ServiceAccount: 'serviceaccounts',
  LimitRange: 'limitranges',
  ResourceQuota: 'resourcequotas',
  RoleBinding: 'rolebindings',
  StorageClass: 'storageclasses',
  ValidatingAdmissionPolicy: 'validatingadmissionpolicies',
  NetworkPolicy: 'networkpolicies',
  ClusterRoleBinding: 'clusterrolebindings',
  SelfSubjectAccessReview: 'selfsubjectaccessreviews',
  SelfSubjectReview: 'selfsubjectreviews',
  CertificateSigningRequest: 'certificatesigningrequests',
};
const clusterWide = [
  'Namespace',
  'StorageClass',
  'ValidatingAdmissionPolicy',
  'ClusterRoleBinding',
  'CertificateSigningRequest',
];
const resources = Object.entries(kinds).map(([kind, name]) => ({
  kind,
  name,
  namespaced: !clusterWide.includes(kind) && !kind.startsWith('Self'),
}));

const accessTo = (url: string) => accessWith({ url }, { token: 'x' });

/** An API with predefined answers that gives objects the requested names, and has nothing else. */
function clusterWhere(answer: (call: ApiCall) => object | undefined, access = accessTo('https://x')): Cluster {
  const request = (call: ApiCall): Promise<unknown> => {
    if (/^\/(api|apis\/[^/]+)\/v1$/.test(call.path)) return Promise.resolve({ resources });
    // No demo has a record yet, and no StorageClass exists.
    const isRecord = call.path.includes('/configmaps') && call.method === 'GET';
    const found = isRecord ? undefined : /storageclasses$/.test(call.path) ? { items: [] } : answer(call);
    if (found === undefined) return Promise.reject(new ApiError('host', 404, 'NotFound', `no ${call.path}`));
    const name = call.path.split('/').at(-1);
    return Promise.resolve({ metadata: { name, uid: 'a-uid' }, ...found });
  };
  const cluster: Cluster = {
    name: 'host',
    access,
    request,
    discovered: new Map(),
    now: () => new Date(),
    close: () => undefined,
    with: () => cluster,
  };
  return cluster;
}

function namespaceOn(host: Cluster, stepDeadlineFactor: number, demoClusterRole?: string): Promise<void> {
  return makeHostNamespace({
    host,
    config: configWith(stepDeadlineFactor),
    demo,
    place,
    demoClusterRole,
    claimNamespace: 'vcdemo',
    workerNamespace: undefined,
    signal,
  });
}

/** What the cluster must have for a namespace's policies and quota. */
const isolated = ({ method, path }: ApiCall): object | undefined => {
  if (method === 'GET' && path.endsWith('/networkpolicies')) return { items: [] };
  if (method === 'GET' && path.includes('/resourcequotas/')) return { spec: { hard: {} } };
  return undefined;
};

describe('stepDeadlineFactor multiplies the wait for', () => {
  test("the worker's permissions in a namespace", async () => {
    const user = { status: { allowed: false, userInfo: { username: 'system:serviceaccount:vcdemo:worker' } } };
    const host = clusterWhere(() => user);
    await assert.rejects(
      namespaceOn(host, 1 / 30, 'vcdemo-demo'),
      /timed out after 1 s waiting for the worker's permissions in namespace demo-vc1;/,
    );
  });

  test('the default ServiceAccount', async () => {
    const host = clusterWhere((call) => isolated(call) ?? (call.method === 'GET' ? undefined : {}));
    await assert.rejects(
      namespaceOn(host, 1 / 30),
      /timed out after 1 s waiting for the default ServiceAccount of namespace demo-vc1;/,
    );
  });

  test('the quota', async () => {
    const host = clusterWhere((call) => {
      if (call.path.includes('/resourcequotas/')) return { spec: { hard: { pods: '30' } }, status: {} };
      if (call.method === 'GET' && call.path.endsWith('/namespaces/demo-vc1')) return undefined; // it is undone
      return isolated(call) ?? {};
    });
    await assert.rejects(namespaceOn(host, 1 / 30), /timed out after 1 s waiting for the quota;/);
  });

  test('the deletion of a namespace that admission makes useless', async () => {
    const host = clusterWhere((call) => {
      const { method, path } = call;
      if (method === 'POST' && path.endsWith('/pods')) throw new ApiError('host', 403, 'Forbidden', 'PodSecurity');
      return isolated(call) ?? {};
    });
    await assert.rejects(
      namespaceOn(host, 1 / 60),
      /timed out after 1 s waiting for the deletion of namespace demo-vc1;/,
    );
  });

  test('a signed certificate', async () => {
    const cluster = clusterWhere(() => ({ metadata: { name: 'csr', uid: '1' } }));
    const clusters = { vc1: cluster, vc2: cluster };
    await assert.rejects(
      issueKubeconfig(configWith(1 / 30), demo, clusters, 'u-istio', signal),
      /timed out after 1 s waiting for the certificate of u-istio in host; last seen: approved, but not signed yet/,
    );
  });

  test('the answers of helloworld', async () => {
    const silent = net.createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const sockets: net.Socket[] = [];
    silent.on('connection', (socket) => sockets.push(socket));
    const server = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const ready = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
    const cluster = clusterWhere(() => ({ items: [{ metadata: { name: 'sleep' }, status: ready }] }), accessTo(server));
    try {
      const asked = { namespace: 'sample', parallel: 12, sequential: 0 };
      await assert.rejects(sendTraffic(cluster, asked, signal, configWith(1 / 68.4)), /did not finish within 1 s/);
    } finally {
      for (const socket of sockets) socket.destroy();
      silent.close();
    }
  });
});

describe('stepDeadlineFactor multiplies the time of', () => {
  withExecutables({ helm: 'exec sleep 60', istioctl: 'exec sleep 60' });

  test('helm', () =>
    assert.rejects(
      installVirtualCluster(configWith(1 / 120), demo, place, { kubeconfig: undefined, signal }),
      /`helm upgrade --install` did not finish within 1s/,
    ));

  test('istioctl', () =>
    assert.rejects(
      async () => istioManifests.check({ istio: new IstioRenderer(), config: configWith(1 / 60) } as never),
      /`istioctl manifest generate` did not finish within 1s/,
    ));
});
