import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDemoConfig } from '../../../../src/config.js';
import { hours, minutes } from '../../../../src/duration.js';
import { namespaceBase, publicNameOf } from '../../../../src/k8s/demo/demo.js';
import {
  configurationHash,
  newPairName,
  ofPair,
  planPair,
  retryAt,
  wantedPairs,
  withFailure,
  withoutFailures,
} from '../../../../src/k8s/demo/pool.js';
import { plannedDemo } from '../../../support/planned-demo.js';

const config = readDemoConfig(undefined);

describe('a demo made of a warm pair', () => {
  it('keeps its own name in public names, and has the namespaces of the pair', () => {
    const demo = ofPair(plannedDemo({ name: 'team-a' }), planPair('pool-1', config, 'vcdemo', new Date()));
    assert.deepEqual([publicNameOf(demo), namespaceBase(demo)], ['team-a', 'pool-1']);
    assert.deepEqual(
      demo.places.map(({ namespace }) => namespace),
      ['pool-1-vc1', 'pool-1-vc2'],
    );
    assert.equal(demo.warm, undefined);
  });

  it('has the public names of the pair if a wildcard certificate cannot cover its own', () => {
    const hosts = { ...config.hosts, api: '{cluster}.{demo}.{domain}' };
    const demo = ofPair(
      plannedDemo({ name: 'team-a' }),
      planPair('pool-1', { ...config, hosts }, 'vcdemo', new Date()),
    );
    assert.equal(publicNameOf(demo), 'pool-1');
  });

  it('has its own name wherever there are no public names', () => {
    const hosts = { ...config.hosts, api: '{cluster}.{demo}.{domain}' };
    const pair = planPair('pool-1', { ...config, hosts, exposure: { kind: 'none' } }, 'vcdemo', new Date());
    assert.equal(publicNameOf(ofPair(plannedDemo({ name: 'team-a' }), pair)), 'team-a');
  });
});

describe('the hash of a configuration', () => {
  it('stays the same when a setting changes that is not in a pair', () => {
    for (const changed of [
      { ttl: { default: hours(1), max: hours(2) } },
      { pool: { ...config.pool, size: 3 } },
      { access: { ...config.access, admins: ['U1'] } },
      { stepDeadlineFactor: 2 },
    ])
      assert.equal(configurationHash({ ...config, ...changed }), configurationHash(config));
  });

  it('differs when a pair would be made differently', () => {
    for (const changed of [
      { domain: 'other.example.com' },
      { istio: { ...config.istio, tag: '1.29.0' } },
      { vcluster: { ...config.vcluster, values: { sync: {} } } },
      { isolation: { ...config.isolation, quota: 'off' as const } },
      { images: { ...config.images, sleep: 'sleep:1' } },
    ])
      assert.notEqual(configurationHash({ ...config, ...changed }), configurationHash(config));
  });
});

describe('the size of the pool', () => {
  it('is what a command says, else the configuration, and never more than `pool.max` and the limits leave', () => {
    const settings = { ...config, pool: { ...config.pool, size: 2, max: 3 }, limits: { ...config.limits, demos: 10 } };
    assert.equal(wantedPairs(settings, {}, 0), 2);
    assert.equal(wantedPairs(settings, { size: 1 }, 0), 1);
    assert.equal(wantedPairs(settings, { size: 0 }, 0), 0);
    assert.equal(wantedPairs(settings, { size: 9 }, 0), 3);
    assert.equal(wantedPairs(settings, { size: 3 }, 9), 1);
    assert.equal(wantedPairs(settings, { size: 3 }, 11), 0);
  });
});

describe('the next attempt after failures', () => {
  it('comes later after each of them, at most an hour later, and at once after a success', () => {
    const at = new Date('2026-01-01T00:00:00Z');
    const after = (count: number) =>
      Array.from({ length: count }).reduce<ReturnType<typeof withFailure>>(
        (notes) => withFailure(notes, 'x'.repeat(1000), at),
        { failures: 0 },
      );
    const waitsMs = (count: number) => retryAt(after(count))!.getTime() - at.getTime();
    assert.deepEqual([1, 2, 3, 20].map(waitsMs), [minutes(1), minutes(2), minutes(4), hours(1)]);
    assert.equal(retryAt(withoutFailures(after(3))), undefined);
  });
});

it('names pairs so that nobody else has the name', () => {
  assert.match(newPairName(), /^pool-[0-9a-f]{8}$/);
  assert.notEqual(newPairName(), newPairName());
});
