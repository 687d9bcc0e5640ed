import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { Redis } from 'ioredis';
import { realHost } from '../../sandbox/real-host.js';
import { connectCluster, type Cluster } from '../../src/k8s/cluster.js';
import { findDemo } from '../../src/k8s/demo-record.js';
import { hostAccess } from '../../src/k8s/host-access.js';
import { simulatedHost, type SimulatedHost } from '../support/host.js';
import { endLife } from '../support/end-life.js';
import { startRedis, type LocalRedis } from '../support/redis.js';
import { startSentinelGroup, type SentinelGroup } from '../support/sentinels.js';
import { startStack, textOf, type RunningProcess, type Stack } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';

/*
 * npm run test:chaos -- --n 30 --seed 7: creates and deletes demos while components fail at random moments. On the simulated
 * cluster, or on a real one with --kubeconfig and --config; --stop and --start are then commands that stop a component of
 * it and start it again, such as --stop "lab stop {}" --start "lab up". With --redis sentinel, Redis is a primary with a
 * replica and three sentinels, and fails over.
 */

const { values: options } = parseArgs({
  options: {
    n: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
    kubeconfig: { type: 'string' },
    config: { type: 'string' },
    stop: { type: 'string' },
    start: { type: 'string' },
    redis: { type: 'string', default: 'single' },
  },
});
const rounds = Number(options.n);
const minute = 60_000;

/** The same seed gives the same sequence. */
let state = Number(options.seed) * 2_654_435_761;
function random(below: number): number {
  state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x12345) >>> 0;
  return state % below;
}
const pick = <Item>(items: readonly Item[]): Item => items[random(items.length)]!;

