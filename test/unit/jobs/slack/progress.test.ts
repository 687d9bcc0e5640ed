import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebAPIHTTPError, WebAPIRequestError } from '@slack/web-api';
import type { PostedMessage, Slack } from '../../../../src/jobs/slack/slack.js';
import { reportProgress } from '../../../../src/jobs/slack/progress.js';
import { createLog } from '../../../../src/log.js';
import { mrkdwn } from '../../../../src/mrkdwn.js';
import { NeverSent } from '../../../../src/slack/fetch.js';
import { waitFor } from '../../../support/wait-for.js';

/** A Slack whose first posts fail with these errors, and the calls it received. */
function slackThatFails(...failures: Error[]) {
  const said: string[] = [];
  const slack = {
    post: () => {
      said.push('post');
      const failure = failures.shift();
      return failure ? Promise.reject(failure) : Promise.resolve({ channel: 'C1', ts: '1.1' });
    },
    update: () => Promise.resolve(void said.push('update')),
  } as unknown as Slack;
  return { slack, said };
}

function start(slack: Slack, posted?: PostedMessage) {
  const remembered: PostedMessage[] = [];
  const reporter = reportProgress({
    slack,
    posted,
    audience: { channelId: 'C1', userId: 'U1' },
    rememberPosted: (message) => Promise.resolve(void remembered.push(message)),
    title: mrkdwn`Creating demo *a*`,
    jobId: 'create-a-1',
    since: new Date(),
    log: createLog('test', 'silent'),
    everyMs: 10,
  });
  return { reporter, remembered };
}

const neverSent = () => new WebAPIRequestError(new NeverSent('connect ECONNREFUSED'));

test('a message that could not be posted at the start is posted later, and then edited', async () => {
  const { slack, said } = slackThatFails(neverSent(), neverSent());
  const { reporter, remembered } = start(slack);
  await waitFor('the post', () => Promise.resolve(remembered.length === 1), { everyMs: 5 });
  await reporter.finish('done');
  assert.deepEqual(said, ['post', 'post', 'post', 'update']);
  assert.deepEqual(remembered, [{ channel: 'C1', ts: '1.1' }]);
});

test('the end is posted even if nothing could be posted before', async () => {
  const { slack, said } = slackThatFails(neverSent());
  const { reporter } = start(slack);
  await reporter.finish('failed');
  assert.deepEqual(said, ['post', 'post']);
});

for (const [what, error] of [
  ['an answer of 500', new WebAPIHTTPError(500, '', {})],
  ['no answer', new WebAPIRequestError(new Error('Slack does not answer'))],
] as const)
  test(`a message that may have been posted after ${what} is not posted again`, async () => {
    const { slack, said } = slackThatFails(error);
    const { reporter } = start(slack);
    reporter.show([]);
    await reporter.finish('done');
    assert.deepEqual(said, ['post']);
  });

test("an earlier run's message is continued", async () => {
  const { slack, said } = slackThatFails();
  const { reporter, remembered } = start(slack, { channel: 'C1', ts: '1.1' });
  await reporter.finish('done');
  assert.deepEqual(said, ['update']);
  assert.deepEqual(remembered, []);
});
