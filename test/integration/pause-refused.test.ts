import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { V1Namespace } from '@kubernetes/client-node';
import { readDemoConfig } from '../../src/config.js';
import { hours, minutes } from '../../src/duration.js';
import { noteNamespace } from '../../src/k8s/demo/demo-record.js';
import { namespaceMetadata } from '../../src/k8s/demo/own-namespaces.js';
import type { Demo } from '../../src/k8s/demo/demo.js';
import type { Log } from '../../src/log.js';
import { create } from '../support/answers.js';
import { owner, recordedDemos } from '../support/recorded-demos.js';

/* What cannot be paused goes on as before: nothing says that it is paused, and its lifetime is not on hold. */

describe('a demo whose virtual clusters have no volume', () => {
  const demos = recordedDemos({ config: { pause: { stopsExpiry: true }, autoPause: { idle: minutes(15) } } });

  /** With namespaces, and no StatefulSet in them. */
  async function demoNamed(name: string, fields: Partial<Demo> = {}): Promise<Demo> {
    const demo = await demos.demoNamed(name, fields);
    for (const place of demo.places) {
      const body = { apiVersion: 'v1', kind: 'Namespace', metadata: namespaceMetadata(demo, place) };
      const { metadata } = await create<V1Namespace>(demos.host, body);
      await noteNamespace(demos.host, demo, place, metadata!.uid!);
    }
    return demo;
  }

  it('is not paused by a command, which says why', async () => {
    await demoNamed('thin');
    const { code, error } = await demos.run('pause', owner.id, { demo: 'thin' });
    assert.equal(code, 'no-volume');
    assert.match(error!.hint!, /persistence/);
    const { state, paused } = await demos.found('thin');
    assert.deepEqual([state, paused], ['ready', undefined]);
  });

  it('is not paused because nobody uses it', async () => {
    const ago = (ms: number) => new Date(Date.now() - ms);
    await demoNamed('idle', { used: ago(hours(1)), traces: { seen: 'nothing', at: ago(minutes(1)) } });
    const warned: unknown[] = [];
    const log = { info() {}, error() {}, warn: (facts: unknown) => warned.push(facts) } as unknown as Log;
    assert.equal((await demos.run('autopause', owner.id, { demo: 'idle' }, { log })).code, undefined);
    assert.match(JSON.stringify(warned), /has no volume/);
    assert.equal((await demos.found('idle')).state, 'ready');
  });
});

describe('a demo that is not ready', () => {
  const demos = recordedDemos({});

  it('is not paused', async () => {
    for (const state of ['creating', 'failed', 'deleting'] as const) {
      await demos.demoNamed(state, { state });
      assert.equal((await demos.run('pause', owner.id, { demo: state })).code, 'demo-not-ready', state);
      assert.equal((await demos.found(state)).state, state);
    }
  });
});

describe('a paused demo', () => {
  const demos = recordedDemos({});

  it('is told and shown by the next run of the job that paused it, if the first could not do that any more', async () => {
    for (const command of ['pause', 'autopause'] as const) {
      const [name, id] = [`told-by-${command}`, `${command}-x`];
      const card = { channel: 'C0DEMOS', ts: '1.1' };
      await demos.demoNamed(name, { state: 'paused', paused: { since: new Date(), jobId: id }, done: [id], card });
      const { code, said } = await demos.run(command, owner.id, { demo: name }, { id, resumed: true });
      assert.equal(code, undefined, command);
      assert.match(said.join('\n'), new RegExp(`Demo \\*${name}\\* of .* is paused`), 'the card');
      assert.match(said.join('\n'), new RegExp(`Demo \\*${name}\\* (is|was) paused`), 'the message');
      assert.deepEqual((await demos.found(name)).audit, [], 'nothing is done again');
    }
  });

  it('is looked through by the next run of the job that resumed it, if the first could not tell people any more', async () => {
    const begun = { jobId: 'resume-x', askedAt: new Date() };
    await demos.demoNamed('awake', { begun, done: ['resume-x'] });
    const noStep = AbortSignal.abort(new Error('no step is done'));
    const again = { id: 'resume-x', resumed: true, draining: noStep };
    assert.match((await demos.run('resume', owner.id, { demo: 'awake' }, again)).error!.message, /no step is done/);
    assert.equal((await demos.run('resume', owner.id, { demo: 'awake' }, { id: 'resume-y' })).code, 'not-paused');
  });

  it('is not resumed by a job that is repeated although it was done before the pause', async () => {
    for (const command of ['create', 'resume'] as const) {
      const [name, id] = [`paused-after-${command}`, `${command}-z`];
      const begun = { jobId: id, askedAt: new Date() };
      await demos.demoNamed(name, { state: 'paused', paused: { since: new Date() }, begun, done: [id] });
      assert.equal((await demos.run(command, owner.id, { demo: name }, { id })).code, 'command-over', command);
      assert.equal((await demos.found(name)).state, 'paused', command);
    }
  });

  it('is not resumed by somebody who may not resume it, also not by a create', async () => {
    await demos.demoNamed('nap', { state: 'paused', paused: { since: new Date() } });
    for (const command of ['resume', 'create'] as const) {
      const { code, error } = await demos.run(command, 'U0MALLORY', { demo: 'nap' });
      assert.equal(code, 'not-owner', command);
      assert.match(error!.message, /can run `\/vcdemo resume` on it/);
    }
    assert.equal((await demos.found('nap')).state, 'paused');
  });

  it('is used by no command that needs its pods, and each says how to resume it', async () => {
    await demos.demoNamed('asleep', { state: 'paused', paused: { since: new Date() } });
    for (const command of ['verify', 'diagnose', 'kubeconfig', 'dashboard', 'revoke'] as const) {
      const { code, error } = await demos.run(command, owner.id, { demo: 'asleep' });
      assert.equal(code, 'demo-paused', command);
      assert.match(error!.hint!, /\/vcdemo resume asleep/);
    }
  });

  it('with its lifetime on hold is told how long it will live where it cannot be extended, not a time that does not count', async () => {
    const { ttl } = readDemoConfig(undefined);
    const expires = new Date(Date.now() - hours(1));
    await demos.demoNamed('held', { state: 'paused', paused: { since: expires, leftMs: ttl.max }, expires });
    const { code, error } = await demos.run('extend', owner.id, { demo: 'held', byMs: hours(1) });
    assert.equal(code, 'too-long');
    assert.match(error!.hint!, /Its lifetime is on hold: it will have .* left when it is resumed/);
    assert.doesNotMatch(error!.hint!, /expires/);
  });
});

describe('a paused demo whose lifetime is on hold', () => {
  const demos = recordedDemos({});

  it('is shown with what is left of it, and with no time at which it would expire', async () => {
    await demos.demoNamed('held', { state: 'paused', paused: { since: new Date(), leftMs: hours(2) } });
    for (const [command, words] of [
      ['list', {}],
      ['whoami', {}],
      ['status', { demo: 'held' }],
      ['question', { demo: 'held', command: 'delete' }],
    ] as const) {
      const { code, messages } = await demos.run(command, owner.id, words);
      assert.equal(code, undefined, command);
      assert.match(JSON.stringify(messages), /2h left when it is resumed/, command);
      assert.doesNotMatch(JSON.stringify(messages), /expires/, command);
    }
  });
});
