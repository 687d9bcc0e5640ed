import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { accessWith } from '../../../../../src/k8s/client/server-access.js';
import type { ApiCall, Cluster } from '../../../../../src/k8s/client/cluster.js';
import { measureDirection } from '../../../../../src/jobs/commands/verify/measure.js';
import { evenly } from '../../../../../src/jobs/commands/verify/shares.js';
import { judgeDirection } from '../../../../../src/jobs/commands/verify/verdict.js';

test('a sleep that hangs is waited for no longer than two minutes, however many requests there are', async () => {
  const silent = net.createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const sockets: net.Socket[] = [];
  silent.on('connection', (socket) => sockets.push(socket));
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const ready = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
  const answer = ({ path }: ApiCall) =>
    path === '/api/v1'
      ? { resources: [{ kind: 'Pod', name: 'pods', namespaced: true }] }
      : { items: [{ metadata: { name: 'sleep' }, status: ready }] };
  const cluster: Cluster = {
    name: 'vc1',
    access: accessWith({ url }, { token: 'x' }),
    request: <Answer>(call: ApiCall) => Promise.resolve(answer(call) as Answer),
    discovered: new Map(),
    now: () => new Date(),
    close: () => undefined,
    with: () => cluster,
  };
  const { signal } = new AbortController();
  const expectation = Promise.resolve({ weights: { v1: 90, v2: 10 }, isStated: true });
  try {
    const direction = await measureDirection(cluster, {
      namespace: 'sample',
      parallel: 400,
      expectation,
      signal,
      deadlineFactor: 1 / 120,
    });
    const problem = 'the requests from vc1 did not finish within 1 s';
    assert.deepEqual(direction, { from: 'vc1', problem, isLate: true });
    assert.deepEqual(judgeDirection(direction, evenly), {
      ...{ from: 'vc1', kind: 'inconclusive', remarks: [] },
      reason: problem,
    });
  } finally {
    for (const socket of sockets) socket.destroy();
    silent.close();
  }
});
