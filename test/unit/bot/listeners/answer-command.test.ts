import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ListenerContext } from '../../../../src/bot/listeners/context.js';
import type { Command } from '../../../../src/commands/command.js';
import { ttl } from '../../../../src/commands/flags.js';
import type { JobRequest } from '../../../../src/commands/job-payloads.js';
import { commands } from '../../../../src/commands/table.js';
import { readDemoConfig } from '../../../../src/config.js';
import { hours } from '../../../../src/duration.js';
import { createLog } from '../../../../src/log.js';

/* Must run before imports that read the table: no command has both a confirmation and a flag yet. */
Object.assign(commands.delete as Command, { flags: { ttlMs: ttl } });
const { answerCommand } = await import('../../../../src/bot/listeners/answer-command.js');

const requester = { userId: 'U1', userName: 'ada', channelId: 'C1' };

function botFor(clusters: string[]) {
  const enqueued: { request: JobRequest; hostCluster: string | undefined }[] = [];
  const context = {
    queues: {
      enqueue: (request: JobRequest, { hostCluster }: { hostCluster: string | undefined }) => {
        enqueued.push({ request, hostCluster });
        return Promise.resolve('job');
      },
      waitingOf: () => Promise.resolve(0),
    },
    demoConfig: { ...readDemoConfig(undefined), clusters },
    rateLimit: () => undefined,
    metrics: { commands: { inc: () => undefined } },
    log: createLog('test', 'silent'),
  } as unknown as ListenerContext;
  const say = (text: string, isConfirmed = false) =>
    answerCommand({ text, requester, dedupeId: 'T1', isConfirmed }, context);
  return { say, enqueued };
}

/** The buttons of a confirmation that run the command. */
async function buttonsFor(text: string, { say }: ReturnType<typeof botFor>): Promise<[label: string, value: string][]> {
  const { reply } = await say(text);
  assert.ok(reply);
  return reply.blocks
    .flatMap((block) => (block.type === 'actions' ? block.elements : []))
    .flatMap((element) => (element.type === 'button' && element.style === 'danger' ? [element] : []))
    .map(({ text: label, value }) => [label.text, value!]);
}

test('a confirmed command keeps the flags with which it was typed', async () => {
  const bot = botFor([]);
  const [[label, value] = ['', '']] = await buttonsFor('delete team-a —ttl 8h', bot);
  assert.equal(label, 'Delete team-a');
  await bot.say(value, true);
  assert.deepEqual(
    bot.enqueued.map(({ request }) => request),
    [{ name: 'delete', payload: { requester, demo: 'team-a', ttlMs: hours(8) } }],
  );
});

test('a confirmed command goes to the typed or picked host cluster, with its flags', async () => {
  const bot = botFor(['eu', 'us']);
  for (const [text, wanted] of [
    ['delete team-a --ttl=8h --on us', [['Delete team-a on us', 'us']]],
    [
      'delete team-a --ttl=8h',
      [
        ['Delete team-a on eu', 'eu'],
        ['Delete team-a on us', 'us'],
      ],
    ],
  ] as const) {
    const seen: (string | undefined)[][] = [];
    for (const [label, value] of await buttonsFor(text, bot)) {
      await bot.say(value, true);
      const { request, hostCluster } = bot.enqueued.at(-1)!;
      assert.equal((request.payload as { ttlMs?: number }).ttlMs, hours(8));
      seen.push([label, hostCluster]);
    }
    assert.deepEqual(seen, wanted);
  }
});
