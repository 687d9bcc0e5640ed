import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { Redis } from 'ioredis';
import { realHost } from '../../sandbox/real-host.js';
import { connectCluster, type Cluster } from '../../src/k8s/client/cluster.js';
import { placesOf } from '../../src/k8s/demo/demo.js';
import { findDemo, hasRecord } from '../../src/k8s/demo/demo-record.js';
import { hostAccess } from '../../src/k8s/client/host-access.js';
import { read } from '../../src/k8s/client/objects.js';
import { ref } from '../../src/k8s/client/manifest.js';
import { endLife } from '../support/end-life.js';
import type { Host, SimulatedHost } from '../support/host.js';
import { simulatedHost } from '../support/host.js';
import { startSentinelGroup } from '../support/sentinels.js';
import { startStack, textOf, type Stack } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';
import {
  componentFaults,
  failoverFaults,
  processFaults,
  simulatedFaults,
  slackFaults,
  startPersistentRedis,
  Worker,
  type Breaks,
} from './faults.js';

/*
 * npm run test:chaos -- --n 30 --seed 7: creates, verifies and deletes demos while parts of the system fail at random
 * moments. On the simulated cluster; with --kubeconfig and --config on a real one. --components names a script whose `stop
 * COMPONENT` stops a part of that cluster, whose `up` starts it again, and whose `hosts NAME...` makes names resolve. Redis
 * is a primary with a replica and three sentinels; with --redis single, one server that keeps its data. --faults
 * 'Redis|Slack' leaves the other faults out.
 */

const { values: options } = parseArgs({
  options: {
    n: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
    redis: { type: 'string', default: 'sentinel' },
    kubeconfig: { type: 'string' },
    config: { type: 'string' },
    components: { type: 'string' },
    faults: { type: 'string', default: '' },
  },
});
const rounds = Number(options.n);
const second = 1000;
const minute = 60 * second;
const isReal = options.kubeconfig !== undefined;
/** How long the parts of a round take; a real cluster is slower. */
const lasts = isReal
  ? { create: 60 * second, verify: 5 * second, removal: 10 * second }
  : { create: 12 * second, verify: 2 * second, removal: 5 * second };

/** The same seed gives the same sequence. */
let state = Number(options.seed) * 2_654_435_761;
function random(below: number): number {
  state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x12345) >>> 0;
  return (state >>> 4) % below;
}
const pick = <Item>(items: readonly Item[]): Item => items[random(items.length)]!;

