import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
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
 * npm run test:api-down -- --seconds 5,14,60 --steps istiod,release: one demo is created, and deleted, for each of these times.
 * The host cluster's API goes away for so long whenever one of these steps begins; without --steps, when any step does. Steps
 * that begin at the same moment, or during an outage, share it. The other options are those of chaos.test.ts.
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
  const targets: Target[] = steps
    .filter(({ name }) => wanted?.includes(name) ?? true)
    .map(({ name, after }) => ({ name, after: after.filter((each) => names.has(each)) }));
  if (targets.length === 0) return [];
  return options.seconds.split(',').map((seconds) => ({ seconds, targets, creates: flow === createFlow }));
});

/** A step, and those after which it begins. */
interface Target {
  name: string;
  after: readonly string[];
}

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

  /** Takes the API away as soon as any of the steps begins, until each of them has begun without it. */
  async function breakAtEach(targets: readonly Target[], demo: string, job: string, ms: number, test: TestContext) {
    const done = new Set<string>();
    let isStarted = false;
    onLine = (line) => {
      const { demo: of, job: name, step, msg } = JSON.parse(line) as Record<string, string | undefined>;
      if (of !== demo || name !== job) return;
      if (msg === 'job started') isStarted = true;
      if (step !== undefined && msg === 'step done') done.add(step);
    };
    const begun = ({ after }: Target) => isStarted && after.every((step) => done.has(step));
    for (let left = targets; left.length > 0; left = left.filter((target) => !begun(target))) {
      const seen = () => `waiting for ${left.map(({ name }) => name).join(', ')}; done: ${[...done].join(', ')}`;
      await waitFor(`${job} of ${demo}`, async () => left.some(begun), { withinMs: 5 * minute, everyMs: 5, seen });
      test.diagnostic(
        `the API goes away at ${left
          .filter(begun)
          .map(({ name }) => name)
          .join(', ')}`,
      );
      await breakApi(ms);
    }
  }

  const create = async (demo: string) => void (await stack.type(stack.slack.alice, `create ${demo}`));
  const remove = async (demo: string) => void (await stack.press(stack.slack.alice, 'confirmed:0', `delete ${demo}`));
  const isReady = (demo: string) => stack.message(new RegExp(`Demo \\*${demo}\\* of .* is ready`), 5 * minute);
  const isDeleted = (demo: string) => stack.message(new RegExp(`Demo \\*${demo}\\* .*deleted`), 5 * minute);

  for (const [index, { seconds, targets, creates }] of cases.entries())
    it(`for ${seconds} s in ${creates ? 'create' : 'delete'}, which ends and is reported once`, async (test) => {
      const demo = `down-${index}`;
      const breaks = (job: string) => breakAtEach(targets, demo, job, Number(seconds) * 1000, test);
      if (options.components !== undefined)
        await execa(options.components, ['hosts', ...['vc1', 'vc2'].map((each) => `${demo}-${each}.lab.test`)]);
      await Promise.all([create(demo), creates && breaks('create')]);
      await isReady(demo);
      await Promise.all([remove(demo), !creates && breaks('delete')]);
      await isDeleted(demo);
      const texts = stack.slack.timeline.entries.map(textOf).filter((text) => text.includes(`*${demo}*`));
      for (const end of [/ of .* is ready/, / deleted; nothing is left/])
        assert.equal(texts.filter((text) => end.test(text)).length, 1, texts.join('\n---\n'));
      assert.deepEqual(
        texts.filter((text) => /:x: .*(Creating|[Dd]eleti)/.test(text)),
        [],
      );
    });
});
