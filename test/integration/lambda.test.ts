import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Queue } from 'bullmq';
import { execa } from 'execa';
import { Redis } from 'ioredis';
import { createAuthority } from '../../simulator/certificates.js';
import { freePort } from '../support/free-port.js';
import { startRedis, type LocalRedis } from '../support/redis.js';
import { sign, triggerId } from '../support/slack.js';
import { jobKeys } from '../support/job-keys.js';

/* dist/lambda.js (npm run build:lambda) in a process that is frozen after each response, as on Lambda. */

const secret = 'a-signing-secret';
const lambdaProcess = fileURLToPath(new URL('../support/lambda-process.ts', import.meta.url));

interface Answer {
  statusCode: number;
  body: string;
}

class Lambda {
  private constructor(private readonly child: ChildProcess) {}

  static async start(redisUrl: string, environment: Record<string, string> = {}): Promise<Lambda> {
    const child = fork(lambdaProcess, {
      execArgv: ['--import', 'tsx'],
      env: {
        ...process.env,
        ...jobKeys,
        SLACK_BOT_TOKEN: 'xoxb-test',
        SLACK_SIGNING_SECRET: secret,
        REDIS_URL: redisUrl,
        LOG_LEVEL: 'silent',
        ...environment,
      },
    });
    await once(child, 'message');
    return new Lambda(child);
  }

  /** The response, after which the process is frozen. */
  async invoke(event: object): Promise<Answer> {
    this.child.kill('SIGCONT');
    this.child.send(event);
    const [answer] = (await once(this.child, 'message')) as [Answer];
    this.child.kill('SIGSTOP');
    return answer;
  }

  async stop(): Promise<void> {
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }
}

const formOf = (text: string, trigger = triggerId()) =>
  new URLSearchParams({
    command: '/vcdemo',
    text,
    user_id: 'U000000001',
    user_name: 'alice',
    channel_id: 'C000000001',
    trigger_id: trigger,
    response_url: 'http://127.0.0.1:9/unused',
  }).toString();

function headersFor(body: string, key = secret) {
  const timestamp = Math.floor(Date.now() / 1000);
  return {
    'Content-Type': 'application/x-www-form-urlencoded',
    'X-Slack-Request-Timestamp': String(timestamp),
    'X-Slack-Signature': sign(key, timestamp, body),
  };
}

/** An event from an API Gateway REST API. */
const eventV1 = (body: string, key?: string) => ({
  httpMethod: 'POST',
  path: '/slack/events',
  headers: headersFor(body, key),
  body,
  isBase64Encoded: false,
});

/** An event from an HTTP API or a function URL: lower-case header names, encoded body. */
const eventV2 = (body: string, key?: string) => ({
  version: '2.0',
  rawPath: '/slack/events',
  headers: Object.fromEntries(
    Object.entries(headersFor(body, key)).map(([name, value]) => [name.toLowerCase(), value]),
  ),
  requestContext: { http: { method: 'POST', path: '/slack/events' } },
  body: Buffer.from(body).toString('base64'),
  isBase64Encoded: true,
});

