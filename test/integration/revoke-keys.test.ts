import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse, stringify } from 'yaml';
import { ApiError } from '../../src/k8s/client/api-errors.js';
import { connectCluster } from '../../src/k8s/client/cluster.js';
import { hostAccess } from '../../src/k8s/client/host-access.js';
import { list } from '../../src/k8s/client/lists.js';
import { runningDemo } from '../support/running-demo.js';

/*
 * All keys of a demo are replaced, on a simulated cluster whose istiods notice no remote secret that is created after their
 * start, as real ones sometimes do not.
 */

describe('a demo whose keys are replaced', () => {
  const demo = runningDemo('keys', 0.2, 'secret-unnoticed');
  let directory: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'vcdemo-keys-'));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  const kubeconfigs = async () =>
    (await demo.stack.slack.files(demo.stack.slack.channel)).filter(({ name }) => name.startsWith('keys.kubeconfig'));

  async function namespacesWith(kubeconfig: string): Promise<string[]> {
    const file = join(directory, 'kubeconfig');
    await writeFile(file, kubeconfig, { mode: 0o600 });
    const cluster = connectCluster('vc1', hostAccess({ KUBECONFIG: file }));
    try {
      return (await list(cluster, 'v1', 'Namespace')).map(({ metadata }) => metadata.name);
    } finally {
      cluster.close();
    }
  }

  it('has one mesh, as it had before, and only the new kubeconfig works', async () => {
    const { stack } = demo;
    const { alice } = stack.slack;
    const [before] = await kubeconfigs();
    assert.ok((await namespacesWith(before!.content)).includes('istio-system'));
    await stack.confirm(alice, 'revoke keys');
    await stack.reply(/Demo \*keys\* has new keys/, 120_000);
    const [renewed, ...others] = await kubeconfigs();
    assert.equal(others.length, 0);
    assert.ok((await namespacesWith(renewed!.content)).includes('istio-system'));
    await assert.rejects(namespacesWith(before!.content), /not signed by the expected CA/);
    const { users } = parse(before!.content) as { users: object[] };
    const oldUser = stringify({ ...(parse(renewed!.content) as object), users });
    await assert.rejects(namespacesWith(oldUser), (error) => error instanceof ApiError && error.status === 401);
    await stack.type(stack.slack.bob, 'status keys');
    await stack.whisper(stack.slack.bob, /all parts are in place/);
  });
});
