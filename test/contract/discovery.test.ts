import assert from 'node:assert/strict';
import { it } from 'node:test';
import { assertRefused, describeContract, refused } from '../support/contract.js';
import { request } from '../support/answers.js';

describeContract('discovery', (api) => {
  const { namespace } = api;

  it('reports that it is ready, its version, and its groups and resources', async () => {
    assert.equal(await api.cluster.request({ method: 'GET', path: '/readyz', accept: 'text/plain' }), 'ok');
    const version = await request<{ gitVersion: string }>(api.cluster, { method: 'GET', path: '/version' });
    assert.match(version.gitVersion, /^v1\.\d+/);
    const { groups } = await request<{ groups: { name: string }[] }>(api.cluster, { method: 'GET', path: '/apis' });
    assert.ok(groups.some(({ name }) => name === 'apps'));
    const apps = await request<{ resources: object[] }>(api.cluster, { method: 'GET', path: '/apis/apps/v1' });
    const deployments = apps.resources.find((one) => (one as { name: string }).name === 'deployments');
    assert.match(JSON.stringify(deployments), /"namespaced":true,"kind":"Deployment"/);
  });

  it('answers 404 for an unknown group and for an unknown kind', async () => {
    const noGroup = await refused(api.cluster.request({ method: 'GET', path: '/apis/no.such.group/v1' }));
    assert.deepEqual([noGroup.status, noGroup.reason], [404, '']);
    const noKind = api.cluster.request({ method: 'GET', path: `/api/v1/namespaces/${namespace}/nothings` });
    await assertRefused(noKind, 404, 'NotFound', /the server could not find the requested resource/);
  });
});
