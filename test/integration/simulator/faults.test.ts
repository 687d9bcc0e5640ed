import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { type V1Pod } from '@kubernetes/client-node';
import { startSimulatedCluster, type SimulatedCluster } from '../../../simulator/index.js';
import { UnreachableError } from '../../../src/k8s/client/api-errors.js';
import { type Cluster } from '../../../src/k8s/client/cluster.js';
import type { VirtualClusterPlace } from '../../../src/k8s/demo/demo.js';
import { ingressRouteTcp } from '../../../src/k8s/virtual-cluster/exposure.js';
import { apply, read } from '../../../src/k8s/client/objects.js';
import { list } from '../../../src/k8s/client/lists.js';
import { ref, type Manifest } from '../../../src/k8s/client/manifest.js';
import { podProblem } from '../../../src/k8s/workloads/pods.js';
import { VirtualClusterConnections } from '../../../src/k8s/virtual-cluster/virtual-cluster.js';
import { connectTo, getInsecurely, quick, runTool, waitFor } from '../../support/simulated-pair.js';
import { create } from '../../support/answers.js';

describe('the faults of a simulated cluster', () => {
  let simulated: SimulatedCluster;
  let host: Cluster;
  const { signal } = new AbortController();
  const place: VirtualClusterPlace = { name: 'vc1', namespace: 'faulty' };

  before(async () => {
    simulated = await startSimulatedCluster({ ...quick, fault: 'pods-pending' });
    host = connectTo(simulated.kubeconfig);
    await create(host, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'faulty' } });
    await runTool('helm', simulated.kubeconfigFile, ['upgrade', '-i', 'vc1', 'vcluster', '-n', 'faulty', '-f', '-'], {
      controlPlane: { proxy: { extraSANs: ['faulty.test'] } },
    });
  });
  after(async () => {
    host.close();
    await simulated.close();
  });

  it('pods-pending keeps the pod of a virtual cluster unscheduled until the fault is removed', async () => {
    const pod = await waitFor('the scheduler', async () => {
      const found = await read<V1Pod>(host, ref('v1', 'Pod', 'vc1-0', 'faulty'));
      return found?.status?.conditions?.length ? found : undefined;
    });
    assert.equal(podProblem(pod), 'pod vc1-0 cannot be scheduled: 0/1 nodes are available: 1 Insufficient cpu.');
    await simulated.inject(undefined);
    await waitFor(
      'the pod',
      async () => podProblem((await read<V1Pod>(host, ref('v1', 'Pod', 'vc1-0', 'faulty')))!) === undefined,
    );
  });

  it('tls-terminated makes the edge present its own certificate and drop the client certificate', async () => {
    await apply(
      host,
      ingressRouteTcp('traefik.io', 'websecure', {
        name: 'vc1',
        namespace: 'faulty',
        labels: {},
        hostname: 'faulty.test',
        service: 'vc1',
        port: 443,
      }),
    );
    const connections = new VirtualClusterConnections(host, { signal, inCluster: false });
    const ca = new X509Certificate((await connections.connect(place)).access.server.certificateAuthority!);
    await connections.close();
    await simulated.inject('tls-terminated');
    const { certificate, body, status } = await getInsecurely(simulated.edge.port, 'faulty.test', '/api/v1/namespaces');
    assert.ok(!new X509Certificate(certificate).verify(ca.publicKey));
    assert.equal(status, 403);
    assert.match(body, /system:anonymous/);
  });

  it('slow makes every call take 300 ms longer', async () => {
    await simulated.inject('slow');
    const start = performance.now();
    await list(host, 'v1', 'Namespace');
    assert.ok(performance.now() - start > 290);
  });

  it('forbidden refuses some calls, and access reviews say so', async () => {
    await simulated.inject('forbidden');
    const ask = async (verb: string, group: string, resource: string) => {
      const spec = { resourceAttributes: { verb, group, resource } };
      const review = await create<Manifest & { status: { allowed: boolean } }>(host, {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec,
      });
      return review.status.allowed;
    };
    assert.deepEqual(
      [await ask('*', '*', '*'), await ask('create', 'apps', 'statefulsets'), await ask('list', '', 'pods')],
      [false, false, true],
    );
    await assert.rejects(
      runTool('helm', simulated.kubeconfigFile, ['upgrade', '-i', 'vc2', 'vcluster', '-n', 'faulty']),
      /rolebindings\.rbac\.authorization\.k8s\.io is forbidden: User "kubernetes-admin" cannot create/,
    );
  });

  it('api-down makes the API refuse connections until it is up again at the same address', async () => {
    await simulated.inject('api-down');
    await assert.rejects(list(host, 'v1', 'Namespace'), UnreachableError); // closes connections that were kept alive
    await assert.rejects(list(host, 'v1', 'Namespace'), /ECONNREFUSED/);
    await simulated.inject(undefined);
    assert.ok((await list(host, 'v1', 'Namespace')).length > 0);
  });
});
