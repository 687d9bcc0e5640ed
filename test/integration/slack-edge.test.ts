import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { after, afterEach, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Queue, Worker } from 'bullmq';
import { execa } from 'execa';
import { Redis } from 'ioredis';
import { formId } from '../../src/bot/form.js';
import { peopleFormId } from '../../src/bot/people-form.js';
import { createBoltDispatcher, startBot, type Bot } from '../../src/bot/app.js';
import { createJobQueues, type JobQueues } from '../../src/bot/queue.js';
import { createLambdaHandler } from '../../src/bot/receiver/lambda.js';
import { readBotSettings } from '../../src/config.js';
import { createLog } from '../../src/log.js';
import { createBotMetrics } from '../../src/metrics.js';
import { configuredInstallation } from '../../src/slack/installation.js';
import { botEnvironment } from '../support/environments.js';
import { jobKeys } from '../support/job-keys.js';
import { randomFrom } from '../support/random.js';
import { startRedis, type LocalRedis } from '../support/redis.js';
import { startSlack, triggerId, type SlackWorkspace } from '../support/slack.js';
import { nodeFlagsOf } from '../support/stack.js';
import {
  commandForm,
  interactionForm,
  lambdaEvent,
  nowInSeconds,
  openRequest,
  signedHeaders,
} from '../support/slack-requests.js';

/* Requests to the bot from the network, both as a server process and as a function. */

const log = createLog('test', 'silent');

let redis: LocalRedis;
let slack: SlackWorkspace;
let connection: Redis;
let provisioning: Queue;
let removal: Queue;
const cleanUps: (() => Promise<unknown>)[] = [];

before(async () => {
  [redis, slack] = await Promise.all([startRedis(), startSlack()]);
  connection = new Redis(redis.url);
  provisioning = new Queue('provisioning', { connection });
  removal = new Queue('removal', { connection });
});
after(async () => {
  await Promise.all([provisioning.close(), removal.close()]);
  connection.disconnect();
  await Promise.all([redis.stop(), slack.close()]);
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
  slack.failCalls('users.info', undefined);
  slack.changePerson(slack.alice.userId, {});
  await connection.flushall();
});

interface Reply {
  status: number;
  text: string;
}
/** Sends a body, signed with the current time and as a form unless the options say otherwise. */
type Send = (body: string, options?: { timestamp?: number; type?: string; secret?: string }) => Promise<Reply>;

function settingsWith(environment: Record<string, string> = {}, guests = false) {
  const read = readBotSettings({
    ...botEnvironment({ slack, redis }),
    ...environment,
  });
  const { access, limits } = read.demoConfig;
  const unlimited = { ...limits, commandsPerMinute: 10_000 };
  return { ...read, demoConfig: { ...read.demoConfig, limits: unlimited, access: { ...access, guests } } };
}

async function startListening(...options: Parameters<typeof settingsWith>): Promise<{ send: Send; url: string }> {
  const bot: Bot = await startBot(settingsWith(...options), log);
  cleanUps.push(() => bot.close());
  const url = `http://127.0.0.1:${bot.port}`;
  const send: Send = async (body, { timestamp, type, secret = slack.signingSecret } = {}) => {
    const headers = signedHeaders(secret, body, timestamp, type);
    const answer = await fetch(`${url}/slack/events`, { method: 'POST', headers, body });
    return { status: answer.status, text: await answer.text() };
  };
  return { send, url };
}

async function startFunction(environment: Record<string, string> = {}, guests = false): Promise<{ send: Send }> {
  const settings = settingsWith({ SLACK_TEAM_ID: 'T000000001', SLACK_APP_ID: 'A0VCDEMO0', ...environment }, guests);
  const queues: JobQueues = createJobQueues(settings, log);
  cleanUps.push(() => queues.close());
  const rateLimit = () => undefined;
  const context = { queues, demoConfig: settings.demoConfig, rateLimit, metrics: createBotMetrics(), log };
  const dispatch = await createBoltDispatcher(settings, context, () => configuredInstallation(settings));
  const handler = createLambdaHandler({ signingSecret: slack.signingSecret, dispatch, log });
  const send: Send = async (body, { timestamp, type, secret = slack.signingSecret } = {}) => {
    const { statusCode, body: text } = await handler(lambdaEvent(secret, body, timestamp, type));
    return { status: statusCode, text };
  };
  return { send };
}

