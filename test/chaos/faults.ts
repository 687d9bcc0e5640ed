import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import type { Fault } from '../../simulator/index.js';
import type { SimulatedHost } from '../support/host.js';
import { startRedis } from '../support/redis.js';
import type { SentinelGroup } from '../support/sentinels.js';
import type { LostAnswer } from '../support/slack.js';
import type { RunningProcess, Stack } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';

/** Stops something for that many milliseconds, and starts it again. */
export type Breaks = (ms: number) => Promise<void>;

type Faults = Record<string, Breaks>;

/** The worker of a stack, which is replaced when it is killed. */
export class Worker {
  private constructor(
    private readonly stack: Stack,
    private running: RunningProcess,
  ) {}

  static async start(stack: Stack): Promise<Worker> {
    return new Worker(stack, await stack.startWorker());
  }

  async replace(signal: NodeJS.Signals): Promise<void> {
    await this.running.kill(signal);
    this.running = await this.stack.startWorker();
  }
}

export const processFaults = (stack: Stack, worker: Worker): Faults => ({
  'the worker is killed': () => worker.replace('SIGKILL'),
  'the worker is stopped': () => worker.replace('SIGTERM'),
  'the bot is killed': () => stack.restartBot(),
});

/** A single Redis that keeps its data. */
export async function startPersistentRedis(directory: string) {
  const options = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', '', '--dir', directory];
  let redis = await startRedis({ options });
  const { url, port } = redis;
  const faults: Faults = {
    async 'Redis is killed'(ms) {
      await redis.stop();
      await sleep(ms);
      redis = await startRedis({ port, options });
    },
    async 'Redis hangs'(ms) {
      redis.freeze();
      await sleep(ms);
      redis.thaw();
    },
  };
  return { url, faults, stop: () => redis.stop() };
}

/** Of a primary whose place its replica takes. */
export const failoverFaults = (group: SentinelGroup): Faults => ({
  'Redis fails over': () => group.switchOver(),
  async 'Redis is killed'(ms) {
    await group.killPrimary();
    await sleep(ms);
    await group.revive();
  },
  async 'Redis hangs'(ms) {
    const { thaw } = await group.freezePrimary();
    await sleep(ms);
    thaw();
  },
});

/**
 * A post whose answer is lost is repeated once, and Slack shows both, so only the answers to edits are lost here; that of a
 * post is the subject of a test of its own.
 */
export function slackFaults({ slack }: Stack, pick: <Item>(items: readonly Item[]) => Item): Faults {
  const methods = ['chat.postMessage', 'chat.update', 'chat.postEphemeral'];
  const failing =
    (error: string): Breaks =>
    async (ms) => {
      for (const method of methods) slack.failCalls(method, error);
      await sleep(ms);
      for (const method of methods) slack.failCalls(method, undefined);
    };
  return {
    'Slack limits': failing('ratelimited'),
    'Slack fails': failing('internal_error'),
    async 'Slack is slow'(ms) {
      slack.setDelay(3_000);
      await sleep(ms);
      slack.setDelay(0);
    },
    async 'Slack is away'(ms) {
      slack.setOutage(pick<LostAnswer>(['cut', 'status', 'silence']));
      await sleep(ms);
      slack.setOutage(undefined);
    },
    async 'Slack edits messages and its answers are lost'(ms) {
      slack.loseAnswers('chat.update', ['silence', 'status', 'cut']);
      await sleep(ms);
      slack.loseAnswers('chat.update', []);
    },
  };
}

/** Of a simulated cluster. */
export function simulatedFaults({ cluster }: SimulatedHost): Faults {
  const injected =
    (fault: Fault): Breaks =>
    async (ms) => {
      await cluster.inject(fault);
      await sleep(ms);
      await cluster.inject(undefined);
    };
  return {
    "the host cluster's API is away": injected('api-down'),
    "the host cluster's API is slow": injected('slow'),
    'the kubelet starts no pods': injected('pods-pending'),
  };
}

/** Of a real cluster whose components a script can stop, and start again. */
export const componentFaults = (script: string): Faults =>
  Object.fromEntries(
    ['apiserver', 'kubelet'].map((component) => [
      `${component} is away`,
      async (ms: number) => {
        await execa(script, ['stop', component]);
        await sleep(ms);
        // After several outages, the cluster's own DNS may need longer than the script waits for it.
        const isUp = async () => (await execa(script, ['up'], { reject: false })).exitCode === 0;
        await waitFor(`${script} up`, isUp, { withinMs: 300_000, everyMs: 1000 });
      },
    ]),
  );
