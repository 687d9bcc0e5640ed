import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { realHost } from '../../sandbox/real-host.js';
import { readDemoConfig } from '../../src/config.js';
import { createFlow } from '../../src/jobs/commands/create/flow.js';
import { deleteFlow } from '../../src/jobs/commands/delete/flow.js';
import type { Host, SimulatedHost } from '../support/host.js';
import { simulatedHost } from '../support/host.js';
import { startStack, textOf, type Stack } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';
import { componentFaults, simulatedFaults, type Breaks } from './faults.js';

/*
 * npm run test:api-down -- --seconds 5,14,60 --steps istiod,release: the host cluster's API is down when a step of create or
 * delete begins, for each of these times; without --steps, in each step. The other options are those of chaos.test.ts.
 */

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5,14,60' },
    steps: { type: 'string' },
    kubeconfig: { type: 'string' },
    config: { type: 'string' },
    components: { type: 'string' },
  },
});
const minute = 60_000;
const wanted = options.steps?.split(',');
const config = readDemoConfig(options.config);
const cases = [createFlow, deleteFlow].flatMap((flow) => {
  const steps = flow.steps.filter(({ when }) => when?.(config) ?? true);
  const names = new Set(steps.map(({ name }) => name));
  return steps
    .filter(({ name }) => wanted?.includes(name) ?? true)
    .flatMap(({ name, says, after }) =>
      options.seconds.split(',').map((seconds) => ({
        ...{ name, says, seconds, creates: flow === createFlow },
        after: after.filter((each) => names.has(each)),
      })),
    );
});

describe('the host cluster’s API is down', () => {
  let host: Host;
  let stack: Stack;
  let breakApi: Breaks;
  let onLine: (line: string) => void = () => undefined;

  before(async () => {
    if (options.kubeconfig === undefined) {
      const simulated: SimulatedHost = await simulatedHost(undefined);
      [host, breakApi] = [simulated, simulatedFaults(simulated)["the host cluster's API is away"]!];
    } else {
      host = await realHost({ kubeconfig: options.kubeconfig, config: options.config! });
      breakApi = componentFaults(options.components!)['apiserver is away']!;
    }
    stack = await startStack(host.environment, { notice: host.notice });
    await stack.startWorker({}, (line) => onLine(line));
  });
  after(async () => {
    await stack?.close();
    await host?.close();
  });

  /** Resolves when the job of a demo has started and done these steps. */
  async function whenDone(demo: string, job: string, steps: readonly string[]): Promise<void> {
    const missing = new Set(['its start', ...steps]);
    onLine = (line) => {
      const { demo: of, job: name, step, msg } = JSON.parse(line) as Record<string, string | undefined>;
      if (of !== demo || name !== job) return;
      if (msg === 'job started') missing.delete('its start');
      if (step !== undefined && msg === 'step done') missing.delete(step);
    };
    const seen = () => [...missing];
    await waitFor(`${job} of ${demo}`, async () => missing.size === 0, { withinMs: 5 * minute, everyMs: 5, seen });
  }

  const create = async (demo: string) => void (await stack.type(stack.slack.alice, `create ${demo}`));
  const remove = async (demo: string) => void (await stack.press(stack.slack.alice, 'confirmed:0', `delete ${demo}`));
  const isReady = (demo: string) => stack.message(new RegExp(`Demo \\*${demo}\\* of .* is ready`), 5 * minute);
  const isDeleted = (demo: string) => stack.message(new RegExp(`Demo \\*${demo}\\* .*deleted`), 5 * minute);

  for (const [index, { name, says, after, seconds, creates }] of cases.entries())
    it(`for ${seconds} s at "${says}", and the ${creates ? 'create' : 'deletion'} ends and is reported once`, async () => {
      const demo = `down-${index}`;
      if (options.components !== undefined)
        await execa(options.components, ['hosts', ...['vc1', 'vc2'].map((each) => `${demo}-${each}.lab.test`)]);
      if (!creates) {
        await create(demo);
        await isReady(demo);
      }
      const reached = whenDone(demo, creates ? 'create' : 'delete', after);
      await (creates ? create(demo) : remove(demo));
      await reached;
      await breakApi(Number(seconds) * 1000);
      await (creates ? isReady(demo) : isDeleted(demo));
      if (creates) {
        await remove(demo);
        await isDeleted(demo);
      }
      const texts = stack.slack.timeline.entries.map(textOf).filter((text) => text.includes(`*${demo}*`));
      for (const end of [/ of .* is ready/, / deleted; nothing is left/])
        assert.equal(texts.filter((text) => end.test(text)).length, 1, `${name}: ${texts.join('\n---\n')}`);
      assert.deepEqual(
        texts.filter((text) => /:x: .*(Creating|[Dd]eleti)/.test(text)),
        [],
      );
    });
});
