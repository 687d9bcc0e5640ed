import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { startBot, type Bot } from '../../src/bot/app.js';
import { readBotSettings, type BotSettings, type DemoConfig } from '../../src/config.js';
import { hours } from '../../src/duration.js';
import { UserError } from '../../src/errors.js';
import { type QueueKind } from '../../src/commands/payload.js';
import { isSigned } from '../../src/job-signature.js';
import { createLog } from '../../src/log.js';
import { freePort } from '../support/free-port.js';
import { startRedis, type LocalRedis } from '../support/redis.js';
import {
  pressButton,
  slackCommand,
  startSlack,
  triggerId,
  type Answer,
  type SlackWorkspace,
} from '../support/slack.js';
import { jobKeys } from '../support/job-keys.js';

const log = createLog('test', 'silent');

let redis: LocalRedis;
let slack: SlackWorkspace;
let connection: Redis;
let queues: Record<QueueKind, Queue>;
const started: Bot[] = [];

before(async () => {
  [redis, slack] = await Promise.all([startRedis(), startSlack()]);
  connection = new Redis(redis.url);
  queues = {
    provisioning: new Queue('provisioning', { connection }),
    removal: new Queue('removal', { connection }),
    verification: new Queue('verification', { connection }),
  };
});

after(async () => {
  await Promise.all(Object.values(queues).map((queue) => queue.close()));
  connection.disconnect();
  await Promise.all([redis.stop(), slack.close()]);
});

afterEach(async () => {
  await Promise.all(started.splice(0).map((bot) => bot.close()));
  await connection.flushall();
});

function settings(
  redisUrl = redis.url,
  access: Partial<DemoConfig['access']> = {},
  clusters: string[] = [],
): BotSettings {
  const read = readBotSettings({
    ...jobKeys,
    SLACK_BOT_TOKEN: slack.botToken,
    SLACK_SIGNING_SECRET: slack.signingSecret,
    SLACK_API_URL: slack.apiUrl,
    REDIS_URL: redisUrl,
    PORT: '0',
  });
  return { ...read, demoConfig: { ...read.demoConfig, clusters, access: { ...read.demoConfig.access, ...access } } };
}

async function start(from: BotSettings = settings()): Promise<string> {
  const bot = await startBot(from, log);
  started.push(bot);
  return `http://127.0.0.1:${bot.port}`;
}

const say = (url: string, text: string, options: { triggerId?: string; timestamp?: number } = {}) =>
  slackCommand(url, slack.signingSecret, { ...slack.alice, channelId: slack.channel, text, ...options });

const waitingJobs = async () => (await Promise.all(Object.values(queues).map((queue) => queue.getWaiting()))).flat();

/** Everything that the person reads in the response. */
const shown = ({ body }: Answer) => JSON.stringify(body.blocks);

describe('with several host clusters', () => {
  const clusters = ['eu', 'us'];
  const waitingOn = async (queue: string) => {
    const own = new Queue(queue, { connection });
    const jobs = await own.getWaiting();
    await own.close();
    return jobs.map(({ name, data }) => ({ name, ...(data as { demo?: string; searched?: string[] }) }));
  };
  const startForAll = () => start(settings(redis.url, {}, clusters));
  const pressDelete = async (url: string, actionId: string, value: string) => {
    const response = slack.responseUrl();
    const pressed = { ...slack.alice, channelId: slack.channel, actionId, value, responseUrl: response.url };
    await pressButton(url, slack.signingSecret, pressed);
    return await response.next();
  };

  test('a create goes to the first host cluster, or to the named one', async () => {
    const url = await startForAll();
    await say(url, 'create a');
    await say(url, 'create b --on us');
    assert.deepEqual(
      (await waitingOn('provisioning-eu')).map(({ demo }) => demo),
      ['a'],
    );
    assert.deepEqual(
      (await waitingOn('provisioning-us')).map(({ demo }) => demo),
      ['b'],
    );
    assert.deepEqual(await waitingJobs(), []);
  });

  test('a demo is searched on all host clusters, or on the named one', async () => {
    const url = await startForAll();
    await say(url, 'verify a');
    await say(url, 'status a --on us');
    const [verify] = await waitingOn('verification-eu');
    assert.deepEqual([verify?.name, verify?.searched], ['verify', ['eu', 'us']]);
    const [status] = await waitingOn('verification-us');
    assert.deepEqual([status?.name, status?.searched], ['status', undefined]);
  });

  test('a list asks every host cluster', async () => {
    await say(await startForAll(), 'list');
    for (const cluster of clusters) {
      const [job, ...more] = await waitingOn(`verification-${cluster}`);
      assert.equal(job?.name, 'list');
      assert.deepEqual(more, []);
    }
  });

  test('the demo of a delete is searched on all host clusters, and deleted on the one that the question named', async () => {
    const url = await startForAll();
    await say(url, 'delete a');
    const [question] = await waitingOn('verification-eu');
    assert.deepEqual([question?.name, question?.demo, question?.searched], ['question', 'a', ['eu', 'us']]);
    await pressDelete(url, 'confirmed:0', 'delete a --shown 1abc --on us');
    assert.deepEqual(
      (await waitingOn('removal-us')).map(({ name, demo }) => [name, demo]),
      [['delete', 'a']],
    );
    assert.deepEqual(await waitingOn('removal-eu'), []);
  });

  test('a delete button from before there were several host clusters starts nothing', async () => {
    const url = await startForAll();
    const answer = await pressDelete(url, 'confirmed:0', 'delete a');
    assert.match(JSON.stringify(answer), /host clusters have changed/);
    assert.deepEqual(await waitingOn('removal-eu'), []);
  });

  test('help shows the choice of host clusters', async () => {
    assert.match(shown(await say(await startForAll(), 'help create')), /--on eu\|us/);
  });
});