const command = (text: string, changes: Record<string, string | undefined> = {}) =>
  commandForm(text, { user_id: slack.alice.userId, channel_id: slack.channel, ...changes });
const click = (changes: Record<string, unknown> = {}) => interactionForm({ user: personOf(slack.alice), ...changes });
/** The click that confirms a delete. */
const deleteButton = (demo: string) => ({
  type: 'button',
  block_id: 'b',
  action_id: 'confirmed:0',
  value: `delete ${demo}`,
  action_ts: '1.1',
});
const personOf = ({ userId }: { userId: string }, team = 'T000000001') => ({ id: userId, team_id: team });

const demos = async () => {
  const jobs = await Promise.all([provisioning, removal].map((queue) => queue.getWaiting()));
  return jobs
    .flat()
    .map(({ data }) => (data as { demo: string }).demo)
    .sort();
};

for (const [way, start] of [
  ['a bot that listens', startListening],
  ['a function', startFunction],
] as const)
  describe(way, () => {
    describe('refuses a request', () => {
      for (const [what, seconds] of [
        ['of more than five minutes ago', -301],
        ['of more than five minutes ahead', 302],
        ['of ten years ahead', 315_000_000],
      ] as const)
        test(what, async () => {
          const { send } = await start();
          assert.equal((await send(command('create'), { timestamp: nowInSeconds() + seconds })).status, 401);
          assert.deepEqual(await demos(), []);
        });

      test('that somebody else signed', async () => {
        const { send } = await start();
        assert.equal((await send(command('create'), { secret: 'another' })).status, 401);
        assert.deepEqual(await demos(), []);
      });

      for (const [what, body, type] of [
        ['nothing', ''],
        ['no form', '}{'],
        ['a form without a command', 'text=create'],
        ['a payload that is no JSON', 'payload=%7B'],
        ['a payload that is no object', 'payload=null'],
        ['a payload without a type', 'payload=%7B%22user%22%3A%7B%22id%22%3A%22U1%22%7D%7D'],
        ['a payload without a person', 'payload=%7B%22type%22%3A%22block_actions%22%7D'],
        ['JSON that breaks off', '{"type":', 'application/json'],
        ['JSON that is no object', '[]', 'application/json'],
        ['a type of content that Slack does not send', '<create/>', 'text/xml'],
      ] as const)
        test(`with ${what} as malformed`, async () => {
          const { send } = await start();
          assert.equal((await send(body, { type: type ?? 'application/x-www-form-urlencoded' })).status, 400);
        });

      test('with a command of more than 64 KB', async () => {
        const { send } = await start();
        assert.equal((await send(command(`create ${'x'.repeat(65_536)}`))).status, 413);
      });
      test('with an interaction of more than 1 MB', async () => {
        const { send } = await start();
        assert.equal((await send(click({ view: { private_metadata: 'x'.repeat(1_048_576) } }))).status, 413);
      });
    });

    test('accepts requests up to five minutes old or in the future', async () => {
      const { send } = await start();
      for (const [name, seconds] of Object.entries({ past: -298, future: 299 })) {
        const body = command(`create ${name}`);
        assert.equal((await send(body, { timestamp: nowInSeconds() + seconds })).status, 200);
      }
      assert.deepEqual(await demos(), ['future', 'past']);
    });

    test('accepts a click that carries a view of 900 KB', async () => {
      const { send } = await start();
      const actions = [deleteButton('big')];
      const body = click({ channel: { id: slack.channel }, actions, view: { blocks: 'x'.repeat(900_000) } });
      assert.equal((await send(body)).status, 200);
      assert.deepEqual(await demos(), ['big']);
    });

    test('accepts text that is not ASCII', async () => {
      const { send } = await start();
      const event = JSON.stringify({
        type: 'event_callback',
        team_id: 'T000000001',
        event: { type: 'x', text: 'Ä€“' },
      });
      assert.equal((await send(event, { type: 'application/json' })).status, 200);
      assert.match((await send(command('create “smart” —ttl 1h'))).text, /Creating demo \*smart\*/);
    });

    test('answers the challenge of Slack', async () => {
      const { send } = await start();
      const body = JSON.stringify({ type: 'url_verification', challenge: 'a-challenge' });
      assert.deepEqual(JSON.parse((await send(body, { type: 'application/json' })).text), { challenge: 'a-challenge' });
    });

    test('acts once on a repeated request and gives the same answer, even after the job is done', async () => {
      const { send } = await start();
      const [body, timestamp] = [command('create again'), nowInSeconds()];
      const first = await send(body, { timestamp });
      assert.match(first.text, /Creating demo/);
      const worker = new Worker('provisioning', () => Promise.resolve(), { connection: { url: redis.url } });
      await new Promise((resolve) => worker.once('completed', resolve));
      await worker.close();
      assert.deepEqual(await send(body, { timestamp }), first);
      assert.deepEqual(await send(body, { timestamp }), first);
      assert.deepEqual(await demos(), []);
    });

    describe('refuses requests from elsewhere', () => {
      for (const [what, changes] of [
        ['another team', { team_id: 'T0FOREIGN' }],
        ['no team', { team_id: undefined }],
        ['another app', { api_app_id: 'A0FOREIGN' }],
      ] as const)
        test(`from ${what}, by a command`, async () => {
          const { send } = await start({ SLACK_APP_ID: 'A0VCDEMO0' });
          const { status, text } = await send(command('create', changes));
          assert.equal(status, 200);
          assert.match(text, /another Slack workspace/);
          assert.deepEqual(await demos(), []);
        });

      test('from another organization', async () => {
        const { send } = await start({ SLACK_TEAM_ID: 'E0OURS' });
        assert.match((await send(command('create', { enterprise_id: 'E0THEIRS' }))).text, /another Slack workspace/);
        assert.match((await send(command('create'))).text, /another Slack workspace/);
        assert.match((await send(command('create ours', { enterprise_id: 'E0OURS' }))).text, /Creating demo/);
        assert.deepEqual(await demos(), ['ours']);
      });

      test('from another team, by a click, and says so next to the button', async () => {
        const { send } = await start();
        const response = slack.responseUrl();
        const actions = [deleteButton('x')];
        await send(click({ team: { id: 'T0FOREIGN' }, actions, response_url: response.url }));
        assert.match(JSON.stringify(await response.next()), /another Slack workspace/);
        assert.deepEqual(await demos(), []);
      });
    });

    describe('refuses somebody who is not a member', () => {
      for (const [what, fields, pattern] of [
        ['a guest', { is_restricted: true }, /Guests/],
        ['a guest of one channel', { is_restricted: true, is_ultra_restricted: true }, /Guests/],
        ['somebody deactivated', { deleted: true }, /deactivated/],
        ['a stranger', { is_stranger: true }, /other organizations/],
        ['somebody of another team', { team_id: 'T0FOREIGN' }, /other organizations/],
      ] as const)
        test(`such as ${what}`, async () => {
          const { send } = await start();
          slack.changePerson(slack.alice.userId, fields);
          const { status, text } = await send(command('create'));
          assert.equal(status, 200);
          assert.match(text, pattern);
          assert.deepEqual(await demos(), []);
        });

      test('such as somebody from another team who clicks in a shared channel', async () => {
        const { send } = await start({ SLACK_TEAM_ID: 'T000000001' });
        slack.changePerson(slack.alice.userId, { team_id: 'T0FOREIGN' });
        const actions = [deleteButton('x')];
        await send(click({ user: personOf(slack.alice, 'T0FOREIGN'), actions }));
        assert.deepEqual(await demos(), []);
      });
    });

    test('admits guests if the configuration says so', async () => {
      const { send } = await start({}, true);
      slack.changePerson(slack.alice.userId, { is_restricted: true });
      await send(command('create guest'));
      assert.deepEqual(await demos(), ['guest']);
    });

    test('leaves it to the worker if Slack cannot say who somebody is', async () => {
      const { send } = await start();
      slack.failCalls('users.info', 'missing_scope');
      await send(command('create unasked'));
      assert.deepEqual(await demos(), ['unasked']);
    });

    describe('immediately answers, in words,', () => {
      test('a button of an older version', async () => {
        const { send } = await start();
        const response = slack.responseUrl();
        const { status, text } = await send(click({ response_url: response.url }));
        assert.equal(status, 200);
        assert.match(text, /older version/);
        assert.match(JSON.stringify(await response.next()), /older version/);
      });
      test('a form of an older version', async () => {
        const { send } = await start();
        const { status, text } = await send(
          click({ type: 'view_submission', view: { callback_id: 'x' }, actions: undefined }),
        );
        assert.equal(status, 200);
        assert.match(text, /"response_action":"update".*older version/);
      });
      test('a command that is not vcdemo’s', async () => {
        const { send } = await start();
        const { status, text } = await send(command('create', { command: '/other' }));
        assert.equal(status, 200);
        assert.match(text, /does not know this command/);
      });
    });

    test('never fails over hundreds of signed payloads of any shape', async () => {
      const { send } = await start();
      const random = randomFrom(42);
      for (let round = 0; round < 400; round++) {
        const [body, type] = nonsense(random);
        const { status } = await send(body, { type });
        assert.ok(status === 200 || status === 400, `HTTP ${status} for ${body.slice(0, 500)}`);
      }
      assert.match((await send(command('create alive'))).text, /Creating demo \*alive\*/);
    });
  });

