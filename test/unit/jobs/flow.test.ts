import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDemoConfig } from '../../../src/config.js';
import { UserError } from '../../../src/errors.js';
import { mrkdwn } from '../../../src/mrkdwn.js';
import { ApiError, UnreachableError } from '../../../src/k8s/client/api-errors.js';
import { holds, lacks } from '../../../src/k8s/check.js';
import { Flow, FlowError, inspectFlow, runFlow, type Task, type Work } from '../../../src/jobs/flow.js';
import { mermaidOf } from '../../../src/jobs/flow-diagram.js';
import { workingCard } from '../../../src/jobs/slack/card/working-card.js';
import { createFlow } from '../../../src/jobs/commands/create/flow.js';

/** A cluster of facts; a step holds when its fact is true. */
class World {
  readonly facts = new Set<string>();
  readonly log: string[] = [];

  /** `of` names the fact, on a cluster with its name. */
  step(name: string, { fails, seen = 'not there' }: { fails?: Error; seen?: string } = {}): Work<string> {
    const fact = (where: string) => (where ? `${name}/${where}` : name);
    return {
      check: async (where) => (this.facts.has(fact(where)) ? holds : lacks(seen)),
      apply: async (where) => {
        this.log.push(fact(where));
        if (fails) throw fails;
        this.facts.add(fact(where));
      },
    };
  }
}

function runOf(overrides: { signal?: AbortSignal; onChange?: (tasks: readonly Task[]) => void } = {}) {
  return {
    config: readDemoConfig(undefined),
    context: '',
    contextOf: (cluster: string) => cluster,
    clusters: ['vc1', 'vc2'] as const,
    signal: new AbortController().signal,
    onChange: () => undefined,
    ...overrides,
  };
}

const row = { within: 2_000, says: 'Doing' };

describe('the clock of a step', () => {
  /** How often a step that always meets this error is tried. */
  const triesWith = async (error: Error) => {
    let tries = 0;
    const check = () => (tries++, Promise.reject(error));
    const flow = Flow.of<string, string>().step('make', {
      ...{ on: 'once', after: [], within: 700, says: 'Making', work: { check } },
    });
    await assert.rejects(runFlow(flow, runOf()), FlowError);
    return tries;
  };

  it('goes on while a webhook does not answer, and stops while the API is away', async () => {
    const webhook = 'host: Internal error occurred: failed calling webhook "x": context deadline exceeded';
    const [ofWebhook, ofApi] = await Promise.all([
      triesWith(new ApiError('host', 500, 'InternalError', webhook)),
      triesWith(new ApiError('host', 500, 'InternalError', 'host: etcdserver: leader changed')),
    ]);
    assert.ok(ofWebhook <= 3 && ofApi > 6, `${ofWebhook} and ${ofApi} tries`);
  });
});

it('asks an API that has too many requests again when it allows that', async () => {
  const tries: number[] = [];
  const busy = new ApiError('host', 429, 'TooManyRequests', 'host: too many requests', { retryAfterMs: 800 });
  const check = () => (tries.push(performance.now()) > 1 ? Promise.resolve(holds) : Promise.reject(busy));
  await runFlow(Flow.of<string, string>().step('make', { ...row, on: 'once', after: [], work: { check } }), runOf());
  assert.ok(tries[1]! - tries[0]! >= 790, `${tries[1]! - tries[0]!} ms`);
});

