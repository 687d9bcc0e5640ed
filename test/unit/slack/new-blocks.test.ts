import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebAPIPlatformError } from '@slack/web-api';
import { hours } from '../../../src/duration.js';
import { createLog } from '../../../src/log.js';
import { plain, mrkdwn } from '../../../src/mrkdwn.js';
import { sections, type MessageBlock, type SlackMessage } from '../../../src/slack-message.js';
import { createNewBlocks, inSections, newKinds } from '../../../src/slack/new-blocks.js';
import { problemsOfMessage } from '../../support/slack-limits.js';

const plan: MessageBlock = {
  type: 'plan',
  title: 'Creating demo a & b',
  tasks: [
    { type: 'task_card', task_id: 'a', title: 'Starting <it>', status: 'complete' },
    {
      type: 'task_card',
      task_id: 'b',
      title: 'Installing',
      status: 'in_progress',
      details: {
        type: 'rich_text',
        elements: [{ type: 'rich_text_section', elements: [{ type: 'text', text: 'waits for <pod>' }] }],
      },
    },
  ],
};
const chart: MessageBlock = {
  type: 'data_visualization',
  title: 'Hits',
  chart: {
    type: 'bar',
    series: [
      { name: 'v1', data: [{ label: 'from vc1', value: 5 }] },
      { name: 'v2', data: [{ label: 'from vc1', value: 7 }] },
    ],
    axis_config: { categories: ['from vc1'] },
  },
};
const table: MessageBlock = {
  type: 'data_table',
  caption: 'Demos',
  rows: [
    [
      { type: 'raw_text', text: 'Name' },
      { type: 'raw_text', text: 'Age' },
    ],
    [
      { type: 'raw_text', text: '<a>' },
      { type: 'raw_number', value: 3, text: '3' },
    ],
  ],
};
const section = sections(mrkdwn`a section`)[0]!;

const messageWith = (...blocks: MessageBlock[]): SlackMessage => ({ text: plain(mrkdwn`what it says`), blocks });

const refused = (error: string) => new WebAPIPlatformError({ ok: false, error });

/** A workspace without these blocks, which refuses whatever has one of them; and what it was sent. */
function workspaceWithout(missing: readonly string[], { error = 'invalid_blocks', malformed = false } = {}) {
  const sent: string[] = [];
  let isFirst = true;
  const send = ({ blocks }: SlackMessage): Promise<string> => {
    sent.push(blocks.map(({ type }) => type).join());
    const isMistake = malformed && isFirst;
    isFirst = false;
    const isRefused = isMistake || blocks.some(({ type }) => missing.includes(type));
    return isRefused ? Promise.reject(refused(error)) : Promise.resolve(`message ${sent.length}`);
  };
  return { sent, send };
}

function newBlocks(now = () => 0) {
  const counted: string[] = [];
  const log = createLog('test', 'silent');
  const observe = (block: string, refusal: string) => counted.push(`${block} ${refusal}`);
  return { ...createNewBlocks({ log, observe, now }), counted };
}

test('a message with new blocks is sent as it is where the workspace has them', async () => {
  const { sent, send } = workspaceWithout([]);
  await newBlocks().send(messageWith(plan, section), send);
  assert.deepEqual(sent, ['plan,section']);
});

for (const error of ['invalid_blocks', 'invalid_arguments'])
  test(`sections take the place of a block that is refused alone, and are used for a day (${error})`, async () => {
    let now = 0;
    const blocks = newBlocks(() => now);
    const { sent, send } = workspaceWithout(['plan'], { error });
    await blocks.send(messageWith(section, plan), send);
    assert.deepEqual(sent, ['section,plan', 'plan', 'section,section']);
    assert.deepEqual(blocks.counted, ['plan missing']);
    now = hours(23);
    await blocks.send(messageWith(plan), send);
    assert.deepEqual(sent.slice(3), ['section']);
    now = hours(25);
    await blocks.send(messageWith(plan), send);
    assert.deepEqual(sent.slice(4), ['plan', 'plan', 'section']);
  });

test('the blocks that a workspace has stay, and only the others become sections', async () => {
  const blocks = newBlocks();
  const { sent, send } = workspaceWithout(['data_visualization']);
  await blocks.send(messageWith(plan, chart), send);
  assert.deepEqual(sent, ['plan,data_visualization', 'plan', 'data_visualization', 'plan,section']);
  assert.deepEqual(blocks.counted, ['data_visualization missing']);
});

test('a malformed block is counted as a defect, its message is sent in sections, and the next is tried', async () => {
  const blocks = newBlocks();
  const { sent, send } = workspaceWithout([], { malformed: true });
  const edits: string[] = [];
  const answer = await blocks.send(messageWith(plan), send, (content, first) => {
    edits.push(`${first}: ${content.blocks.map(({ type }) => type).join()}`);
    return Promise.resolve(first);
  });
  assert.deepEqual(sent, ['plan', 'plan']);
  assert.deepEqual(edits, ['message 2: section']);
  assert.equal(answer, 'message 2');
  assert.deepEqual(blocks.counted, ['plan malformed']);
  await blocks.send(messageWith(plan), send);
  assert.equal(sent.at(-1), 'plan');
});

test('an error that is not about blocks is passed on, and nothing is sent again', async () => {
  const sent: string[] = [];
  const send = () => {
    sent.push('sent');
    return Promise.reject(refused('channel_not_found'));
  };
  await assert.rejects(newBlocks().send(messageWith(plan), send), /channel_not_found/);
  assert.equal(sent.length, 1);
});

test('sections say what the new blocks say, escaped', () => {
  const message = inSections(messageWith(plan, chart, table), () => true);
  assert.deepEqual(problemsOfMessage(message), []);
  assert.deepEqual(
    message.blocks.map((block) => (block.type === 'section' ? block.text?.text : block.type)),
    [
      '*Creating demo a &amp; b*\n:white_check_mark: Starting &lt;it&gt;\n:hourglass_flowing_sand: Installing\n        _waits for &lt;pod&gt;_',
      '*Hits*\n• v1: from vc1 5\n• v2: from vc1 7',
      '*Demos*\n_Name · Age_\n• &lt;a&gt; · 3',
    ],
  );
});

test('the known good blocks are within the limits of Slack', async () => {
  const blocks = newBlocks();
  const { send } = workspaceWithout(newKinds);
  const problems: string[] = [];
  await blocks.send(messageWith(plan, chart, table), (content) => {
    problems.push(...problemsOfMessage(content));
    return send(content);
  });
  assert.deepEqual(problems, []);
});
