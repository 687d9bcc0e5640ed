import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ApiCall, Cluster } from '../../../../../src/k8s/client/cluster.js';
import { accessWith } from '../../../../../src/k8s/client/server-access.js';
import { verifyMesh } from '../../../../../src/jobs/commands/verify/mesh.js';

const { signal } = new AbortController();

/** An API that refuses every connection. */
function silent(name: string): Cluster {
  const cluster: Cluster = {
    name,
    access: accessWith({ url: 'http://127.0.0.1:1' }, { token: 'x' }),
    request: <Answer>(_call: ApiCall): Promise<Answer> => Promise.reject(new Error('refused')),
    discovered: new Map(),
    now: () => new Date(),
    close: () => undefined,
    with: () => cluster,
  };
  return cluster;
}

test('two clusters and a namespace are enough: the cause has a remedy that names no demo', async () => {
  const clusters = [silent('east'), silent('west')] as const;
  const report = await verifyMesh({ clusters, namespace: 'shop' }, { parallel: 12, signal });
  assert.equal(report.verdict.kind, 'fail');
  const [cause] = report.causes;
  assert.equal(cause?.name, 'a virtual cluster is down');
  assert.deepEqual(cause.evidence, [
    'east: its API does not answer: refused',
    'west: its API does not answer: refused',
  ]);
  assert.doesNotMatch(cause.remedy.text, /vcdemo/);
  assert.equal(cause.isRepairable, false);
});

test('what verifies a mesh imports nothing that knows a demo or Slack', () => {
  const folder = join(import.meta.dirname, '../../../../../src/jobs/commands/verify');
  const seen = new Set<string>();
  const visit = (file: string) => {
    if (seen.has(file) || !readdirSync(folder).includes(file)) return;
    seen.add(file);
    for (const [, name = ''] of readFileSync(join(folder, file), 'utf8').matchAll(/from '([^']+)'/g)) {
      assert.doesNotMatch(name, /k8s\/demo|host-cluster|context\.js|slack\/slack|job-run/, `${file} imports ${name}`);
      if (name.startsWith('./')) visit(`${name.slice(2, -3)}.ts`);
    }
  };
  visit('mesh.ts');
  assert.ok(seen.size > 5);
});
