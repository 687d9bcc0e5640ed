import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { ControlPlane } from '../../../simulator/control-plane.js';
import { Faults } from '../../../simulator/faults.js';

const plane = (isHost: boolean) =>
  new ControlPlane({
    ...{ name: 'test', isHost, faults: new Faults(), allocateClusterIp: () => '10.96.0.2' },
    runtime: {
      portOf: () => Promise.resolve(undefined),
      run: () => Promise.reject(new Error('no pod runs')),
      dial: () => undefined,
    },
  });

test('a virtual cluster that starts again serves its API although somebody has taken its port meanwhile', async () => {
  const cluster = plane(false);
  const other = net.createServer();
  try {
    await cluster.serve(['localhost']);
    const { port } = cluster;
    cluster.stopServing();
    await once(other.listen(port, '127.0.0.1'), 'listening');
    await cluster.serve(['localhost']);
    assert.notEqual(cluster.port, port);
  } finally {
    cluster.close();
    other.close();
  }
});

test('a host cluster that answers again has the port that is in kubeconfigs', async () => {
  const cluster = plane(true);
  try {
    await cluster.serve(['localhost']);
    const { port } = cluster;
    cluster.stopServing();
    await cluster.serve(['localhost']);
    assert.equal(cluster.port, port);
  } finally {
    cluster.close();
  }
});
