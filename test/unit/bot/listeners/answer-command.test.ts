import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerCommand } from '../../../../src/bot/listeners/answer-command.js';
import type { ListenerContext } from '../../../../src/bot/listeners/context.js';
import type { JobRequest } from '../../../../src/commands/job-payloads.js';
import { commandNames, commands } from '../../../../src/commands/table.js';
import { readDemoConfig } from '../../../../src/config.js';
import { newJob } from '../../../../src/job-queue.js';
import { createLog } from '../../../../src/log.js';

const requester = { userId: 'U1', userName: 'ada', channelId: 'C1' };

function botFor(clusters: string[], more: Partial<ListenerContext> = {}) {
  const enqueued: { request: JobRequest; hostCluster: string | undefined }[] = [];
  const context = {
    queues: {
      enqueue: (request: JobRequest, { hostCluster }: { hostCluster: string | undefined }) => {
        enqueued.push({ request, hostCluster });
        return Promise.resolve(newJob(request, 'T1').id);
      },
      waitingOf: () => Promise.resolve(0),
    },
    demoConfig: { ...readDemoConfig(undefined), clusters },
    rateLimit: () => undefined,
    metrics: { commands: { inc: () => undefined } },
    log: createLog('test', 'silent'),
    ...more,
  } as unknown as ListenerContext;
  const say = (text: string, isConfirmed = false, isInThread = false) =>
    answerCommand({ text, requester, dedupeId: 'T1', isConfirmed, isInThread }, context);
  return { say, enqueued };
}

/** What is on the queues, as workers read it. */
const asked = ({ enqueued }: ReturnType<typeof botFor>): Record<string, unknown>[] =>
  JSON.parse(
    JSON.stringify(enqueued.map(({ request: { name, payload }, ...where }) => ({ name, ...payload, ...where }))),
  );

test('a command that asks first is a question until its button is pressed, whatever was typed', async () => {
  const bot = botFor([]);
  await bot.say('delete team-a');
  await bot.say('delete team-a --shown 1abc');
  await bot.say('delete team-a --shown 1abc', true);
  const common = { requester, demo: 'team-a' };
  assert.deepEqual(asked(bot), [
    { name: 'question', command: 'delete', ...common },
    { name: 'question', command: 'delete', ...common },
    { name: 'delete', shown: '1abc', ...common },
  ]);
});

test('a question goes to the host cluster that was named or to all in turn, and is about the named person', async () => {
  const bot = botFor(['eu', 'us']);
  await bot.say('delete team-a --on us');
  await bot.say('revoke team-a <@U1>');
  const common = { name: 'question', requester, demo: 'team-a' };
  assert.deepEqual(asked(bot), [
    { ...common, command: 'delete', hostCluster: 'us' },
    { ...common, command: 'revoke', person: 'U1', searched: ['eu', 'us'], hostCluster: 'eu' },
  ]);
});

test('a confirmed command goes to the host cluster that the question named, and nowhere if it named none', async () => {
  const bot = botFor(['eu', 'us']);
  await bot.say('delete team-a --shown 1abc --on us', true);
  const { problem } = await bot.say('delete team-a --shown 1abc', true);
  assert.equal(problem?.code, 'unknown-cluster');
  assert.deepEqual(
    bot.enqueued.map(({ hostCluster }) => hostCluster),
    ['us'],
  );
});

test('a create without a name is not acknowledged under the name of another demo, nor is its check a create', async () => {
  const bot = botFor([]);
  assert.equal((await bot.say('create')).reply?.text, 'Creating a demo. Progress follows in this channel.');
  assert.equal((await bot.say('create team-a')).reply?.text, 'Creating demo team-a. Progress follows in this channel.');
  assert.equal((await bot.say('create --check')).reply, undefined);
  assert.deepEqual(asked({ ...bot, enqueued: bot.enqueued.slice(2) }), [
    { name: 'preflight', requester, demo: 'demo', isUnnamed: true },
  ]);
});

test('a question that nobody can answer later, because the process is frozen, is acknowledged as what it is', async () => {
  const { reply } = await botFor([], { isMomentary: true }).say('delete team-a');
  assert.equal(reply?.text, 'Looking up demo team-a.');
});

test('a command that changes a demo asks where it is only if several host clusters may have it', async () => {
  const several = botFor(['eu', 'us']);
  await several.say('extend team-a 90m');
  await several.say('share team-a <!subteam^S1> --stop');
  await several.say('transfer team-a <@U2>');
  const common = { requester, demo: 'team-a' };
  const question = { name: 'question', ...common, searched: ['eu', 'us'], hostCluster: 'eu' };
  assert.deepEqual(asked(several), [
    { ...question, command: 'extend', byMs: 5_400_000 },
    { ...question, command: 'share', audience: 'S1', stop: true },
    { ...question, command: 'transfer', person: 'U2' },
  ]);
  const one = botFor(['eu']);
  await one.say('extend team-a 90m');
  await one.say('extend team-a 90m --on eu');
  const confirmed = botFor(['eu', 'us']);
  await confirmed.say('extend team-a 5400s --on us', true);
  await confirmed.say('extend team-a 90m --on us');
  assert.deepEqual(
    [...asked(one), ...asked(confirmed)].map(({ name, hostCluster, searched }) => [name, hostCluster, searched]),
    ['eu', 'eu', 'us', 'us'].map((where) => ['extend', where, undefined]),
  );
});

test('no command that changes a demo for its owner is signed for several host clusters', async () => {
  const reserved = commandNames.filter((name) => ['owner', 'shared'].includes(commands[name].who));
  // A create that was cancelled can be resumed.
  for (const name of reserved.filter((each) => each !== 'cancel'))
    for (const isConfirmed of [false, true]) {
      const bot = botFor(['eu', 'us']);
      await bot.say(commands[name].example.replace('@bob', '<@U2>'), isConfirmed);
      for (const job of asked(bot)) assert.ok(job.name === 'question' || !job.searched, name);
      if (!isConfirmed) assert.equal(asked(bot).length, 1, name);
    }
});

test('a create in a thread is asked of every host cluster, the first one last, which creates it if none has it', async () => {
  const bot = botFor(['eu', 'us', 'ap']);
  await bot.say('create', false, true);
  await bot.say('create --on us', false, true);
  await bot.say('create team-a', false, true);
  await bot.say('create');
  assert.deepEqual(
    asked(bot).map(({ hostCluster, searched }) => [hostCluster, searched]),
    [
      ['us', ['us', 'ap', 'eu']],
      ['us', undefined],
      ['eu', undefined],
      ['eu', undefined],
    ],
  );
});

test('a cancel without a name is about what the person asked for last', async () => {
  const bot = botFor([]);
  const { reply } = await botFor([], { isMomentary: true }).say('cancel');
  assert.equal(reply?.text, 'Cancelling your last command.');
  await bot.say('cancel');
  assert.deepEqual(asked(bot), [{ name: 'cancel', requester, demo: 'demo', isUnnamed: true }]);
});

test('what waits can be cancelled by a button, with its name or, if it has none yet, without', async () => {
  const cancelledBy = async (text: string) => (await botFor(['eu', 'us']).say(text)).jobs?.[0]?.cancelledBy;
  assert.equal(await cancelledBy('create'), 'cancel --on eu');
  assert.equal(await cancelledBy('create team-a --on us'), 'cancel team-a --on us');
  assert.equal(await cancelledBy('verify team-a'), undefined);
});