describe('a flow', () => {
  it('runs each step after those it names, and on both clusters', async () => {
    const world = new World();
    const flow = Flow.of<string, string>()
      .step('root', { on: 'once', after: [], work: world.step('root'), ...row })
      .step('leaf', { on: 'each', after: ['root'], work: world.step('leaf'), ...row })
      .step('end', { on: 'once', after: ['leaf'], work: world.step('end'), ...row });
    const tasks = await runFlow(flow, runOf());
    assert.deepEqual(world.log, ['root', 'leaf/vc1', 'leaf/vc2', 'end']);
    assert.deepEqual(new Set(tasks.map(({ state }) => state)), new Set(['done']));
  });

  it('applies nothing when it is run again', async () => {
    const world = new World();
    const flow = Flow.of<string, string>().step('one', { on: 'each', after: [], work: world.step('one'), ...row });
    await runFlow(flow, runOf());
    world.log.length = 0;
    const tasks = await runFlow(flow, runOf());
    assert.deepEqual(world.log, []);
    assert.ok(tasks.every(({ found }) => found));
  });

  it('makes a step on one cluster wait only for that cluster', async () => {
    const world = new World();
    const flow = Flow.of<string, string>()
      .step('cluster', {
        on: 'each',
        after: [],
        work: {
          check: async (where) => (world.facts.has(`cluster/${where}`) ? holds : lacks('starting')),
          apply: async (where) => {
            if (where === 'vc2') throw new Error('broken');
            world.facts.add(`cluster/${where}`);
          },
        },
        ...row,
      })
      .step('inside', { on: 'each', after: ['cluster'], work: world.step('inside'), ...row });
    await assert.rejects(runFlow(flow, runOf()), FlowError);
    assert.deepEqual(world.log, ['inside/vc1']);
  });

  it('names the step and cluster of a failure, skips what depends on it, and finishes the rest', async () => {
    const world = new World();
    const fails = new UserError('full', 'no room', { hint: 'make room' });
    const flow = Flow.of<string, string>()
      .step('bad', { on: 'once', after: [], work: world.step('bad', { fails }), ...row, says: 'Breaking' })
      .step('skipped', { on: 'once', after: ['bad'], work: world.step('skipped'), ...row })
      .step('other', { on: 'each', after: [], work: world.step('other'), ...row });
    let last: readonly Task[] = [];
    await assert.rejects(runFlow(flow, runOf({ onChange: (tasks) => (last = tasks) })), (error: FlowError) => {
      assert.equal(error.message, 'Breaking: no room');
      assert.equal(error.hint, 'make room');
      return true;
    });
    assert.deepEqual(world.log.toSorted(), ['bad', 'other/vc1', 'other/vc2']);
    assert.equal(last.find(({ step }) => step === 'skipped')?.state, 'skipped');
  });

  it('nudges after it has acted, and again while the result does not come', async () => {
    const log: string[] = [];
    const work: Work<string> = {
      check: async () => (log.length === 3 ? holds : lacks('pod x is Pending')),
      apply: async () => void log.push('act'),
      nudge: async () => void log.push('nudge'),
    };
    const flow = Flow.of<string, string>().step('wait', {
      on: 'once',
      after: [],
      work,
      says: 'Waiting',
      within: 60_000,
    });
    const run = runOf();
    await runFlow(flow, { ...run, config: { ...run.config, stepDeadlineFactor: 0.02 } });
    assert.deepEqual(log, ['act', 'nudge', 'nudge']);
  });

  it('reports after the deadline what was last seen and what to do about it', async () => {
    const pending = {
      check: async () => lacks('pod vc1-0 cannot be scheduled: Insufficient cpu'),
      apply: async () => undefined,
    };
    const flow = Flow.of<string, string>().step('wait', {
      on: 'once',
      after: [],
      work: pending,
      says: 'Waiting',
      within: 400,
    });
    await assert.rejects(runFlow(flow, runOf()), (error: FlowError) => {
      assert.match(error.message, /^Waiting: pod vc1-0 cannot be scheduled: Insufficient cpu/);
      assert.match(error.hint!, /host cluster is full/);
      return true;
    });
  });

  it('waits out an API that does not answer for a moment', async () => {
    let looks = 0;
    const work: Work<string> = {
      check: async () => {
        if (looks++ === 0) throw new UnreachableError('vc1', 'host', 'ECONNREFUSED', {});
        return holds;
      },
    };
    const flow = Flow.of<string, string>().step('api', { on: 'once', after: [], work, ...row });
    const [task] = await runFlow(flow, runOf());
    assert.equal(task!.state, 'done');
  });

  it('stops at once when it is aborted, and fails with the reason', async () => {
    const stop = new AbortController();
    const never = { check: async () => lacks('nothing') };
    const flow = Flow.of<string, string>()
      .step('never', { on: 'once', after: [], work: never, ...row, within: 60_000 })
      .step('next', { on: 'once', after: ['never'], work: never, ...row });
    const onChange = (tasks: readonly Task[]) => tasks[0]!.seen && stop.abort(new Error('the worker is stopping'));
    await assert.rejects(runFlow(flow, runOf({ signal: stop.signal, onChange })), /the worker is stopping/);
  });

  it('leaves out a step whose condition is false, and continues with what follows it', async () => {
    const world = new World();
    const flow = Flow.of<string, string>()
      .step('maybe', { on: 'each', after: [], work: world.step('maybe'), ...row, when: () => false })
      .step('after', { on: 'once', after: ['maybe'], work: world.step('after'), ...row });
    await runFlow(flow, runOf());
    assert.deepEqual(world.log, ['after']);
  });

  it('applies nothing when it is only inspected', async () => {
    const world = new World();
    world.facts.add('there');
    const flow = Flow.of<string, string>()
      .step('there', { on: 'once', after: [], work: world.step('there'), ...row })
      .step('gone', { on: 'once', after: ['there'], work: world.step('gone', { seen: 'it is gone' }), ...row })
      .step('behind', { on: 'once', after: ['gone'], work: world.step('behind'), ...row });
    const tasks = await inspectFlow(flow, runOf());
    assert.deepEqual(
      tasks.map(({ state }) => state),
      ['done', 'failed', 'skipped'],
    );
    assert.match(String(tasks[1]!.error), /it is gone/);
    assert.deepEqual(world.log, []);
  });

  it('does not compile if a step names one that is not above it', () => {
    const work = { check: async () => holds };
    // @ts-expect-error no step has that name
    Flow.of<string, string>().step('first', { on: 'once', after: ['misspelt'], work, ...row });
  });
});