describe(`demos while parts of the system fail, ${rounds} rounds with seed ${options.seed}`, () => {
  let host: Host;
  let stack: Stack;
  let cluster: Cluster;
  let worker: Worker;
  let faults: Record<string, Breaks>;
  let redisUrl: () => Promise<string>;
  let directory: string;
  const closing: (() => Promise<unknown>)[] = [];

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'vcdemo-chaos-'));
    closing.unshift(() => rm(directory, { recursive: true, force: true }));
    process.env.VCDEMO_TEST_LOG = join(directory, 'log');
    let hostFaults = options.components === undefined ? {} : componentFaults(options.components);
    if (options.kubeconfig !== undefined)
      host = await realHost({ kubeconfig: options.kubeconfig, config: options.config! });
    else {
      const simulated: SimulatedHost = await simulatedHost(undefined);
      [host, hostFaults] = [simulated, simulatedFaults(simulated)];
    }
    closing.unshift(() => host.close());
    const [environment, redisFaults] = await startOwnRedis();
    stack = await startStack({ ...host.environment, ...environment }, { notice: host.notice });
    closing.unshift(() => stack.close());
    worker = await Worker.start(stack);
    cluster = connectCluster('host', hostAccess({ KUBECONFIG: host.environment.KUBECONFIG! }));
    closing.unshift(async () => cluster.close());
    const all = { ...processFaults(stack, worker), ...redisFaults, ...slackFaults(stack, pick), ...hostFaults };
    const wanted = new RegExp(options.faults);
    faults = Object.fromEntries(Object.entries(all).filter(([name]) => wanted.test(name)));
  });
  after(async () => {
    for (const close of closing) await close();
  });

  /** Its settings and its faults. */
  async function startOwnRedis(): Promise<[Record<string, string>, Record<string, Breaks>]> {
    if (options.redis === 'sentinel') {
      const group = await startSentinelGroup();
      closing.unshift(() => group.stop());
      redisUrl = () => group.primaryUrl();
      return [group.environment, failoverFaults(group)];
    }
    const redis = await startPersistentRedis(directory);
    closing.unshift(() => redis.stop());
    redisUrl = () => Promise.resolve(redis.url);
    return [{ REDIS_URL: redis.url }, redis.faults];
  }

  /** Repeats a command until the bot accepts it, as people do when it says that Redis is down or does not answer. */
  async function command(text: string, accepted: RegExp): Promise<void> {
    await waitFor(
      `/vcdemo ${text} to be accepted`,
      async () => {
        const answer = await stack.type(stack.slack.alice, text).catch(() => undefined);
        if (answer?.status !== 200) return false;
        const said = textOf({ text: '', ...answer.body });
        // A question is answered by the worker alone.
        return said === '' || accepted.test(said);
      },
      { withinMs: 2 * minute, everyMs: second },
    );
  }

  /** Confirms a deletion until it is under way: it is refused, with the reason, while the bot has no Redis. */
  async function confirmDeletion(demo: string): Promise<void> {
    const begun = () =>
      Promise.resolve(shown(demo, /Deleting demo .*\d+ of \d+ steps|deleted; nothing is left/).length > 0);
    await waitFor(
      `the deletion of ${demo} to begin`,
      async () => {
        await stack.press(stack.slack.alice, 'confirmed:0', `delete ${demo}`).catch(() => undefined);
        return await waitFor('its progress', begun, { withinMs: 10 * second }).catch(() => false);
      },
      { withinMs: 3 * minute, everyMs: second },
    );
  }

  /** Waits for what a command leads to; if Redis has lost the command, it is given again once, as the bot asks. */
  async function outcomeOf<Outcome>(
    [name, demo, accepted]: [name: string, demo: string, accepted: RegExp],
    awaited: string,
    outcome: () => Outcome,
    withinMs: number,
  ): Promise<void> {
    let isRepeated = false;
    await waitFor(
      awaited,
      async () => {
        if (!isRepeated && shown(`${name}-${demo}-\\w+`, /has lost your command/).length > 0) {
          isRepeated = true;
          await command(`${name} ${demo}`, accepted);
        }
        return outcome();
      },
      { withinMs, seen: () => stack.slack.timeline.entries.slice(-3).map(textOf) },
    );
  }

  async function ready(demo: string): Promise<void> {
    const isReady = () => shown(demo, new RegExp(`Demo \\*${demo}\\* of .* is ready`)).length > 0;
    await outcomeOf(['create', demo, /Creating demo/], `${demo} to be ready`, isReady, 6 * minute);
  }

  async function expire(demo: string): Promise<void> {
    await endLife(cluster, demo);
    await worker.replace('SIGTERM'); // it looks for expired demos when it starts
  }

  /** Breaks something at a random moment of what takes that long. */
  async function disturb(test: TestContext, during: string, takesMs: number): Promise<void> {
    const name = pick(Object.keys(faults));
    const ms = pick([1, 4, 9, 14, 20]) * second;
    const afterMs = random(takesMs);
    test.diagnostic(`during ${during}: after ${afterMs} ms, ${name} (${ms / second} s)`);
    await sleep(afterMs); // the moment itself is under test
    await faults[name]!(ms);
  }

  /** What people in the channel see about a demo. */
  const shown = (demo: string, pattern: RegExp) =>
    stack.slack.timeline.entries
      .map(textOf)
      .filter((text) => new RegExp(`\\b${demo}\\b`).test(text) && pattern.test(text));
  const isShownOnce = (demo: string, pattern: RegExp, what: string) =>
    assert.equal(shown(demo, pattern).length, 1, `${what}, once: ${shown(demo, pattern).join('\n---\n')}`);

  for (let round = 1; round <= rounds; round++)
    it(`round ${round} ends as requested, is reported once, and leaves nothing and no secret behind`, async (test) => {
      const demo = `chaos${options.seed}-${round}`;
      if (options.components !== undefined)
        await execa(options.components, ['hosts', ...['vc1', 'vc2'].map((name) => `${demo}-${name}.lab.test`)]);

      await command(`create ${demo}`, /Creating demo/);
      await disturb(test, 'create', lasts.create);
      await ready(demo);
      assert.equal((await findDemo(cluster, demo))?.state, 'ready');

      await command(`verify ${demo}`, /Verifying/);
      await disturb(test, 'verify', lasts.verify);
      const answer = () =>
        shown(demo, /requests from sleep|no request could be sent/)[0] ?? toldAbout(`verify ${demo}`);
      await outcomeOf(['verify', demo, /Verifying/], 'an answer to verify', answer, 3 * minute);

      const expires = pick([true, false]);
      await (expires ? expire(demo) : confirmDeletion(demo));
      await disturb(test, expires ? 'expire' : 'delete', lasts.removal);
      await stack.message(new RegExp(`Demo \\*${demo}\\* .*deleted; nothing is left`), 6 * minute);

      await waitFor('the end of its record', async () => !(await hasRecord(cluster, demo)), { withinMs: minute });
      for (const { namespace } of placesOf(demo))
        assert.equal(await read(cluster, ref('v1', 'Namespace', namespace)), undefined);
      isShownOnce(demo, /is ready.* after /s, 'that it is ready');
      isShownOnce(demo, /deleted; nothing is left/, 'that it was deleted');
      assert.deepEqual(shown(demo, /:x: .*(Creating|[Dd]eleti)/), [], 'nothing is shown as failed');
      await assertNoSecret();
    });

  /** The answer to a question that failed, which only names it. */
  const toldAbout = (question: string) =>
    stack.slack.timeline.entries.map(textOf).find((text) => text.includes(`\`${question}\` failed`));

  /** Neither in the logs nor in Redis. */
  async function assertNoSecret(): Promise<void> {
    const secret = /BEGIN [A-Z ]*PRIVATE KEY|client-key-data|eyJhbGciOi/;
    assert.doesNotMatch(await readFile(join(directory, 'log'), 'utf8'), secret);
    const connection = new Redis(await redisUrl());
    try {
      for (const key of await connection.keys('*')) {
        const dump = await connection.dumpBuffer(key);
        assert.doesNotMatch(dump?.toString('latin1') ?? '', secret, key);
      }
    } finally {
      connection.disconnect();
    }
  }
});