describe(`demos while parts of the system fail, ${rounds} rounds with seed ${options.seed}`, () => {
  let host: SimulatedHost | Awaited<ReturnType<typeof realHost>>;
  let stack: Stack;
  let redis: LocalRedis | undefined;
  let group: SentinelGroup | undefined;
  let cluster: Cluster;
  let directory: string;
  let worker: RunningProcess;
  const log = () => readFile(join(directory, 'log'), 'utf8');
  const persistent = () => ['--appendonly', 'yes', '--appendfsync', 'always', '--save', '', '--dir', directory];

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'vcdemo-chaos-'));
    process.env.VCDEMO_TEST_LOG = join(directory, 'log');
    host = options.kubeconfig
      ? await realHost({ kubeconfig: options.kubeconfig, context: undefined, config: options.config! })
      : await simulatedHost(undefined);
    if (options.redis === 'sentinel') group = await startSentinelGroup();
    else redis = await startRedis({ options: persistent() });
    const redisEnvironment = group?.environment ?? { REDIS_URL: redis!.url };
    stack = await startStack({ ...host.environment, ...redisEnvironment }, { notice: host.notice });
    cluster = connectCluster('host', hostAccess({ KUBECONFIG: host.environment.KUBECONFIG! }));
    worker = await stack.startWorker();
  });
  after(async () => {
    cluster?.close();
    await stack?.close();
    await redis?.stop();
    await group?.stop();
    await host?.close();
    await rm(directory, { recursive: true, force: true });
  });

  /** Each stops something for some seconds, and starts it again. */
  const faults: Record<string, (ms: number) => Promise<void>> = {
    async 'the worker is killed'() {
      await worker.kill('SIGKILL');
      worker = await stack.startWorker();
    },
    async 'the worker is stopped'() {
      await worker.kill('SIGTERM');
      worker = await stack.startWorker();
    },
    'the bot is killed': () => stack.restartBot(),
    ...(options.redis === 'sentinel'
      ? { 'Redis fails over': () => group!.switchOver() }
      : {
          async 'Redis is killed'(ms: number) {
            const { port } = redis!;
            await redis!.stop();
            await sleep(ms);
            redis = await startRedis({ port, options: persistent() });
          },
          async 'Redis hangs'(ms: number) {
            redis!.freeze();
            await sleep(ms);
            redis!.thaw();
          },
        }),
    async 'Slack limits'(ms) {
      await slackFails('ratelimited', ms);
    },
    async 'Slack fails'(ms) {
      await slackFails('internal_error', ms);
    },
    async 'Slack is away'(ms) {
      stack.slack.setOutage(pick(['cut', 'status', 'silence']));
      await sleep(ms);
      stack.slack.setOutage(undefined);
    },
    async 'Slack edits messages and its answers are lost'(ms) {
      stack.slack.loseAnswers('chat.update', ['silence', 'status', 'cut']);
      await sleep(ms);
      stack.slack.loseAnswers('chat.update', []);
    },
    ...(options.kubeconfig === undefined && {
      async "the host cluster's API is away"(ms: number) {
        await (host as SimulatedHost).cluster.inject('api-down');
        await sleep(ms);
        await (host as SimulatedHost).cluster.inject(undefined);
      },
      async "the host cluster's API is slow"(ms: number) {
        await (host as SimulatedHost).cluster.inject('slow');
        await sleep(ms);
        await (host as SimulatedHost).cluster.inject(undefined);
      },
    }),
    ...(options.stop &&
      Object.fromEntries(
        ['apiserver', 'kubelet'].map((component) => [
          `${component} is away`,
          async (ms: number) => {
            await run(options.stop!.replace('{}', component));
            await sleep(ms);
            await run(options.start!);
          },
        ]),
      )),
  };
  const run = async (command: string) => {
    const [file = '', ...args] = command.split(' ');
    await execa(file, args);
  };
  async function slackFails(error: string, ms: number): Promise<void> {
    const methods = ['chat.postMessage', 'chat.update', 'chat.postEphemeral'];
    for (const method of methods) stack.slack.failCalls(method, error);
    await sleep(ms);
    for (const method of methods) stack.slack.failCalls(method, undefined);
  }

  /** Repeats a command until the bot accepts it, as people do when it says that Redis is down or does not answer. */
  async function command(text: string, accepted: RegExp): Promise<void> {
    await waitFor(
      `/vcdemo ${text} to be accepted`,
      async () => {
        const answer = await stack.type(stack.slack.alice, text).catch(() => undefined);
        return answer && accepted.test(textOf({ text: '', ...answer.body }));
      },
      { withinMs: 2 * minute, everyMs: 1000 },
    );
  }
  /** Breaks something at a random moment during the work. */
  /**
   * Confirms a deletion until it is under way. It is refused, with the reason, while the bot has no Redis, or while the create
   * still tries to tell Slack of its end.
   */
  async function deleteDemo(demo: string): Promise<void> {
    const begun = () => ends(demo, /Deleting demo .*\d+ of \d+ steps/).length > 0;
    await waitFor(
      `the deletion of ${demo} to begin`,
      async () => {
        await stack.press(stack.slack.alice, 'confirmed:0', `delete ${demo}`).catch(() => undefined);
        return await waitFor('its progress', () => Promise.resolve(begun()), { withinMs: 10_000 }).catch(() => false);
      },
      { withinMs: 3 * minute, everyMs: 1000 },
    );
  }
  async function disturb(): Promise<string> {
    const name = pick(Object.keys(faults));
    const ms = pick([1000, 4000, 9000, 14_000]);
    await sleep(random(4000)); // the moment itself is under test
    await faults[name]!(ms);
    return `${name} (${ms / 1000} s)`;
  }
  const ends = (demo: string, pattern: RegExp) =>
    stack.slack.timeline.entries.map(textOf).filter((text) => text.includes(`*${demo}*`) && pattern.test(text));

  for (let round = 1; round <= rounds; round++)
    it(`round ${round} ends as requested, is reported once, and leaves nothing and no secret behind`, async (test) => {
      const demo = `chaos${options.seed}-${round}`;
      await command(`create ${demo}`, /Creating demo/);
      test.diagnostic(`during create: ${await disturb()}`);
      await stack.message(new RegExp(`Demo \\*${demo}\\* of .* is ready`), 6 * minute);
      assert.equal((await findDemo(cluster, demo))?.state, 'ready');

      await command(`verify ${demo}`, /Verifying/);
      test.diagnostic(`during verify: ${await disturb()}`);
      await waitFor('an answer to verify', async () => ends(demo, /requests from sleep|verify .* failed/)[0], {
        withinMs: 3 * minute,
      });

      if (pick([true, false])) {
        await deleteDemo(demo);
        test.diagnostic(`during delete: ${await disturb()}`);
      } else {
        await endLife(cluster, demo);
        await worker.kill('SIGTERM');
        worker = await stack.startWorker();
        test.diagnostic(`during expire: ${await disturb()}`);
      }
      await stack.message(new RegExp(`Demo \\*${demo}\\* .*deleted; nothing is left`), 6 * minute);
      assert.equal(await findDemo(cluster, demo), undefined);
      assert.equal(ends(demo, /is ready.* after /s).length, 1, 'ready is told once');
      assert.equal(ends(demo, /deleted; nothing is left/).length, 1, 'the end is told once');

      const secret = /BEGIN [A-Z ]*PRIVATE KEY|client-key-data|eyJhbGciOi/;
      assert.doesNotMatch(await log(), secret);
      const connection = new Redis((await group?.primaryUrl()) ?? redis!.url);
      for (const key of await connection.keys('*')) {
        const dump = await connection.dumpBuffer(key);
        assert.doesNotMatch(dump?.toString('latin1') ?? '', secret, key);
      }
      connection.disconnect();
    });
});
