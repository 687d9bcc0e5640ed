import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hours } from '../../src/duration.js';
import type { Slack } from '../../src/jobs/slack/slack.js';
import { forgetDemo } from '../../src/k8s/demo/demo-record.js';
import { owner, recordedDemos } from '../support/recorded-demos.js';
import { textOf } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';

/* Edits of one card by several jobs, of which Slack holds one back. */

describe('a card whose edit is held back', () => {
  const demos = recordedDemos({});
  const card = { channel: 'C0DEMOS', ts: '1.1' };

  /** A Slack that shows the last edit; the first one has to wait until it is let through. */
  function slackThatHolds() {
    const shown: string[] = [];
    let letThrough!: () => void;
    const held = new Promise<void>((resolve) => (letThrough = resolve));
    let calls = 0;
    const slack = {
      whisper: () => Promise.resolve(),
      async update(_: unknown, message: Parameters<Slack['update']>[1]) {
        if (++calls === 1) await held;
        shown.push(textOf(message));
      },
    } as unknown as Slack;
    return { slack, shown, letThrough, hasCall: () => calls > 0 };
  }

  async function extendWhile(name: string, meanwhile: (slack: Slack) => Promise<unknown>): Promise<string[]> {
    const { slack, shown, letThrough, hasCall } = slackThatHolds();
    const first = demos.run('extend', owner.id, { demo: name, byMs: hours(1) }, { slack });
    await waitFor('the first edit', () => Promise.resolve(hasCall() || undefined));
    await meanwhile(slack);
    letThrough();
    assert.equal((await first).error, undefined);
    return shown;
  }

  it('shows in the end what another job has changed and shown meanwhile', async () => {
    await demos.demoNamed('twice', { card, expires: new Date(Date.now() + hours(1)) });
    const shown = await extendWhile('twice', (slack) =>
      demos.run('extend', owner.id, { demo: 'twice', byMs: hours(1) }, { slack }),
    );
    const end = (await demos.found('twice')).expires.toISOString().slice(0, 16).replace('T', ' ');
    assert.ok(shown.at(-1)?.includes(end), `${end} is not in the last of ${shown.join('\n---\n')}`);
  });

  it('shows in the end that the demo was deleted meanwhile', async () => {
    const demo = await demos.demoNamed('gone', { card, expires: new Date(Date.now() + hours(1)) });
    const shown = await extendWhile('gone', () => forgetDemo(demos.host, demo));
    assert.match(shown.at(-1) ?? '', /Demo \*?gone\*? has been deleted/);
  });

  it('is edited once if nothing else has changed', async () => {
    await demos.demoNamed('calm', { card, expires: new Date(Date.now() + hours(1)) });
    assert.equal((await extendWhile('calm', () => Promise.resolve())).length, 1);
  });
});
