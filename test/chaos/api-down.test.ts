import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { realHost } from '../../sandbox/real-host.js';
import { readDemoConfig } from '../../src/config.js';
import { createFlow } from '../../src/jobs/commands/create/flow.js';
import { deleteFlow } from '../../src/jobs/commands/delete/flow.js';
import { revokeFlow } from '../../src/jobs/commands/revoke/flow.js';
import type { Host, SimulatedHost } from '../support/host.js';
import { simulatedHost } from '../support/host.js';
import { startStack, textOf, type Stack } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';
import { componentFaults, simulatedFaults, type Breaks } from './faults.js';

/*
 * npm run test:api-down -- --seconds 5,14,60 --steps istiod,release: the host cluster's API goes away for so long whenever one
 * of these steps of create, revoke or delete begins; without --steps, when any step does. Steps that begin at the same moment, or
 * during an outage, share it; those that begin while the API returns are left for another demo. The other options are those
 * of chaos.test.ts.
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
const flows = { create: createFlow, revoke: revokeFlow, delete: deleteFlow };
const cases = Object.entries(flows).flatMap(([job, flow]) => {
  const steps = flow.steps.filter(({ when }) => when?.(config) ?? true);
  const names = new Set(steps.map(({ name }) => name));
  const targets: Target[] = steps
    .filter(({ name }) => wanted?.includes(name) ?? true)
    .map(({ name, after }) => ({ name, after: after.filter((each) => names.has(each)) }));
  if (targets.length === 0) return [];
  return options.seconds.split(',').map((seconds) => ({ seconds, targets, job }));
});

/** A step, and those after which it begins. */
interface Target {
  name: string;
  after: readonly string[];
}

const namesOf = (targets: readonly Target[]) => targets.map(({ name }) => name).join(', ');

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

  /** Takes the API away whenever one of the steps begins, and returns the steps that began while it returned. */
  async function breakAtEach(targets: readonly Target[], demo: string, job: string, ms: number, test: TestContext) {
    const doneAt = new Map<string, number>();
    const start = 'its start';
    onLine = (line) => {
      const { demo: of, job: name, step, msg } = JSON.parse(line) as Record<string, string | undefined>;
      if (of !== demo || name !== job) return;
      const done = msg === 'job started' ? start : msg === 'step done' ? step : undefined;
      if (done !== undefined && !doneAt.has(done)) doneAt.set(done, Date.now());
    };
    const begunBy = (time: number) => (target: Target) =>
      [start, ...target.after].every((step) => (doneAt.get(step) ?? Infinity) <= time);
    const missed: Target[] = [];
    for (let left = targets; left.length > 0; left = left.filter((target) => !begunBy(Date.now())(target))) {
      const seen = () => `${namesOf(left)} did not begin; done: ${[...doneAt.keys()].join(', ')}`;
      const anyBegun = async () => left.some(begunBy(Date.now()));
      await waitFor(`${job} of ${demo}`, anyBegun, { withinMs: 5 * minute, everyMs: 5, seen });
      const returns = Date.now() + ms;
      await breakApi(ms);
      test.diagnostic(`the API was away for ${ms / 1000} s at ${namesOf(left.filter(begunBy(returns)))}`);
      const isMissed = (target: Target) => begunBy(Date.now())(target) && !begunBy(returns)(target);
      missed.push(...left.filter(isMissed));
    }
    return missed;
  }

  const create = async (demo: string) => void (await stack.type(stack.slack.alice, `create ${demo}`));
  const remove = async (demo: string) => void (await stack.press(stack.slack.alice, 'confirmed:0', `delete ${demo}`));
  const isReady = (demo: string) => stack.message(new RegExp(`Demo \\*${demo}\\* of .* is ready`), 5 * minute);
  const revoke = async (demo: string) => void (await stack.confirm(stack.slack.alice, `revoke ${demo}`));
  const hasNewKeys = (demo: string) => stack.reply(new RegExp(`Demo \\*${demo}\\* has new keys`), 5 * minute);
  const isDeleted = (demo: string) => stack.message(new RegExp(`Demo \\*${demo}\\* .*deleted`), 5 * minute);

  for (const { seconds, targets, job } of cases)
    it(`for ${seconds} s in ${job}, which ends and is reported once`, async (test) => {
      for (let left = targets, round = 1; left.length > 0; round++) {
        const demo = `down-${seconds}-${job}-${round}`;
        const breaksIn = (each: string) =>
          each === job ? breakAtEach(left, demo, job, Number(seconds) * 1000, test) : [];
        if (options.components !== undefined)
          await execa(options.components, ['hosts', ...['vc1', 'vc2'].map((each) => `${demo}-${each}.lab.test`)]);
        const [, ofCreate] = await Promise.all([create(demo), breaksIn('create')]);
        await isReady(demo);
        const [, ofRevoke] = await Promise.all([job === 'revoke' && revoke(demo), breaksIn('revoke')]);
        if (job === 'revoke') await hasNewKeys(demo);
        const [, ofDelete] = await Promise.all([remove(demo), breaksIn('delete')]);
        await isDeleted(demo);
        const texts = stack.slack.timeline.entries.map(textOf).filter((text) => text.includes(`*${demo}*`));
        const ends = [/ of .* is ready/, / deleted; nothing is left/, ...(job === 'revoke' ? [/ has new keys/] : [])];
        for (const end of ends) assert.equal(texts.filter((text) => end.test(text)).length, 1, texts.join('\n---\n'));
        assert.deepEqual(
          texts.filter((text) => /:x: .*(Creating|Replacing|[Dd]eleti)/.test(text)),
          [],
        );
        left = [...ofCreate, ...ofRevoke, ...ofDelete];
      }
    });
});
