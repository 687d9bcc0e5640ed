import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDemoConfig } from '../../../src/config.js';
import { chartProblems, type ChartObject } from '../../../scripts/chart-problems.js';

const object = (kind: string, name: string, fields: object = {}): ChartObject => ({
  kind,
  metadata: { name },
  ...fields,
});
const names = ['vc1.example'];
const usable = [
  object('StatefulSet', 'vc1', { spec: { args: ['--tls-san=vc1.example'] } }),
  object('Service', 'vc1'),
  object('ServiceAccount', 'vc-vc1', { imagePullSecrets: [{ name: 'registry' }] }),
  object('Role', 'vc-vc1', { rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['create'] }] }),
];
const problems = (objects: ChartObject[]) =>
  chartProblems(objects, { config: readDemoConfig(undefined), names, pullSecrets: ['registry'] });

describe('a rendered chart', () => {
  it('has no problems if vcdemo can use it', () => assert.deepEqual(problems(usable), []));

  it('may keep its control plane in a Deployment', () => {
    assert.deepEqual(
      problems([object('Deployment', 'vc1'), object('ConfigMap', 'vc1.example'), ...usable.slice(1)]),
      [],
    );
  });

  it('is reported with what is missing in it', () => {
    assert.deepEqual(problems([object('ServiceAccount', 'other')]), [
      'it has no StatefulSet or Deployment vc1',
      'it has no Service vc1',
      'its certificate does not cover vc1.example',
      'ServiceAccount other does not name the pull secrets',
    ]);
  });

  it('is reported if it requires more than the worker has', () => {
    const rules = [{ apiGroups: ['batch'], resources: ['jobs'], verbs: ['create'] }];
    assert.deepEqual(problems([...usable, object('Role', 'jobs', { rules }), object('ClusterRole', 'everything')]), [
      'it requires cluster-wide permissions: ClusterRole everything',
      'its Role grants create on jobs.batch, which the worker does not have',
    ]);
  });

  it('is also searched in the configuration in its Secret', () => {
    const data = { 'config.yaml': Buffer.from('extraSANs: [vc1.example]').toString('base64') };
    const [, ...others] = usable;
    assert.deepEqual(
      problems([object('StatefulSet', 'vc1'), object('Secret', 'vc-config-vc1', { data }), ...others]),
      [],
    );
  });
});
