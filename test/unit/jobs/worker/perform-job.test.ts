import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { describe, test } from 'node:test';
import { WaitingError, type Job } from 'bullmq';
import { readWorkerSettings } from '../../../../src/config.js';
import { signaturesFor } from '../../../../src/job-signature.js';
import type { Slack } from '../../../../src/jobs/slack/slack.js';
import { performJob, type Workshop } from '../../../../src/jobs/worker/perform-job.js';
import type { People } from '../../../../src/slack/people.js';
import { createLog } from '../../../../src/log.js';
import { createWorkerMetrics } from '../../../../src/metrics.js';
import { textOf } from '../../../support/stack.js';
import { jobKeys } from '../../../support/job-keys.js';

/* How a job ends when its requester is refused; needs no host cluster. */

const requester = { userId: 'U0ALICE', userName: 'alice', channelId: 'C0DEMOS' };
const away = () => Promise.reject(new Error('Slack did not answer'));
const slackThatIsAway = { post: away, whisper: away, shareFile: away, sendFile: away } as unknown as Slack;

/** Runs a read-only command of a guest, who is not allowed to; resolves with how the job ended and what was said. */
async function performRefused(
  whisper: Slack['whisper'],
  {
    draining = new AbortController(),
    lost = new AbortController(),
    standingOf = () => Promise.resolve('guest'),
    moveToWait = () => Promise.resolve(),
    ageMs = 0,
  }: {
    draining?: AbortController;
    lost?: AbortController;
    standingOf?: People['standingOf'];
    moveToWait?: () => Promise<void>;
    ageMs?: number;
  } = {},
) {
  const signed = { id: 'list-1', name: 'list', payload: { requester }, timestamp: Date.now() - ageMs };
  const signatures = signaturesFor(signed, jobKeys.JOB_SIGNING_KEY, [undefined]);
  let putBack = 0;
  const job = {
    ...{ id: signed.id, name: signed.name, timestamp: signed.timestamp, data: { ...signed.payload, signatures } },
    ...{ attemptsStarted: 1, stalledCounter: 0, queueName: 'verification' },
    moveToWait: async () => {
      await moveToWait();
      putBack++;
    },
  } as unknown as Job<unknown>;
  const workshop = {
    tools: {
      settings: readWorkerSettings({ ...jobKeys, SLACK_BOT_TOKEN: 'xoxb-1', REDIS_URL: 'redis://localhost:6379' }),
      slack: slackThatIsAway,
      people: { standingOf },
      metrics: createWorkerMetrics(),
    },
    patientSlack: () => ({ ...slackThatIsAway, whisper }),
    stopping: { draining: draining.signal, signal: new AbortController().signal },
    openQueue: () => ({ getJob: () => Promise.resolve(job), close: () => Promise.resolve() }),
    log: createLog('test', 'silent'),
  } as unknown as Workshop;
  const error: unknown = await performJob(job, 'token', lost.signal, workshop).catch((thrown: unknown) => thrown);
  return { error, putBack };
}

describe('the end of a command', () => {
  test('is reported by waiting while Slack is down', async () => {
    const said: string[] = [];
    const { error, putBack } = await performRefused(async (_, message) => void said.push(textOf(message)));
    assert.match(said.join(), /Guests of this workspace/);
    assert.match(String(error), /Guests of this workspace/);
    assert.equal(putBack, 0);
  });

  for (const [hours, what] of [
    [25, 'is told if no worker took it for more than a day'],
    [24 * 7 + 1, 'is not told after a week, when somebody may have put it back'],
  ] as const)
    test(what, async () => {
      const said: string[] = [];
      const ageMs = hours * 3_600_000;
      const { error } = await performRefused(async (_, message) => void said.push(textOf(message)), { ageMs });
      assert.match(String(error), /it is more than a (day|week) old/);
      assert.match(said.join(), hours === 25 ? /list.*No worker took this command.*send it again/s : /^$/);
    });

  for (const [what, ageMs] of [
    ['', 0],
    [', also if no worker took it for more than a day', 25 * 3_600_000],
  ] as const)
    test(`is left to the next worker by one that stops before Slack is back${what}`, async () => {
      const draining = new AbortController();
      const { error, putBack } = await performRefused(
        () => {
          draining.abort(new Error('the worker is stopping'));
          return away();
        },
        { draining, ageMs },
      );
      assert.ok(error instanceof WaitingError, String(error));
      assert.equal(putBack, 1);
    });

  test('is left to the next worker also if Redis is too full to put the job back: its lock will expire', async () => {
    const draining = new AbortController();
    const { error, putBack } = await performRefused(
      () => {
        draining.abort(new Error('the worker is stopping'));
        return away();
      },
      { draining, moveToWait: () => Promise.reject(new Error('OOM command not allowed')) },
    );
    assert.ok(error instanceof WaitingError, String(error));
    assert.equal(putBack, 0);
  });

  test('waits for a Slack that is down to say who asks', async () => {
    const said: string[] = [];
    const asked = new EventEmitter();
    const isAsked = once(asked, 'asked');
    const performed = performRefused(async (_, message) => void said.push(textOf(message)), {
      standingOf: async () => {
        asked.emit('asked');
        const [standing] = (await once(asked, 'back')) as ['guest'];
        return standing;
      },
    });
    await isAsked;
    assert.deepEqual(said, []);
    asked.emit('back', 'guest');
    await performed;
    assert.match(said.join(), /Guests of this workspace/);
  });

  test('is left to the next worker by one that stops before Slack can say who asks', async () => {
    const draining = new AbortController();
    const { error, putBack } = await performRefused(away, {
      draining,
      standingOf: () => {
        draining.abort(new Error('the worker is stopping'));
        return away();
      },
    });
    assert.ok(error instanceof WaitingError);
    assert.equal(putBack, 1);
  });

  test('is left to the worker that has taken over the job while Slack was down', async () => {
    const lost = new AbortController();
    const said: string[] = [];
    const { error } = await performRefused(async (_, message) => void said.push(textOf(message)), {
      lost,
      standingOf: async () => {
        lost.abort(new Error('the lock was lost'));
        return 'member';
      },
    });
    assert.match(String(error), /the lock was lost/);
    assert.deepEqual(said, []);
  });
});
