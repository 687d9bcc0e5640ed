import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as z from 'zod';
import { ApiError } from '../../../../src/k8s/client/api-errors.js';
import type { Cluster } from '../../../../src/k8s/client/cluster.js';
import { changeKept, readKept } from '../../../../src/k8s/demo/kept-value.js';
import { switchMaintenance } from '../../../../src/k8s/demo/maintenance.js';
import { usualDurations } from '../../../../src/k8s/demo/run-durations.js';
import { readStock } from '../../../../src/jobs/commands/pool/stock.js';
import { apply, create } from '../../../../src/k8s/client/objects.js';
import { claimRules } from '../../../../src/k8s/permissions/permissions.js';
import { withSimulatedCluster } from '../../../support/simulated-cluster.js';

const counter = (name: string) => ({ name: `vcdemo.${name}` as const, key: 'count', schema: z.number() });
const add = (host: Cluster, name: string) => changeKept(host, counter(name), (count = 0) => count + 1);

describe('a value that workers keep', () => {
  let host: Cluster;
  withSimulatedCluster((connected) => void (host = connected));

  it('is changed one after the other by workers that write at once', async () => {
    const written = await Promise.all([add(host, 'shared'), add(host, 'shared'), add(host, 'shared')]);
    assert.deepEqual(written, [true, true, true]);
    assert.equal(await readKept(host, counter('shared')), 3);
  });

  it('is written with the permissions that workers have on records, maintenance too', async () => {
    const verbs: Record<string, string> = { GET: 'get', POST: 'create', PUT: 'update', PATCH: 'patch' };
    const used = new Set<string>();
    const watched: Cluster = {
      ...host,
      request: (call) => {
        if (call.path.includes('/configmaps')) used.add(verbs[call.method]!);
        return host.request(call);
      },
    };
    await add(watched, 'permitted');
    await add(watched, 'permitted');
    const since = Date.now();
    for (const [index, isOn] of [true, false].entries())
      assert.ok(await switchMaintenance(watched, { isOn, by: 'U0ROOT', since: new Date(since + index) }));
    const granted = claimRules.find(({ resources }) => resources.includes('configmaps'))!.verbs;
    assert.deepEqual(
      [...used].filter((verb) => !granted.includes(verb)),
      [],
    );
    assert.ok(used.has('update'));
  });

  it('is changed once if the answer to the first attempt was lost', async () => {
    await add(host, 'lost');
    let isFirst = true;
    const losing: Cluster = {
      ...host,
      async request(call) {
        const answer = await host.request(call);
        if (call.method !== 'PUT' || !isFirst) return answer;
        isFirst = false;
        const conflict = new ApiError('host', 409, 'Conflict', 'it was changed');
        conflict.mayBeOwnDoing = true;
        throw conflict;
      },
    };
    assert.equal(await add(losing, 'lost'), true);
    assert.equal(await readKept(host, counter('lost')), 2);
  });

  it('counts as none if somebody has overwritten it, and is replaced by the next change', async () => {
    const metadata = { name: 'vcdemo.broken', namespace: 'default' };
    await create(host, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { count: 'many' } });
    assert.equal(await readKept(host, counter('broken')), undefined);
    assert.equal(await add(host, 'broken'), true);
    assert.equal(await readKept(host, counter('broken')), 1);
  });

  it('does not stop the upkeep of demos, whichever somebody has overwritten', async () => {
    for (const name of ['maintenance', 'pool', 'trouble', 'durations'])
      await apply(host, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: `vcdemo.${name}`, namespace: 'default' },
        data: { [name]: '{"since": "never"}' },
      });
    const { isUnderMaintenance, notes } = await readStock(host);
    assert.deepEqual([isUnderMaintenance, notes.failures], [false, 0]);
    assert.equal(await usualDurations(host, 'create'), undefined);
    assert.ok(await switchMaintenance(host, { isOn: true, by: 'U0ROOT', since: new Date() }));
    assert.equal((await readStock(host)).isUnderMaintenance, true);
  });
});
