import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeExecutables } from '../support/executables.js';
import { simulatedHost } from '../support/host.js';
import { startStack, textOf } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';

/* The API of the simulated host cluster is down in the middle of a create, long enough for claims and steps to expire. */

const minute = 60_000;

describe('a create during which the host cluster’s API fails', { concurrency: true }, () => {
  for (const [seconds, step] of [
    [1, 'preflight'],
    [5, 'apiExposure'],
    [14, 'istiod'],
    [14, 'vcClient'],
    [60, 'helloworld'],
  ] as const)
    it(`for ${seconds} s after its step ${step} succeeds and is reported once`, async () => {
      const host = await simulatedHost(undefined);
      const stack = await startStack(host.environment, { notice: host.notice });
      try {
        let isDone = false;
        const worker = await stack.startWorker({}, (line) => {
          const { msg, step: done } = JSON.parse(line) as { msg: string; step?: string };
          isDone ||= msg === 'step done' && done === step;
        });
        await stack.type(stack.slack.alice, 'create away');
        await waitFor('the step', () => Promise.resolve(isDone), { withinMs: minute, everyMs: 20 });
        await host.cluster.inject('api-down');
        await sleep(seconds * 1000); // the length of the outage is under test
        await host.cluster.inject(undefined);
        await stack.message(/Demo \*away\* of .* is ready/, 2 * minute);
        const texts = stack.slack.timeline.entries.map(textOf);
        const shown = (await stack.slack.messages(stack.slack.channel)).map(textOf);
        assert.equal(shown.filter((text) => text.includes('is ready')).length, 1);
        assert.deepEqual(
          texts.filter((text) => /failed|interrupted/.test(text)),
          [],
        );
        await worker.kill('SIGTERM');
      } finally {
        await stack.close();
        await host.close();
      }
    });

  it('before it begins says what it waits for, and succeeds', async () => {
    const host = await simulatedHost(undefined);
    const stack = await startStack(host.environment, { notice: host.notice });
    try {
      const { alice, timeline } = stack.slack;
      await host.cluster.inject('api-down');
      const worker = await stack.startWorker();
      await stack.type(alice, 'create early');
      const waits = () => timeline.entries.map(textOf).filter((text) => text.includes('*early* has to wait'));
      await waitFor('word of the outage', () => Promise.resolve(waits().length > 0), {
        withinMs: minute,
        everyMs: 100,
      });
      assert.match(waits()[0]!, /the API of the host cluster at [\d.:]+ cannot be reached.* keeps trying for 2m/s);
      await host.cluster.inject(undefined);
      await stack.message(/Demo \*early\* of .* is ready/, 2 * minute);
      assert.equal(waits().length, 1);
      await worker.kill('SIGTERM');
    } finally {
      await stack.close();
      await host.close();
    }
  });

  it('in the middle of `helm uninstall`, which does not say so, does not end a deletion', async () => {
    const host = await simulatedHost(undefined);
    const stack = await startStack(host.environment);
    try {
      const worker = await stack.startWorker();
      await stack.type(stack.slack.alice, 'create cut');
      await stack.message(/Demo \*cut\* of .* is ready/, 2 * minute);
      host.cluster.loseAnswerTo(/^DELETE .*\/statefulsets\/vc1(\?|$)/);
      await stack.confirm(stack.slack.alice, 'delete cut', minute);
      await stack.message(/Demo \*cut\* has been deleted; nothing is left/, minute);
      await worker.kill('SIGTERM');
    } finally {
      await stack.close();
      await host.close();
    }
  });

  it('and refuses helm once when it starts again succeeds, and so does its deletion', async () => {
    const host = await simulatedHost(undefined);
    const tools = await makeExecutables();
    await tools.write('helm', refusingOnce);
    const stack = await startStack({ ...host.environment, PATH: `${tools.directory}:${host.environment.PATH}` });
    try {
      const worker = await stack.startWorker();
      await stack.type(stack.slack.alice, 'create refused');
      await stack.message(/Demo \*refused\* of .* is ready/, 2 * minute);
      await stack.confirm(stack.slack.alice, 'delete refused', minute);
      await stack.message(/Demo \*refused\* has been deleted; nothing is left/, minute);
      assert.deepEqual((await readdir(tools.directory)).sort(), [
        'helm',
        ...['uninstall-vc1', 'uninstall-vc2', 'upgrade-vc1', 'upgrade-vc2'],
      ]);
      await worker.kill('SIGTERM');
    } finally {
      await stack.close();
      await host.close();
      await tools.remove();
    }
  });
});

/** Refuses the first call of each command for each release; leaves the others to the next `helm` on the PATH. */
const refusingOnce = `
here=$(dirname "$0")
case "$1" in upgrade) seen="$here/upgrade-$3" ;; uninstall) seen="$here/uninstall-$2" ;; *) seen="$0" ;; esac
if [ ! -e "$seen" ]; then
  touch "$seen"
  echo 'Error: query: failed to query with labels: secrets is forbidden: User "worker" cannot list resource "secrets" in API group ""' >&2
  exit 1
fi
PATH="\${PATH#"$here":}" exec helm "$@"`;
