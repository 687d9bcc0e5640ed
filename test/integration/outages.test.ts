import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { simulatedHost } from '../support/host.js';
import { startStack, textOf } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';

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
        const cards = async () =>
          (await stack.slack.messages(stack.slack.channel)).map(({ blocks }) => JSON.stringify(blocks));
        await stack.type(stack.slack.alice, 'create away');
        const inPlan = new RegExp(`"title":"${step}[^"]*","status":"(in_progress|complete)"`);
        await waitFor('the step', async () => (await cards()).some((card) => inPlan.test(card)), { withinMs: minute });
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
});
