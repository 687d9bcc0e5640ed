import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseCommand } from '../../src/commands/parse.js';
import { hours } from '../../src/duration.js';
import { findDemo, forgetDemo } from '../../src/k8s/demo/demo-record.js';
import { owner, recordedDemos } from '../support/recorded-demos.js';
import { buttonsOf } from '../support/timeline.js';

/* Who owns a demo, with whom it is shared, and what is recorded of it. */

describe('a demo', () => {
  const demos = recordedDemos({
    access: { admins: ['U0ROOT'], viewers: ['U0VERA'] },
    groups: { S0OPS: ['U0OLGA'], C0TEAM: [] },
    standings: { U0GUEST: 'guest', U0APP: 'bot', U0LEFT: 'deactivated', U0NONE: 'unknown' },
  });
  const { run, demoNamed, found } = demos;

  it('is shared by its owner, with people, user groups and channels, who are told', async () => {
    await demoNamed('team', { revoked: ['U0BOB'] });
    const { code, said, direct } = await run('share', owner.id, { demo: 'team', audience: 'U0BOB' });
    assert.equal(code, undefined);
    assert.match(said.join(), /shared with <@U0BOB>/);
    assert.match(direct.U0BOB!, /<@U0ALICE> shared demo \*team\* with you/);
    await run('share', 'U0ROOT', { demo: 'team', audience: 'S0OPS' });
    assert.match((await run('share', owner.id, { demo: 'team', audience: 'C0TEAM' })).said.join(), /<#C0TEAM>/);
    const { shared, revoked } = await found('team');
    assert.deepEqual(shared, ['U0BOB', 'S0OPS', 'C0TEAM']);
    assert.deepEqual(revoked, [], 'a share gives access back');
    for (const userId of ['U0BOB', 'U0OLGA'])
      assert.equal((await run('extend', userId, { demo: 'team', byMs: 60_000 })).code, undefined, userId);
  });

  it('is neither shared with nor transferred to those who could not use it, and why is said', async () => {
    await demoNamed('kept');
    const reasons = [
      ['U0GUEST', /Guests of this workspace cannot use vcdemo/, /access\.guests/],
      ['U0APP', /Apps cannot use vcdemo/, /somebody else/],
      ['U0LEFT', /account is deactivated/, /somebody else/],
      ['U0NONE', /Slack does not know this account/, /somebody else/],
      ['U0VERA', /not allowed to use demos/, /access\.users/],
    ] as const;
    for (const [person, reason, remedy] of reasons)
      for (const end of [
        await run('share', owner.id, { demo: 'kept', audience: person }),
        await run('transfer', owner.id, { demo: 'kept', person }),
      ]) {
        assert.equal(end.code, 'not-allowed', person);
        assert.match(end.error!.message, reason);
        assert.match(end.error!.hint!, remedy);
      }
    for (const [audience, remedy] of [
      ['C0SECRET', /If <#C0SECRET> is a private channel, invite vcdemo there/],
      ['S0GONE', /a user group other than <!subteam\^S0GONE>/],
    ] as const) {
      const { code, error, said } = await run('share', owner.id, { demo: 'kept', audience });
      assert.deepEqual([code, said], ['not-visible', []]);
      assert.match(error!.hint!, remedy);
    }
    assert.deepEqual((await found('kept')).shared, []);
  });

  it('is shared once, and not with its owner', async () => {
    await demoNamed('once');
    assert.equal((await run('share', owner.id, { demo: 'once', audience: owner.id })).code, 'already-owner');
    assert.match((await run('share', owner.id, { demo: 'once', audience: 'C0TEAM' })).announced.join(), /^to C0TEAM: /);
    for (const [turn, told] of [1, 0].entries()) {
      const { said, direct } = await run('share', owner.id, { demo: 'once', audience: 'U0BOB' });
      assert.match(said.join(), /is shared with <@U0BOB>/);
      assert.equal(Object.keys(direct).length, told, `turn ${turn}`);
    }
    assert.equal((await found('once')).audit.length, 2);
  });

  it('is not shared by others, not even by those it is shared with', async () => {
    await demoNamed('closed', { shared: ['U0BOB'] });
    for (const userId of ['U0BOB', 'U0MALLORY'])
      assert.equal((await run('share', userId, { demo: 'closed', audience: userId })).code, 'not-owner');
    assert.deepEqual((await found('closed')).shared, ['U0BOB']);
  });

  it('is no longer shared after --stop', async () => {
    await demoNamed('ending', { shared: ['U0BOB'] });
    await run('share', owner.id, { demo: 'ending', audience: 'U0BOB', stop: true });
    assert.deepEqual((await found('ending')).shared, []);
    const again = await run('share', owner.id, { demo: 'ending', audience: 'U0BOB', stop: true });
    assert.equal(again.code, 'not-shared');
    assert.equal((await run('extend', 'U0BOB', { demo: 'ending', byMs: 60_000 })).code, 'not-owner');
  });

  it('is transferred to somebody who may own one, and stays shared with the one who had it', async () => {
    await demoNamed('gift');
    assert.equal((await run('transfer', 'U0BOB', { demo: 'gift', person: 'U0BOB' })).code, 'not-owner');
    assert.equal((await run('transfer', owner.id, { demo: 'gift', person: owner.id })).code, 'already-owner');
    assert.equal((await run('transfer', owner.id, { demo: 'gift', person: 'U0VERA' })).code, 'not-allowed');
    const { code, direct } = await run('transfer', owner.id, { demo: 'gift', person: 'U0BOB' });
    assert.equal(code, undefined);
    assert.match(direct.U0BOB!, /made you the owner of demo \*gift\*/);
    const demo = await found('gift');
    assert.deepEqual([demo.owner, demo.shared], [{ id: 'U0BOB', name: 'u0bob' }, [owner.id]]);
    assert.equal((await run('transfer', owner.id, { demo: 'gift', person: owner.id })).code, 'not-owner');
  });

  it('is not transferred to somebody who has as many as one person may have', async () => {
    for (let i = 0; i < 5; i++) await demoNamed(`full-${i}`, { owner: { id: 'U0FULL', name: 'full' } });
    await demoNamed('sixth');
    assert.equal((await run('transfer', owner.id, { demo: 'sixth', person: 'U0FULL' })).code, 'too-many-demos');
    assert.equal((await run('transfer', owner.id, { demo: 'sixth', person: 'U0ROOT' })).code, undefined);
  });

  it('shows what was done with it', async () => {
    await demoNamed('seen');
    assert.match((await run('audit', 'U0BOB', { demo: 'seen' })).said.join(), /Nothing has been recorded/);
    await run('share', owner.id, { demo: 'seen', audience: 'U0BOB' });
    await run('extend', 'U0BOB', { demo: 'seen', byMs: 60_000 });
    const { said } = await run('audit', 'U0BOB', { demo: 'seen' });
    assert.match(said.join(), /<@U0ALICE> shared it with <@U0BOB>\n.*<@U0BOB> extended it by 1m/);
  });

  it('that is gone is said to have its history in the log', async () => {
    const { code, error } = await run('audit', owner.id, { demo: 'never' });
    assert.deepEqual([code, /history in the workers' log/.test(error!.hint!)], ['unknown-demo', true]);
  });

  it('appears in what its people read about themselves', async () => {
    await demoNamed('own', { owner: { id: 'U0WHO', name: 'who' } });
    await demoNamed('other', { shared: ['U0WHO'] });
    const { said } = await run('whoami', 'U0WHO');
    assert.match(
      said.join(),
      /role \*user\*.*You have 1 demo \(limit: 5\)[\s\S]*Your demos[\s\S]*own[\s\S]*Shared with you[\s\S]*other/s,
    );
    assert.match((await run('whoami', 'U0VERA')).said.join(), /role \*viewer\*/);
    assert.match((await run('whoami', 'U0ROOT')).said.join(), /role \*admin\*/);
  });

  it('is not created during maintenance, which only administrators begin and end', async () => {
    assert.equal((await run('maintenance', 'U0ROOT', { state: 'off', reason: 'x' })).code, 'bad-value');
    const { said } = await run('maintenance', 'U0ROOT', { state: 'on', reason: 'upgrading' });
    assert.match(said.join(), /Maintenance is on.*by <@U0ROOT>: upgrading\./);
    const { code, error } = await run('create', 'U0BOB', { demo: 'new' });
    assert.equal(code, 'maintenance');
    assert.match(error!.message, /No new demos can be created during maintenance: upgrading/);
    assert.equal(await findDemo(demos.host, 'new'), undefined);
    await demoNamed('old');
    assert.equal((await run('extend', owner.id, { demo: 'old', byMs: 60_000 })).code, undefined);
    assert.match((await run('maintenance', 'U0ROOT', { state: 'off' })).said.join(), /Maintenance is off/);
  });

  it('is told of maintenance by the next worker if the one that began it could not say so', async () => {
    const askedAt = new Date();
    for (const _ of [1, 2]) {
      const { said, code } = await run('maintenance', 'U0ROOT', { state: 'on' }, { askedAt });
      assert.equal(code, undefined);
      assert.match(said.join(), /Maintenance is on/);
    }
    await run('maintenance', 'U0ROOT', { state: 'off' }, { askedAt: new Date(askedAt.getTime() + 1) });
  });

  it('is created even if an older command that began maintenance is repeated', async () => {
    const askedAt = new Date();
    await run('maintenance', 'U0ROOT', { state: 'off' }, { askedAt: new Date(askedAt.getTime() + 1) });
    assert.equal((await run('maintenance', 'U0ROOT', { state: 'on' }, { askedAt })).code, 'command-over');
    assert.match((await run('maintenance', 'U0ROOT')).said.join(), /Maintenance is off/);
  });

  it('without a name gets a free one if the default is taken', async () => {
    const draining = AbortSignal.abort(new Error('no step is done'));
    const create = (userId: string) => run('create', userId, { demo: 'demo', isUnnamed: true }, { draining });
    await create('U0ONE');
    assert.equal((await found('demo')).owner.id, 'U0ONE');
    await demoNamed('demo-3');
    await create('U0TWO');
    await create('U0THREE');
    assert.equal((await found('demo-2')).owner.id, 'U0TWO');
    assert.equal((await found('demo-4')).owner.id, 'U0THREE');
    await create('U0TWO');
    assert.equal(await findDemo(demos.host, 'demo-5'), undefined, 'a create that was interrupted is resumed');
  });

  it('is deleted after a question with the facts, and only if it is still the demo that was shown', async () => {
    const files = [
      { id: 'F1', to: 'U0BOB', user: 'bob' },
      { id: 'F2', to: owner.id, user: 'alice' },
    ];
    await demoNamed('asked', { created: new Date(Date.now() - hours(5)), shared: ['S0OPS'], files, places: [] });
    const ask = (userId: string) => run('question', userId, { demo: 'asked', command: 'delete' });
    assert.equal((await ask('U0MALLORY')).code, 'not-owner');
    const { messages, said } = await ask(owner.id);
    const [text] = said;
    assert.match(text!, /Delete demo \*asked\*.*It belongs to <@U0ALICE>, is 5h old and expires .*; it is ready\./s);
    assert.match(text!, /Others with a kubeconfig: <@U0BOB>\.\nShared with <!subteam\^S0OPS>\./);
    const [yes] = buttonsOf(messages[0]!);
    assert.deepEqual([yes?.label, yes?.actionId], ['Delete asked', 'confirmed:0']);
    const { flags } = parseCommand(yes!.value, { maxTtlMs: 1, clusters: [] });
    await forgetDemo(demos.host, await found('asked'));
    await demoNamed('asked', { places: [] });
    assert.equal((await run('delete', owner.id, { demo: 'asked', ...flags })).code, 'command-over');
    assert.equal((await found('asked')).state, 'ready');
    const again = buttonsOf((await ask(owner.id)).messages[0]!)[0]!;
    const { flags: shown } = parseCommand(again.value, { maxTtlMs: 1, clusters: [] });
    assert.equal((await run('delete', owner.id, { demo: 'asked', ...shown })).code, undefined);
    assert.equal(await findDemo(demos.host, 'asked'), undefined);
  });

  it('that is not ready is refused a revoke before the question', async () => {
    await demoNamed('broken', { state: 'failed', places: [] });
    await demoNamed('whole', { places: [] });
    const ask = (demo: string) => run('question', owner.id, { demo, command: 'revoke', person: 'U0BOB' });
    assert.equal((await ask('broken')).code, 'demo-not-ready');
    const { messages, said } = await ask('whole');
    assert.match(said[0]!, /Revoke <@U0BOB>'s access to demo \*whole\*\?/);
    assert.match(buttonsOf(messages[0]!)[0]!.value, /^revoke whole <@U0BOB> --shown \w+$/);
  });

  it('cannot be shared or transferred by an owner whose access was revoked, who would get it back', async () => {
    await demoNamed('mine', { revoked: [owner.id], places: [] });
    for (const audience of [owner.id, 'U0BOB'])
      assert.equal((await run('share', owner.id, { demo: 'mine', audience })).code, 'access-revoked');
    assert.equal((await run('transfer', owner.id, { demo: 'mine', person: 'U0BOB' })).code, 'access-revoked');
    assert.deepEqual((await found('mine')).revoked, [owner.id]);
    assert.equal((await run('share', 'U0ROOT', { demo: 'mine', audience: owner.id })).code, undefined);
    assert.deepEqual((await found('mine')).revoked, []);
  });

  it('sends its logs as a file: in the thread of its card, or directly; not to somebody whose access was revoked', async () => {
    await demoNamed('logged', { revoked: ['U0MALLORY'], places: [] });
    const direct = await run('logs', 'U0BOB', { demo: 'logged', part: 'step' });
    assert.equal(direct.code, undefined, direct.error?.message);
    assert.match(String(direct.files[0]!.content), /===== Steps =====\nState: ready\n.*vc1: Namespace/s);
    assert.match(direct.said.join(), /in your direct messages/);
    assert.equal((await run('logs', 'U0MALLORY', { demo: 'logged' })).code, 'access-revoked');
    assert.equal((await run('diagnose', 'U0MALLORY', { demo: 'logged' })).code, 'access-revoked');
    await demoNamed('carded', { card: { channel: 'C0DEMOS', ts: '1.1' }, places: [] });
    const threaded = await run('logs', 'U0BOB', { demo: 'carded', part: 'vcluster' });
    assert.match(threaded.said.join(), /in the thread of its card/);
  });
});