describe('a step after all', () => {
  it('waits for every step above, even one for which no other step waits', async () => {
    const world = new World();
    let open = () => undefined as void;
    const opened = new Promise<void>((resolve) => (open = resolve));
    const slow: Work<string> = {
      check: async () => (world.facts.has('slow') ? holds : lacks('not there')),
      apply: async () => {
        await opened;
        world.log.push('slow');
        world.facts.add('slow');
      },
    };
    const quick = world.step('quick');
    const flow = Flow.of<string, string>()
      .step('slow', { on: 'once', after: [], work: slow, ...row })
      .step('quick', {
        on: 'once',
        after: [],
        work: { ...quick, apply: async (where) => quick.apply!(where).then(open) },
        ...row,
      })
      .step('last', { on: 'once', after: 'all', work: world.step('last'), ...row });
    await runFlow(flow, runOf());
    assert.deepEqual(world.log, ['quick', 'slow', 'last']);
  });

  it('has arrows in the diagram only from steps that no other step follows', () => {
    const world = new World();
    const flow = Flow.of<string, string>()
      .step('a', { on: 'once', after: [], work: world.step('a'), ...row })
      .step('b', { on: 'once', after: ['a'], work: world.step('b'), ...row })
      .step('c', { on: 'once', after: ['b'], work: world.step('c'), ...row })
      .step('d', { on: 'each', after: ['a'], work: world.step('d'), ...row })
      .step('end', { on: 'once', after: 'all', work: world.step('end'), ...row });
    const arrows = mermaidOf(flow).match(/\w+ --> \w+/g);
    assert.deepEqual(arrows, ['a --> b', 'b --> c', 'a --> d', 'c --> end', 'd --> end']);
  });
});

describe('a step that is optional', () => {
  const flowWith = (world: World, optional: boolean) =>
    Flow.of<string, string>()
      .step('extra', { on: 'once', after: [], work: world.step('extra', { fails: new Error('no') }), optional, ...row })
      .step('rest', { on: 'once', after: ['extra'], work: world.step('rest'), ...row });

  it('fails alone, and says why', async () => {
    const world = new World();
    const [extra, rest] = await runFlow(flowWith(world, true), runOf());
    assert.deepEqual([extra!.state, (extra!.error as Error).message, rest!.state], ['failed', 'no', 'done']);
    const now = new Date();
    const { blocks } = workingCard({ title: mrkdwn`x`, tasks: [extra!, rest!], since: now, now, jobId: 'j' });
    assert.match(JSON.stringify(blocks), /"task_id":"extra".*"status":"complete".*not done: no/);
  });

  it('fails the flow if it is not optional', async () => {
    const world = new World();
    await assert.rejects(runFlow(flowWith(world, false), runOf()), FlowError);
    assert.deepEqual(world.log, ['extra']);
  });
});

describe('the flow of create', () => {
  it('marks the demo as ready after every other step except the delivery', () => {
    const names = createFlow.steps.map(({ name }) => name);
    const ready = createFlow.steps.find(({ name }) => name === 'ready')!;
    assert.deepEqual([...ready.after, 'ready', 'delivery'], names);
  });

  it('has a deadline and a text for each step', () => {
    for (const { name, within, says } of createFlow.steps) {
      assert.ok(within >= 30_000, name);
      assert.match(says, /^[A-Z].{8,60}[^.]$/, name);
    }
  });
});
