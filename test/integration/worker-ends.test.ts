import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { simulatedHost, type SimulatedHost } from '../support/host.js';
import { startStack, textOf, type RunningProcess, type Stack } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';

/* A worker that ends at a bad moment: another one continues, and people see everything once. Processes of dist/. */

let host: SimulatedHost;
let stack: Stack;
const workers: RunningProcess[] = [];

before(async () => {
  host = await simulatedHost(undefined);
  stack = await startStack(host.environment, { notice: host.notice });
});
after(async () => {
  await stack.close();
  await host.close();
});
afterEach(() => Promise.all(workers.splice(0).map((worker) => worker.kill('SIGTERM'))));

interface Line {
  msg: string;
  job?: string;
  demo?: string;
  step?: string;
}

/** A worker, and a wait for a line of its log. */
async function startWorker() {
  const lines: Line[] = [];
  const worker = await stack.startWorker({}, (line) => void lines.push(JSON.parse(line) as Line));
  workers.push(worker);
  const said = (what: string, isMeant: (line: Line) => boolean) =>
    waitFor(what, () => Promise.resolve(lines.some(isMeant)), { withinMs: 90_000, everyMs: 20 });
  return { ...worker, lines, said };
}

const cardsAbout = async (demo: string) =>
  (await stack.slack.messages(stack.slack.channel)).map(textOf).filter((text) => text.includes(`*${demo}*`));
const filesOf = async (demo: string) =>
  (await stack.slack.files(stack.slack.channel)).filter(({ name }) => name.startsWith(demo));

test('a worker that is asked several times to stop hands its job back all the same', { timeout: 180_000 }, async () => {
  const first = await startWorker();
  await stack.type(stack.slack.alice, 'create twice');
  await first.said('a step', ({ step, msg }) => step === 'meshRoot' && msg === 'step done');
  process.kill(first.pid, 'SIGTERM');
  await first.said('that it is stopping', ({ msg }) => msg === 'worker is stopping');
  process.kill(first.pid, 'SIGINT');
  await first.kill('SIGTERM');
  assert.ok(first.lines.some(({ msg }) => msg === 'job handed back to its queue'));
  await startWorker();
  await stack.message(/Demo \*twice\* of .* is ready/, 90_000);
});

describe('people see everything once if a worker is killed', () => {
  const moments: Record<string, (worker: Awaited<ReturnType<typeof startWorker>>) => Promise<() => void>> = {
    'after it has marked the demo as ready': async ({ said }) => {
      await said('the step', ({ step, msg }) => step === 'ready' && msg === 'step done');
      return () => undefined;
    },
    'while it sends the kubeconfig': async () => await heldCall('files.completeUploadExternal'),
    'while it edits the card for the last time': async ({ said }) => {
      await said('the delivery', ({ step, msg }) => step === 'delivery' && msg === 'step done');
      return () => undefined;
    },
  };

  /** Resolves when Slack has carried out the call, but not yet answered it. */
  async function heldCall(method: string): Promise<() => void> {
    const { slack } = stack;
    const before = slack.calls.length;
    const release = slack.hold(method);
    await waitFor(method, async () => slack.calls.slice(before).some((call) => call.method === method), {
      withinMs: 90_000,
      everyMs: 20,
    });
    return release;
  }

  Object.entries(moments).forEach(([moment, reached], index) =>
    test(moment, { timeout: 240_000 }, async () => {
      const demo = `killed-${index}`;
      const first = await startWorker();
      await stack.type(stack.slack.alice, `create ${demo}`);
      const release = await reached(first);
      await first.kill('SIGKILL');
      release();
      const second = await startWorker();
      await second.said('the end', ({ msg, job, demo: of }) => msg === 'job done' && job === 'create' && of === demo);
      const cards = await cardsAbout(demo);
      assert.equal(cards.length, 1, cards.join('\n---\n'));
      assert.match(cards[0]!, /is ready/);
      assert.equal((await filesOf(demo)).length, 1);
    }),
  );

  test('while it deletes the files of a demo that is deleted', { timeout: 240_000 }, async () => {
    const demo = 'killed-last';
    const first = await startWorker();
    await stack.type(stack.slack.alice, `create ${demo}`);
    await first.said('the end', ({ msg, demo: of }) => msg === 'job done' && of === demo);
    const held = heldCall('files.delete');
    await stack.confirm(stack.slack.alice, `delete ${demo}`);
    const release = await held;
    await first.kill('SIGKILL');
    release();
    await startWorker();
    await stack.message(new RegExp(`Demo \\*${demo}\\* has been deleted; nothing is left`), 90_000);
    assert.equal((await cardsAbout(demo)).length, 1);
    assert.deepEqual(await filesOf(demo), []);
  });
});
