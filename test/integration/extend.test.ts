import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hours } from '../../src/duration.js';
import { changeExisting, findDemo, forgetDemo } from '../../src/k8s/demo/demo-record.js';
import type { Demo } from '../../src/k8s/demo/demo.js';
import { owner, recordedDemos } from '../support/recorded-demos.js';

describe('a demo', () => {
  const demos = recordedDemos({ access: { admins: ['U0ROOT'] }, groups: { S0OPS: ['U0OLGA'] } });
  const { run } = demos;
  /** A ready demo that ends in an hour. */
  const demoNamed = (name: string, fields: Partial<Demo> = {}) =>
    demos.demoNamed(name, { expires: new Date(Date.now() + hours(1)), ...fields });
  const hoursLeft = async (name: string) =>
    Math.round(((await demos.found(name)).expires.getTime() - Date.now()) / hours(1));

  it('is extended by its owner, administrators and those it is shared with', async () => {
    await demoNamed('mine', { shared: ['U0BOB', 'S0OPS'] });
    for (const userId of [owner.id, 'U0ROOT', 'U0BOB', 'U0OLGA']) {
      const { code, said } = await run('extend', userId, { demo: 'mine', byMs: hours(1) });
      assert.equal(code, undefined, userId);
      assert.match(said.join(), /Demo \*mine\* now expires/);
    }
    assert.equal(await hoursLeft('mine'), 5);
    const { audit } = await demos.found('mine');
    assert.deepEqual(
      audit.map(({ by, what }) => `${by} ${what}`),
      ['U0ALICE', 'U0ROOT', 'U0BOB', 'U0OLGA'].map((by) => `${by} extended it by 1h`),
    );
  });

  it('that is not ready yet is told both when it expires then, and when it does otherwise', async () => {
    await demoNamed('unready', { state: 'failed', ready: undefined });
    const { said } = await run('extend', owner.id, { demo: 'unready', byMs: hours(1) });
    const end = (await demos.found('unready')).expires.toISOString().slice(11, 16);
    assert.match(said.join(), new RegExp(`2h after it becomes ready; if it does not, it expires .*${end}`));
  });

  it('is not extended by somebody else', async () => {
    await demoNamed('foreign');
    const { code, error } = await run('extend', 'U0MALLORY', { demo: 'foreign', byMs: hours(1) });
    assert.equal(code, 'not-owner');
    assert.match(error!.message, /its owner, the people it is shared with or an administrator/);
    assert.equal(await hoursLeft('foreign'), 1);
  });

  it('is not extended beyond the longest lifetime from now, and the message says how much is possible', async () => {
    await demoNamed('long');
    const { code, error } = await run('extend', owner.id, { demo: 'long', byMs: hours(72) });
    assert.equal(code, 'too-long');
    assert.match(error!.hint!, /`?\/vcdemo extend long 2d23h/);
    assert.equal(await hoursLeft('long'), 1);
  });

  it('is not extended while it is being deleted, nor brought back after it', async () => {
    const demo = await demoNamed('going', { state: 'deleting' });
    assert.equal((await run('extend', owner.id, { demo: 'going', byMs: hours(1) })).code, 'demo-being-deleted');
    await forgetDemo(demos.host, demo);
    assert.equal(await changeExisting(demos.host, demo, (current) => current), undefined);
    assert.equal(await findDemo(demos.host, 'going'), undefined);
    assert.equal((await run('extend', owner.id, { demo: 'going', byMs: hours(1) })).code, 'unknown-demo');
  });

  it('keeps its end if another demo has taken its name', async () => {
    const earlier = await demoNamed('again');
    await forgetDemo(demos.host, earlier);
    await demoNamed('again');
    const changed = await changeExisting(demos.host, earlier, (current) => ({ ...current, expires: new Date(0) }));
    assert.equal(changed, undefined);
    assert.equal(await hoursLeft('again'), 1);
  });
});