describe('a command', () => {
  const requester = () => ({ userId: slack.alice.userId, userName: 'alice', channelId: slack.channel });
  const cases: [text: string, queue: QueueKind, name: string, data: object][] = [
    ['create', 'provisioning', 'create', { demo: 'demo', isUnnamed: true }],
    ['create team-a --ttl 4h', 'provisioning', 'create', { demo: 'team-a', ttlMs: hours(4) }],
    ['kubeconfig team-a', 'verification', 'kubeconfig', { demo: 'team-a' }],
    ['verify', 'verification', 'verify', { demo: 'demo' }],
    ['verify team-a --requests 50', 'verification', 'verify', { demo: 'team-a', requests: 50 }],
    ['status', 'verification', 'status', { demo: 'demo' }],
    ['dashboard team-a', 'verification', 'dashboard', { demo: 'team-a' }],
    ['list', 'verification', 'list', {}],
  ];
  for (const [text, queue, name, data] of cases)
    test(`"${text}" is a job on the queue ${queue}`, async () => {
      const answer = await say(await start(), text);
      assert.equal(answer.status, 200);
      // The worker's answer is the only one to a question.
      if (queue === 'verification') assert.deepEqual(answer.body, {});
      else assert.deepEqual([answer.body.response_type, answer.body.blocks?.length], ['ephemeral', 1]);
      const jobs = await waitingJobs();
      assert.equal(jobs.length, 1);
      const [job] = await queues[queue].getWaiting();
      assert.equal(job?.name, name);
      const { signatures, ...payload } = job.data as { signatures: Record<string, string> };
      assert.deepEqual(payload, { requester: requester(), ...data });
      const signed = { id: job.id!, name, payload, timestamp: job.timestamp };
      assert.ok(isSigned(signed, signatures, [jobKeys.JOB_KEYS], undefined));
      assert.ok(!isSigned(signed, signatures, [slack.botToken], undefined));
      assert.equal(job.opts.attempts, 1);
      assert.match(job.id ?? '', new RegExp(`^${name}-(${'demo' in data ? data.demo : ''}-)?[0-9a-f]{6}$`));
    });

  test('a command is counted, with the time of its acknowledgement and the length of its queue', async () => {
    const url = await start(settings(redis.url, { users: [slack.alice.userId] }));
    await say(url, 'create');
    await say(url, 'help');
    await say(url, 'craete');
    await slackCommand(url, slack.signingSecret, { ...slack.bob, channelId: slack.channel, text: 'list' });
    const text = await (await fetch(`${url}/metrics`)).text();
    for (const line of [
      'vcdemo_commands_total{command="create",outcome="accepted"} 1',
      'vcdemo_commands_total{command="help",outcome="answered"} 1',
      'vcdemo_commands_total{command="invalid",outcome="refused"} 1',
      'vcdemo_commands_total{command="list",outcome="refused"} 1',
      'vcdemo_acknowledgement_seconds_count 4',
      'vcdemo_queue_jobs{queue="provisioning",state="waiting"} 1',
      'vcdemo_queue_jobs{queue="verification",state="waiting"} 0',
    ])
      assert.ok(text.split('\n').includes(line), `${line} is not in\n${text}`);
    assert.match(text, /^process_resident_memory_bytes \d/m);
  });

  test('a command costs no call to Slack except one to ask who the person is', async () => {
    const url = await start();
    const before = slack.calls.length;
    for (const text of ['create', 'status', 'help']) await say(url, text);
    assert.deepEqual(
      slack.calls.slice(before).map(({ method }) => method),
      ['users.info'],
    );
  });

  test('a command that Slack delivers twice is one job', async () => {
    const url = await start();
    const trigger = triggerId();
    const [first, second] = [
      await say(url, 'create', { triggerId: trigger }),
      await say(url, 'create', { triggerId: trigger }),
    ];
    assert.equal((await waitingJobs()).length, 1);
    assert.equal(first.body.text, second.body.text);
  });

  test('a command that Slack delivers to two bots at once is one job', async () => {
    const urls = [await start(), await start()];
    const trigger = triggerId();
    const answers = await Promise.all(urls.map((url) => say(url, 'create', { triggerId: trigger })));
    assert.equal((await waitingJobs()).length, 1);
    assert.equal(new Set(answers.map(({ body }) => body.text)).size, 1);
  });

  test('a command that writes is one job if Enter is pressed twice, and both are answered alike', async () => {
    const urls = [await start(), await start()];
    const answers = [await say(urls[0]!, 'create a'), await say(urls[1]!, 'create  a')];
    assert.equal((await waitingJobs()).length, 1);
    assert.match(shown(answers[0]!), /Creating demo \*a\*/);
    assert.deepEqual(answers[0]?.body, answers[1]?.body);
  });

  test('the same command of another person, in another channel, or with another flag is a job of its own', async () => {
    const url = await start();
    await say(url, 'create a');
    await slackCommand(url, slack.signingSecret, { ...slack.bob, channelId: slack.channel, text: 'create a' });
    await slackCommand(url, slack.signingSecret, { ...slack.alice, channelId: 'D0123ABCD', text: 'create a' });
    await say(url, 'create a --ttl 4h');
    assert.equal((await waitingJobs()).length, 4);
  });

  test('a command is carried out again if the first attempt has failed', async () => {
    const url = await start();
    await say(url, 'create a');
    const [first] = await queues.provisioning.getWaiting();
    const worker = new Worker('provisioning', null, { connection: { url: redis.url, maxRetriesPerRequest: null } });
    const taken = await worker.getNextJob('token');
    await taken?.moveToFailed(new Error('refused'), 'token');
    await worker.close();
    await say(url, 'create a');
    await say(url, 'create a');
    const jobs = await waitingJobs();
    assert.equal(jobs.length, 1);
    assert.notEqual(jobs[0]?.id, first?.id);
  });

  test('a question that is asked twice is answered twice', async () => {
    const url = await start();
    await say(url, 'list');
    await say(url, 'list');
    assert.equal((await waitingJobs()).length, 2);
  });

  test('a command in a direct message keeps its channel', async () => {
    const url = await start();
    await slackCommand(url, slack.signingSecret, { ...slack.bob, channelId: 'D0123ABCD', text: 'status' });
    const [job] = await waitingJobs();
    assert.equal(job?.data.requester.channelId, 'D0123ABCD');
  });

  test('an unknown command is answered with the closest match and the list of commands', async () => {
    const answer = await say(await start(), 'crate');
    assert.match(shown(answer), /Did you mean `create`\?/);
    assert.match(shown(answer), /`kubeconfig`/);
    assert.deepEqual(await waitingJobs(), []);
  });

  test('a command with an unknown flag is answered with the usage', async () => {
    assert.match(shown(await say(await start(), 'create --tl 8h')), /--ttl.*Usage: `\/vcdemo create \[name\]/);
  });

  test('a quoted command cannot mention anybody', async () => {
    const answer = await say(await start(), 'status <!channel>&');
    assert.match(shown(answer), /&lt;!channel&gt;&amp;/);
    assert.doesNotMatch(JSON.stringify(answer.body), /<!channel>/);
  });

  test('a command that fails unexpectedly is answered with a reference', async () => {
    const url = await start();
    const answer = await slackCommand(url, slack.signingSecret, {
      userId: 'nobody',
      userName: 'x',
      channelId: slack.channel,
      text: 'status',
    });
    assert.equal(answer.status, 200);
    assert.match(shown(answer), /internal error.*in vcdemo.*`[0-9a-f]{8}`/s);
    assert.doesNotMatch(shown(answer), /zod|invalid/i);
  });
});

describe('help', () => {
  test('help lists every command, for everybody', async () => {
    const url = await start(settings(redis.url, { users: ['U0SOMEBODY'] }));
    const answer = await say(url, '');
    for (const name of ['create', 'kubeconfig', 'verify', 'status', 'list', 'dashboard', 'delete', 'help'])
      assert.match(shown(answer), new RegExp(`/vcdemo ${name}`));
    assert.match(shown(answer), /delete &lt;name&gt;/);
  });
  test('help for one command shows its usage and an example', async () => {
    assert.match(shown(await say(await start(), 'help verify')), /--requests 12.*verify team-a --requests 50/);
  });
});

describe('a request', () => {
  test('a request with a wrong signature gets 401 and does nothing', async () => {
    const url = await start();
    const answer = await slackCommand(url, 'wrong', { ...slack.alice, channelId: slack.channel, text: 'create' });
    assert.equal(answer.status, 401);
    assert.deepEqual(await waitingJobs(), []);
  });
  test('a request that was signed long ago gets 401 and does nothing', async () => {
    const answer = await say(await start(), 'create', { timestamp: Math.floor(Date.now() / 1000) - 400 });
    assert.equal(answer.status, 401);
    assert.deepEqual(await waitingJobs(), []);
  });
  test('a request without a signature gets 401', async () => {
    const answer = await fetch(`${await start()}/slack/events`, { method: 'POST', body: 'command=/vcdemo' });
    assert.equal(answer.status, 401);
  });
});

describe('somebody', () => {
  test('a person who is not listed is refused and told what to do', async () => {
    const answer = await say(await start(settings(redis.url, { users: [slack.bob.userId] })), 'create');
    assert.match(shown(answer), new RegExp(`not allowed to use vcdemo.*${slack.alice.userId}`));
    assert.deepEqual(await waitingJobs(), []);
  });
  test('a person who is listed, or an administrator, is served', async () => {
    await say(await start(settings(redis.url, { users: [slack.alice.userId] })), 'create one');
    await say(
      await start(settings(redis.url, { users: [slack.bob.userId], admins: [slack.alice.userId] })),
      'create two',
    );
    assert.equal((await waitingJobs()).length, 2);
  });
  test('a person in a channel that is not listed is refused', async () => {
    const answer = await say(await start(settings(redis.url, { channels: ['C0OTHER'] })), 'create');
    assert.match(shown(answer), /cannot be used in this channel/);
    assert.deepEqual(await waitingJobs(), []);
  });
});

describe('delete', () => {
  const press = (url: string, actionId: string, options: { responseUrl: string; triggerId?: string; value?: string }) =>
    pressButton(url, slack.signingSecret, {
      ...slack.alice,
      channelId: slack.channel,
      actionId,
      value: 'delete team-a',
      ...options,
    });

  test('delete is only a question until it is confirmed, and may be asked again after a no', async () => {
    const url = await start();
    await press(url, 'run:0', { responseUrl: slack.responseUrl().url });
    await press(url, 'dismiss:1', { responseUrl: slack.responseUrl().url });
    await press(url, 'run:0', { responseUrl: slack.responseUrl().url });
    assert.deepEqual(
      (await waitingJobs()).map(({ name, queueName }) => [name, queueName]),
      [
        ['question', 'verification'],
        ['question', 'verification'],
      ],
    );
  });
  test('delete becomes a job when the button is pressed, and the question is replaced', async () => {
    const url = await start();
    const response = slack.responseUrl();
    assert.equal((await press(url, 'confirmed:0', { responseUrl: response.url })).status, 200);
    const message = await response.next();
    const [job] = await queues.removal.getWaiting();
    assert.equal(job?.name, 'delete');
    const { signatures, ...payload } = job.data as Record<string, unknown>;
    assert.equal(typeof signatures, 'object');
    assert.deepEqual(payload, {
      requester: { userId: slack.alice.userId, userName: 'alice', channelId: slack.channel },
      demo: 'team-a',
    });
    assert.equal(message.replace_original, true);
    assert.equal(message.text, 'Deleting demo team-a. Progress follows in this channel.');
  });
  test('delete is one job even if the click is delivered twice', async () => {
    const url = await start();
    const response = slack.responseUrl();
    const trigger = triggerId();
    await press(url, 'confirmed:0', { responseUrl: response.url, triggerId: trigger });
    await press(url, 'confirmed:0', { responseUrl: response.url, triggerId: trigger });
    assert.equal((await waitingJobs()).length, 1);
  });
  test('delete is a job even if the question cannot be replaced', async () => {
    const url = await start();
    const response = slack.responseUrl({ fails: true });
    assert.equal((await press(url, 'confirmed:0', { responseUrl: response.url })).status, 200);
    await response.next();
    assert.equal((await waitingJobs()).length, 1);
    assert.equal((await say(url, 'status')).status, 200);
  });
  test('delete is not a job if the other button is pressed', async () => {
    const response = slack.responseUrl();
    await press(await start(), 'dismiss:1', { responseUrl: response.url, value: 'Demo *team-a* stays.' });
    const message = await response.next();
    assert.match(message.text ?? '', /team-a stays/);
    assert.equal(message.replace_original, true);
    assert.deepEqual(await waitingJobs(), []);
  });
  test('delete is refused to people who are not listed, and the question stays', async () => {
    const response = slack.responseUrl();
    await press(await start(settings(redis.url, { users: ['U0SOMEBODY'] })), 'confirmed:0', {
      responseUrl: response.url,
    });
    const message = await response.next();
    assert.match(JSON.stringify(message.blocks), /not allowed to use vcdemo/);
    assert.equal(message.replace_original, false);
    assert.deepEqual(await waitingJobs(), []);
  });
});

describe('health', () => {
  test('health is ok while the process is alive, readiness only while Redis is', async () => {
    const own = await startRedis();
    const url = await start(settings(own.url));
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
    assert.equal((await fetch(`${url}/readyz`)).status, 200);
    await own.stop();
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
    const ready = await fetch(`${url}/readyz`);
    assert.equal(ready.status, 503);
    assert.match(await ready.text(), /Redis/);
  });
});

describe('without Redis', () => {
  test('the bot starts without Redis, says so in time, and works when Redis is up', async () => {
    const port = await freePort();
    const url = await start(settings(`redis://127.0.0.1:${port}`));
    const asked = performance.now();
    const answer = await say(url, 'create');
    assert.ok(performance.now() - asked < 3000);
    assert.match(shown(answer), /job queue \(Redis\) cannot be reached.*ECONNREFUSED/);

    const late = await startRedis({ port });
    const own = new Redis(late.url);
    const queue = new Queue('provisioning', { connection: own });
    try {
      // The bot retries by itself; readiness shows when it has succeeded.
      while ((await fetch(`${url}/readyz`)).status !== 200);
      assert.match((await say(url, 'create later')).body.text ?? '', /Creating demo later/);
      const names = (await queue.getWaiting()).map((job) => job.data.demo);
      assert.deepEqual(names, ['later'], 'what was refused is not carried out afterwards');
    } finally {
      await queue.close();
      own.disconnect();
      await late.stop();
    }
  });

  test('the answer also comes in time if Redis fails later', async () => {
    const own = await startRedis();
    const url = await start(settings(own.url));
    await say(url, 'create');
    await own.stop();
    const asked = performance.now();
    const answer = await say(url, 'create');
    assert.ok(performance.now() - asked < 3000);
    assert.match(shown(answer), /cannot be reached/);
  });
});

describe('with a Redis that hangs', () => {
  test('the answer comes in time although Redis hangs, and the bot can be closed', async () => {
    const own = await startRedis();
    const bot = await startBot(settings(own.url), log);
    own.freeze();
    const asked = performance.now();
    const answer = await say(`http://127.0.0.1:${bot.port}`, 'create');
    assert.ok(performance.now() - asked < 3000);
    assert.match(shown(answer), /cannot be reached: it does not answer/);
    await bot.close();
    await own.stop();
  });
});

describe('a bot that cannot work', () => {
  const codeOf = (from: BotSettings) =>
    startBot(from, log).then(
      () => assert.fail('it started'),
      (error: unknown) => (error instanceof UserError ? error.code : error),
    );
  test('the bot does not start with a Redis that may discard jobs', async () => {
    const own = await startRedis({ options: ['--maxmemory-policy', 'allkeys-lru'] });
    assert.equal(await codeOf(settings(own.url)), 'redis-evicts');
    await own.stop();
  });
  test('the bot does not start with a token that Slack does not know', async () => {
    assert.equal(await codeOf({ ...settings(), SLACK_BOT_TOKEN: 'xoxb-wrong' }), 'slack-refused');
  });
  test('the bot does not start on a port that is in use', async () => {
    const port = Number(new URL(await start()).port);
    assert.equal(await codeOf({ ...settings(), PORT: port }), 'port-unavailable');
  });
});
