import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDemoConfig, type DemoConfig } from '../../../../../src/config.js';
import { endedCard, failedCard, readyCard } from '../../../../../src/jobs/slack/card/card.js';
import { mrkdwn } from '../../../../../src/mrkdwn.js';
import type { SlackMessage } from '../../../../../src/slack-message.js';
import { plannedDemo } from '../../../../support/planned-demo.js';

const config: DemoConfig = { ...readDemoConfig(undefined), domain: 'demos.example' };
const at = new Date('2026-01-02T03:04:00Z');
const demo = { ...plannedDemo({ name: 'team-a' }), state: 'ready' as const, ready: at, expires: at };

/** The text of the sections. */
const shownIn = ({ blocks }: SlackMessage): string =>
  blocks.flatMap((block) => (block.type === 'section' ? [block.text?.text] : [])).join('\n');
const labelsIn = ({ blocks }: SlackMessage): string[] =>
  blocks
    .flatMap((block) => (block.type === 'actions' ? block.elements : []))
    .map((element) => (element.type === 'button' ? element.text.text : element.type));

test('the card of a demo that is ready has owner, expiry, addresses and what can be done', () => {
  const card = readyCard(demo, config);
  assert.match(shownIn(card), /Demo \*team-a\* of <@U1> is ready\./);
  assert.match(shownIn(card), /It expires <!date\^\d+\^.*\|2026-01-02 03:04 UTC>/);
  assert.match(shownIn(card), /APIs: https:\/\/team-a-vc1\.demos\.example.* · https:\/\/team-a-vc2\.demos\.example/);
  assert.deepEqual(labelsIn(card), ['Verify', 'Kubeconfig', 'Dashboard', 'Extend', 'Delete', 'overflow']);
  assert.match(card.text, /team-a.*is ready.*2026-01-02 03:04 UTC.*team-a-vc1/s);
});

for (const [outcome, icon] of [
  ['pass', ':white_check_mark:'],
  ['inconclusive', ':warning:'],
  ['fail', ':x:'],
] as const)
  test(`the card of a demo shows its last verdict (${outcome})`, () => {
    const card = readyCard({ ...demo, verdict: { outcome, reason: 'only v1 answers', at } }, config);
    assert.match(shownIn(card), new RegExp(`Last verify, .*: ${icon} only v1 answers`));
  });

test('the card of a demo without public addresses says where to read how to reach it', () => {
  const exposure = { ...config.exposure, kind: 'none' } as DemoConfig['exposure'];
  assert.match(shownIn(readyCard(demo, { ...config, exposure })), /no public addresses.*forward the ports/);
});

test('the card of a demo that failed has the reasons, the remedy, the job and what can be done', () => {
  const card = failedCard({
    ...{ title: mrkdwn`Creating demo *team-a* failed`, hint: 'Free some CPU.', jobId: 'create-1' },
    reasons: ['a: 1', 'b: 2', 'c: 3', 'd: 4', 'e: 5'],
    actions: [{ label: 'Resume', value: 'create team-a' }],
  });
  assert.match(
    shownIn(card),
    /^:x: Creating demo \*team-a\* failed\n> a: 1\n> b: 2\n> c: 3\n> and 2 more\n\*What to do:\* Free some CPU\.$/,
  );
  assert.match(JSON.stringify(card.blocks.at(-1)), /Job `create-1`/);
  assert.deepEqual(labelsIn(card), ['Resume']);
  assert.equal(card.text, 'Creating demo team-a failed: a: 1; b: 2; c: 3\nWhat to do: Free some CPU.');
});

for (const [what, ready, hasLeft, expected] of [
  ['lived', at, false, /has been deleted; nothing is left of it\. It lived for 2h\./],
  ['was never ready', undefined, false, /deleted; nothing is left of it\. It was never ready\./],
  ['left volumes', at, true, /deleted\. Its volumes are kept: see the thread\. It lived for 2h\./],
] as const)
  test(`the card of a demo that is gone is one line (${what})`, () => {
    const now = new Date(at.getTime() + 7_200_000);
    const { text, blocks } = endedCard({ ...demo, ready }, { how: 'has been', hasLeft, now });
    assert.match(text, expected);
    assert.equal(blocks.length, 1);
  });