describe('several bots', () => {
  test('act only once on a request that is sent to one after the other', async () => {
    const bots = [await startListening(), await startListening()];
    const [body, timestamp] = [command('create twice', { trigger_id: triggerId() }), nowInSeconds()];
    const answers = [];
    for (const { send } of bots) answers.push(await send(body, { timestamp }));
    assert.deepEqual(answers[0], answers[1]);
    assert.deepEqual(await demos(), ['twice']);
  });
});

test('a request in very many small parts, which take more memory than their bytes, is refused', async () => {
  const { url } = await startListening();
  const body = command(`create ${'x'.repeat(2_000)}`);
  const request = http.request(`${url}/slack/events`, {
    method: 'POST',
    headers: { ...signedHeaders(slack.signingSecret, body), 'transfer-encoding': 'chunked' },
  });
  for (const part of body) request.write(part);
  request.end();
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  assert.equal(response.resume().statusCode, 413);
  assert.deepEqual(await demos(), []);
});

describe('a request that is sent slowly', () => {
  test('is not read without something that looks like a signature', async () => {
    const { url } = await startListening();
    const open = openRequest(url, { 'content-length': '1000', 'x-slack-signature': 'v0=1' }, 'payload=');
    assert.equal(await open.ended, 401);
    open.destroy();
  });
  test('is closed', async () => {
    const { url } = await startListening();
    const headers = { ...signedHeaders(slack.signingSecret, ''), 'content-length': '1000' };
    assert.notEqual(await openRequest(url, headers, 'payload=').ended, 200);
  });
  for (const [what, beginning] of [
    ['whose head never ends', 'POST /slack/events HTTP/1.1\r\nhost: bot\r\n'],
    ['that never begins', ''],
  ] as const)
    test(`and one ${what}`, async () => {
      const { url } = await startListening();
      const socket = connect(Number(new URL(url).port), '127.0.0.1');
      socket.write(beginning);
      await once(socket.resume(), 'close');
    });
});

