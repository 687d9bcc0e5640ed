import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refusal, UserError } from '../../../src/errors.js';
import { FlowError } from '../../../src/jobs/flow.js';
import { brokenByHost, causeOf, troubleMessage } from '../../../src/jobs/host-trouble.js';

const failed = (error: unknown) =>
  new FlowError([{ step: 'virtualCluster', says: 'Starting the virtual cluster', state: 'failed', error }]);

test('demos that need more than the host cluster has broke for the same reason, whatever their pods are called', () => {
  const [one, other] = ['a', 'b'].map((demo) =>
    brokenByHost(failed(new Error(`pod ${demo}-0 cannot be scheduled: 0/1 nodes are available: 1 Insufficient cpu.`))),
  );
  assert.match(one!.reason, /pod a-0/);
  assert.equal(one!.remedy, other!.remedy);
});

test('demos broke for the same reason if the remedies differ only in names of demos, namespaces and virtual clusters', () => {
  const remedyFor = (name: string, namespace: string) =>
    `A worker needs a Secret: delete it (\`kubectl -n ${namespace} delete secret ca\`) in demo *${name}*, then run /vcdemo create ${name} --on eu.`;
  const causes = [
    causeOf({ name: 'a' }, { what: 'broke', remedy: remedyFor('a', 'a-vc1') }),
    causeOf({ name: 'secret' }, { what: 'broke', remedy: remedyFor('secret', 'secret-vc2') }),
    causeOf(
      { name: 'team-b', pair: 'pool-1f2e3d4c' },
      { what: 'broke', remedy: remedyFor('team-b', 'pool-1f2e3d4c-vc1') },
    ),
  ];
  assert.equal(new Set(causes).size, 1, causes.join('\n'));
  assert.match(causes[0]!, /A worker needs a Secret/);
});

test('demos broke for different reasons if the remedies differ in more than names', () => {
  const causes = ['Add a node.', 'Add a volume.'].map((remedy) => causeOf({ name: 'a' }, { what: 'broke', remedy }));
  assert.notEqual(causes[0], causes[1]);
});

test('a create that was refused, or whose name is taken by a namespace, is no trouble of the host cluster', () => {
  assert.equal(brokenByHost(failed(new Refusal('maintenance', 'No new demos.'))), undefined);
  assert.equal(brokenByHost(failed(new UserError('foreign-namespace', 'It has a namespace a-vc1.'))), undefined);
});

test('administrators read what broke, since when, which demos, and what to do', () => {
  const trouble = { cause: 'x', since: new Date('2026-01-02T03:04:00Z'), demos: ['team-a', 'team-b'] };
  const broken = { what: 'stopped working', reason: 'only v1 answers', remedy: 'Look at the nodes.' };
  const { text } = troubleMessage(trouble, broken, 'eu');
  assert.match(
    text,
    /Host cluster eu is breaking several demos: since 2026-01-02 03:04 UTC, 2 of them stopped working: team-a, team-b/,
  );
  assert.match(text, /only v1 answers[\s\S]*What to do: Look at the nodes\./);
});
