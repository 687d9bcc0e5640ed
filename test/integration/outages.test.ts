import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { simulatedHost } from '../support/host.js';
import { startStack, textOf } from '../support/stack.js';

/* The API of the simulated host cluster is down in the middle of a create, long enough for claims and steps to expire. */

const minute = 60_000;

describe('a create during which the host cluster’s API fails', { concurrency: true }, () => {
  for (const [seconds, step] of [
    [5, 'Starting the virtual cluster'],
    [14, 'Installing istiod'],
    [14, 'Marking the demo as ready'],
    [60, 'Joining the clusters into one mesh'],
  ] as const)
    it(`for ${seconds} s at "${step}" succeeds and is reported once`, async () => {
      const host = await simulatedHost(undefined);
      const stack = await startStack(host.environment, { notice: host.notice });
      try {
        const worker = await stack.startWorker();
        await stack.type(stack.slack.alice, 'create away');
        await stack.message(new RegExp(`:hourglass_flowing_sand: ${step}|:white_check_mark: ${step}`), minute);
        await host.cluster.inject('api-down');
        await sleep(seconds * 1000); // the length of the outage is under test
        await host.cluster.inject(undefined);
        await stack.message(/Demo \*away\* of .* is ready/, 2 * minute);
        await stack.message(/:white_check_mark: Creating demo \*away\*/, minute);
        const texts = stack.slack.timeline.entries.map(textOf);
        assert.equal(texts.filter((text) => text.includes('is ready')).length, 1);
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
});