test('250 open bodies of 1 MB neither fill the memory nor keep commands out', { timeout: 120_000 }, async (context) => {
  if (process.platform !== 'linux') return context.skip('memory is read from /proc');
  const main = fileURLToPath(new URL('../../src/bot/main.ts', import.meta.url));
  const bot = execa(process.execPath, [...nodeFlagsOf('start:bot'), '--import', 'tsx', main], {
    env: {
      ...jobKeys,
      PATH: process.env.PATH,
      SLACK_BOT_TOKEN: slack.botToken,
      SLACK_SIGNING_SECRET: slack.signingSecret,
      SLACK_API_URL: slack.apiUrl,
      REDIS_URL: redis.url,
      PORT: '0',
    },
    extendEnv: false,
    reject: false,
    killSignal: 'SIGKILL',
  });
  cleanUps.push(() => (bot.kill(), bot));
  const port = await new Promise<number>((resolve, reject) => {
    createInterface({ input: bot.stdout }).on('line', (line) => {
      const found = /"port":(\d+)/.exec(line)?.[1];
      if (found !== undefined) resolve(Number(found));
    });
    void bot.then(({ stderr }) => reject(new Error(`The bot ended: ${stderr}`)));
  });
  const url = `http://127.0.0.1:${port}`;
  const residentMb = () =>
    Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${bot.pid}/status`, 'utf8'))?.[1]) / 1024;
  const sendCommand = async (text: string, user = slack.alice.userId) => {
    const body = command(text, { user_id: user });
    const headers = signedHeaders(slack.signingSecret, body);
    return (await fetch(`${url}/slack/events`, { method: 'POST', headers, body })).status;
  };
  assert.equal(await sendCommand('create before'), 200);
  const before = residentMb();
  const beginning = Buffer.alloc(1_048_575, 'x').fill('payload=', 0, 8);
  const headers = { ...signedHeaders('unknown', ''), 'content-length': '1048576' };
  const open = Array.from({ length: 250 }, () => openRequest(url, headers, beginning));
  const ended = Promise.all(open.map((each) => each.ended));
  let highest = before;
  let isOver = false;
  let count = 0;
  void ended.then(() => (isOver = true));
  while (!isOver) {
    // From many people, because each is limited to some commands a minute.
    assert.equal(await sendCommand('status', `U0${count++}`), 200);
    highest = Math.max(highest, residentMb());
  }
  context.diagnostic(`${before.toFixed(0)} MB before, ${highest.toFixed(0)} MB at most`);
  assert.ok(highest - before < 100, `${before} MB before, ${highest} MB at most`);
  assert.equal(await sendCommand('create after'), 200);
  assert.deepEqual(await demos(), ['after', 'before']);
});

/** A body that is almost what Slack sends: one or two fields have another shape. */
function nonsense(random: () => number): [body: string, type: string] {
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)]!;
  const values = [
    null,
    undefined,
    0,
    -1,
    '',
    'x',
    [],
    {},
    [null],
    { id: null },
    { id: 5 },
    true,
    '\u0000',
    '__proto__',
  ];
  const types = ['block_actions', 'view_submission', 'view_closed', 'shortcut', 'message_action', 'block_suggestion'];
  const more = ['interactive_message', 'dialog_submission', 'workflow_step_edit', 'event_callback', 'x', ''];
  const keys = [
    'user',
    'team',
    'channel',
    'actions',
    'view',
    'type',
    'enterprise',
    'response_url',
    'trigger_id',
    'name',
  ];
  const others = ['container', 'message', 'api_app_id', 'event', 'command', 'function_data', 'response_urls', 'state'];
  const changes: Record<string, unknown> = { type: pick([...types, ...more]) };
  for (let count = Math.floor(random() * 4); count > 0; count--) changes[pick([...keys, ...others])] = pick(values);
  if (random() < 0.3) changes.actions = [{ action_id: pick(values), value: pick(values), type: pick(values) }];
  if (random() < 0.3)
    changes.actions = [{ action_id: pick(['confirmed:0', 'run:1', 'dismiss:0']), value: pick(values) }];
  if (random() < 0.3) {
    const state = pick([...values, { values: pick(values) }, { values: { person: pick(values) } }]);
    const more = { id: pick(values), private_metadata: pick([...values, '{}']), state };
    Object.assign(changes, { type: 'view_submission', view: { callback_id: pick([formId, peopleFormId]), ...more } });
  }
  const form = 'application/x-www-form-urlencoded';
  const chance = random();
  if (chance < 0.6) return [click(changes), form];
  if (chance < 0.8) {
    const fields = ['text', 'user_id', 'channel_id', 'trigger_id', 'team_id', 'command', 'user_name'];
    return [
      command(pick(['create', 'delete x', '"', '\u0000', '—', '<@U1>']), {
        [pick(fields)]: pick(['', 'x', undefined]),
      }),
      form,
    ];
  }
  const event = { type: pick(more), team_id: 'T000000001', event: pick(values), [pick(keys)]: pick(values) };
  return [JSON.stringify(event), 'application/json'];
}
