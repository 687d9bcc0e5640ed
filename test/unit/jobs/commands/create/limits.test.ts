import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDemoConfig } from '../../../../../src/config.js';
import type { Refusal } from '../../../../../src/errors.js';
import { assertWithinLimits } from '../../../../../src/jobs/commands/create/limits.js';
import type { Demo } from '../../../../../src/k8s/demo/demo.js';
import type { DemoList } from '../../../../../src/k8s/demo/demo-record.js';
import type { UnreadableDemo } from '../../../../../src/k8s/demo/stored-record.js';
import { plannedDemo } from '../../../../support/planned-demo.js';

const config = readDemoConfig(undefined);
const alice = { userId: 'U1', userName: 'alice', channelId: 'C1' };
const demosOf = (owner: string, count: number, prefix: string) =>
  Array.from({ length: count }, (_, index) =>
    plannedDemo({
      name: `${prefix}${index}`,
      owner: { id: owner, name: owner },
      now: new Date(index),
      ttlMs: 1000,
      claimNamespace: 'default',
    }),
  );

const listed = (demos: Demo[], unreadable: UnreadableDemo[] = []): DemoList => ({ demos, unreadable });

test('allows another demo as long as the person and the host cluster are below their limits', () => {
  assertWithinLimits(
    listed([...demosOf('U1', config.limits.demosPerPerson - 1, 'a'), ...demosOf('U2', 9, 'b')]),
    alice,
    config,
  );
});

test('refuses a demo beyond the limit per person, and lists their demos with expiry times', () => {
  const demos = [...demosOf('U1', config.limits.demosPerPerson, 'a'), ...demosOf('U2', 1, 'b')];
  assert.throws(
    () => assertWithinLimits(listed(demos), alice, config),
    (error: Refusal) =>
      error.code === 'too-many-demos' && /a0 of <@U1>, which expires/.test(error.hint!) && !/b0/.test(error.hint!),
  );
});

test('refuses a demo if the host cluster has reached its limit', () => {
  assert.throws(
    () => assertWithinLimits(listed(demosOf('U2', config.limits.demos, 'b')), alice, config),
    (error: Refusal) => error.code === 'host-full' && /b0 of <@U2>/.test(error.hint!),
  );
});

test('names demos whose lifetime is on hold last, and gives no time at which they would expire', () => {
  const onHold = (demo: Demo): Demo => ({
    ...demo,
    state: 'paused',
    paused: { since: new Date(0), leftMs: 7_200_000 },
  });
  const [first, ...others] = demosOf('U1', config.limits.demosPerPerson, 'a');
  assert.throws(
    () => assertWithinLimits(listed([onHold(first!), ...others.map(onHold)]), alice, config),
    (error: Refusal) => /^a0 of <@U1>, which has 2h left when it is resumed; /.test(error.hint!),
  );
  assert.throws(
    () => assertWithinLimits(listed([onHold(first!), ...others]), alice, config),
    (error: Refusal) => /^a1 of <@U1>, which expires /.test(error.hint!) && !/a0/.test(error.hint!.split('Delete')[0]!),
  );
  const all = demosOf('U2', config.limits.demos, 'b').map(onHold);
  assert.throws(
    () => assertWithinLimits(listed(all), alice, config),
    (error: Refusal) => /^`?\/vcdemo list`? shows/.test(error.hint!),
  );
});

test('counts demos whose records cannot be read, so that breaking them makes no room', () => {
  const demos = demosOf('U2', config.limits.demos - 1, 'b');
  assertWithinLimits(listed(demos), alice, config);
  assert.throws(
    () => assertWithinLimits(listed(demos, [{ name: 'odd', problem: 'no JSON' }]), alice, config),
    (error: Refusal) => error.code === 'host-full',
  );
});
