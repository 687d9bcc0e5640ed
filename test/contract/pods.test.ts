import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import type { V1Pod } from '@kubernetes/client-node';
import type { ApiCall } from '../../src/k8s/client/cluster.js';
import { execInPod } from '../../src/k8s/client/exec.js';
import { apply, create, read, remove } from '../../src/k8s/client/objects.js';
import { list } from '../../src/k8s/client/lists.js';
import type { Manifest } from '../../src/k8s/client/manifest.js';
import { podProblem } from '../../src/k8s/workloads/pods.js';
import { openTunnel } from '../../src/k8s/client/tunnel.js';
import { assertRefused, describeContract, shellImage } from '../support/contract.js';
import { waitFor } from '../support/wait-for.js';

describeContract('pods', (api) => {
  const { namespace } = api;

  const { signal } = new AbortController();
  const pod: Manifest = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'shell', namespace, labels: { app: 'shell' } },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'shell', image: shellImage, imagePullPolicy: 'IfNotPresent', command: ['sleep', '3600'] }],
    },
  };
  const target = { namespace, pod: 'shell', container: 'shell' };
  const run = (...command: string[]) => execInPod(api.cluster, target, command, { withinMs: 20_000, signal });

  before(async () => {
    const missing = create(api.cluster, { ...pod, spec: { ...(pod.spec as object), serviceAccountName: 'none' } });
    await assertRefused(
      missing,
      403,
      'Forbidden',
      /error looking up service account .*\/none: serviceaccount "none" not found/,
    );
    await create(api.cluster, pod);
    await waitFor('the pod', async () => podProblem((await read<V1Pod>(api.cluster, pod))!) === undefined, {
      withinMs: 60_000,
    });
  });

  it('runs a command in a pod and reports how it ended', async () => {
    assert.equal(await run('echo', 'hello'), 'hello\n');
    await assert.rejects(
      run('sh', '-c', 'echo to stderr >&2; exit 3'),
      /command terminated with non-zero exit code: command terminated with exit code 3 to stderr/,
    );
    await assert.rejects(run('false'), /1/);
  });

  it('refuses to run a command in a pod or container that does not exist', async () => {
    const exec = (name: string, container: string): ApiCall => ({
      method: 'GET',
      path: `/api/v1/namespaces/${namespace}/pods/${name}/exec`,
      query: { command: 'true', container, stdout: true },
    });
    await assertRefused(api.cluster.request(exec('none', 'shell')), 404, 'NotFound', /pods "none" not found/);
    await assertRefused(
      api.cluster.request(exec('shell', 'none')),
      400,
      'BadRequest',
      /container none is not valid for pod shell/,
    );
    await assertRefused(api.cluster.request(exec('shell', 'shell')), 400, 'BadRequest', /Upgrade request required/i);
    const started = execInPod(api.cluster, { ...target, container: 'none' }, ['true'], { withinMs: 5000, signal });
    await assert.rejects(started, /could not be started/);
  });

  it('closes a forwarded connection to a port on which nothing listens', async () => {
    const tunnel = await openTunnel(api.cluster, namespace, async () => 'shell', 4321);
    await assert.rejects(fetch(`http://localhost:${tunnel.port}/`));
    tunnel.close();
  });

  it('creates the pods of Deployments and StatefulSets and deletes them with their owners', async () => {
    const owner = (kind: string): Manifest => ({
      apiVersion: 'apps/v1',
      kind,
      metadata: { name: kind.toLowerCase(), namespace },
      spec: {
        ...(kind === 'StatefulSet' && { serviceName: 'none' }),
        selector: { matchLabels: { app: kind } },
        template: { metadata: { labels: { app: kind } }, spec: pod.spec },
      },
    });
    const podsOf = (kind: string) => list<V1Pod>(api.cluster, 'v1', 'Pod', { namespace, labels: { app: kind } });
    for (const kind of ['Deployment', 'StatefulSet']) await apply(api.cluster, owner(kind));
    for (const kind of ['Deployment', 'StatefulSet']) {
      const ready = await waitFor(
        `the ${kind}`,
        async () => {
          const { status } = (await read<Manifest & { status?: Record<string, number> }>(api.cluster, owner(kind)))!;
          return status?.readyReplicas === 1 && status.observedGeneration === 1 && status;
        },
        { withinMs: 60_000 },
      );
      assert.equal(ready.replicas, 1);
      const [made] = await podsOf(kind);
      assert.match(
        made!.metadata!.name!,
        kind === 'Deployment' ? /^deployment-[a-z0-9]+-[a-z0-9]{5}$/ : /^statefulset-0$/,
      );
      await remove(api.cluster, owner(kind));
    }
    for (const kind of ['Deployment', 'StatefulSet'])
      await waitFor('the pods to go', async () => (await podsOf(kind)).length === 0, { withinMs: 60_000 });
  });
});