describe('the bot on Lambda', () => {
  let redis: LocalRedis;
  let lambda: Lambda;
  let queue: Queue;

  before(async () => {
    redis = await startRedis();
    lambda = await Lambda.start(redis.url);
    queue = new Queue('provisioning', { connection: { url: redis.url } });
  });
  after(async () => {
    await queue.close();
    await lambda.stop();
    await redis.stop();
  });

  const demos = async () => (await queue.getWaiting()).map(({ data }) => (data as { demo: string }).demo).sort();

  for (const [name, event] of [
    ['REST APIs', eventV1],
    ['HTTP APIs and function URLs', eventV2],
  ] as const) {
    it(`answers signed commands of ${name}, with the job on the queue`, async () => {
      const demo = name.startsWith('REST') ? 'rest' : 'http';
      const { statusCode, body } = await lambda.invoke(event(formOf(`create ${demo}`)));
      assert.equal(statusCode, 200);
      assert.match(body, new RegExp(`Creating demo \\*${demo}\\*`));
      assert.ok((await demos()).includes(demo));
    });

    it(`refuses a wrong signature of ${name}`, async () => {
      assert.equal((await lambda.invoke(event(formOf('create evil'), 'wrong'))).statusCode, 401);
      assert.ok(!(await demos()).includes('evil'));
    });
  }

  it('loses nothing if it was frozen and its connections are gone', async () => {
    const admin = new Redis(redis.url);
    try {
      for (let round = 1; round <= 3; round++) {
        const answer = await lambda.invoke(eventV2(formOf(`create ice-${round}`)));
        assert.match(answer.body, /Creating demo/);
        await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      }
      const start = performance.now();
      const form = formOf('create thawed');
      assert.match((await lambda.invoke(eventV2(form))).body, /Creating demo \*thawed\*/);
      assert.ok(performance.now() - start < 3_000, 'within the time that Slack waits');
      // Slack redelivers what it believes was not answered.
      await lambda.invoke(eventV2(form));
      const made = await demos();
      assert.deepEqual(
        made.filter((demo) => /^ice|^thawed/.test(demo)),
        ['ice-1', 'ice-2', 'ice-3', 'thawed'],
      );
    } finally {
      admin.disconnect();
    }
  });

  it('accepts a button', async () => {
    const payload = {
      type: 'block_actions',
      team: { id: 'T000000001', domain: 'test' },
      user: { id: 'U000000001', username: 'alice', team_id: 'T000000001' },
      container: { type: 'message', message_ts: '1.1', channel_id: 'C000000001', is_ephemeral: true },
      channel: { id: 'C000000001', name: 'demos' },
      trigger_id: triggerId(),
      response_url: 'http://127.0.0.1:9/unused',
      actions: [{ type: 'button', block_id: 'b', action_id: 'confirmed:0', value: 'delete gone', action_ts: '1.1' }],
    };
    const body = new URLSearchParams({ payload: JSON.stringify(payload) }).toString();
    assert.equal((await lambda.invoke(eventV1(body))).statusCode, 200);
    const removal = new Queue('removal', { connection: { url: redis.url } });
    const [job] = await removal.getWaiting();
    await removal.close();
    assert.deepEqual([job?.name, (job?.data as { demo?: string } | undefined)?.demo], ['delete', 'gone']);
  });

  it('says so when there is no Redis', async () => {
    const lonely = await Lambda.start(`redis://127.0.0.1:${await freePort()}`);
    try {
      assert.match((await lonely.invoke(eventV2(formOf('create x')))).body, /job queue \(Redis\) cannot be reached/);
    } finally {
      await lonely.stop();
    }
  });

  it('logs only the reason if its settings are not valid', async () => {
    const env = {
      ...process.env,
      ...jobKeys,
      SLACK_BOT_TOKEN: 'xoxp-test',
      SLACK_SIGNING_SECRET: secret,
      REDIS_URL: redis.url,
    };
    const { exitCode, stdout, stderr } = await execa('node', ['--import', 'tsx', lambdaProcess], {
      env,
      reject: false,
    });
    assert.equal(exitCode, 1);
    assert.equal(stdout, '');
    assert.deepEqual(stderr.split('\n'), [
      'These settings are not valid:',
      '  - SLACK_BOT_TOKEN must start with xoxb-',
      'README.md lists every setting.',
    ]);
  });

  it('connects to Redis over TLS, with a password and a private CA', async (test) => {
    const { failed } = await execa('redis-server', ['--version'], { reject: false });
    if (failed) return test.skip('there is no redis-server on the PATH');
    const directory = await mkdtemp(join(tmpdir(), 'vcdemo-redis-tls-'));
    const [authority, stranger] = [createAuthority('redis'), createAuthority('stranger')];
    const server = authority.issueWithKey({ subject: { commonName: 'redis' }, subjectAltNames: ['127.0.0.1'] });
    const file = async (name: string, text: string) => {
      await writeFile(join(directory, name), text, { mode: 0o600 });
      return join(directory, name);
    };
    const port = await freePort();
    const options = [
      ...['--port', '0', '--tls-port', String(port), '--requirepass', 'a-password', '--tls-auth-clients', 'no'],
      ...['--tls-cert-file', await file('server.crt', server.certificate)],
      ...['--tls-key-file', await file('server.key', server.privateKey)],
      ...['--tls-ca-cert-file', await file('ca.crt', authority.certificate)],
    ];
    const secure = await startRedis({ port, options });
    const answerOf = async (password: string, ca: string) => {
      const function_ = await Lambda.start(`rediss://:${password}@127.0.0.1:${port}`, { REDIS_CA: ca });
      const { body } = await function_.invoke(eventV2(formOf('create secure')));
      await function_.stop();
      return body;
    };
    try {
      assert.match(await answerOf('a-password', authority.certificate), /Creating demo \*secure\*/);
      assert.match(
        await answerOf('a-password', stranger.certificate),
        /certificate of the job queue \(Redis\) is not accepted/,
      );
      const refused = await answerOf('another', authority.certificate);
      assert.match(
        refused,
        /job queue \(Redis\) rejects commands: WRONGPASS.*the user name and password in REDIS_URL/s,
      );
      assert.doesNotMatch(refused, /another/);
    } finally {
      await secure.stop();
      await rm(directory, { recursive: true });
    }
  });
});
