import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

/* Every outage in docs/operations.md is shown by a test: how its row begins, the test's file, and words of the test. */

const shownBy: readonly [row: string, file: string, words: string][] = [
  // Redis
  ['Redis hangs, restarts or is cut off', 'integration/redis-hangs', 'commands are accepted and run'],
  ['Such an outage lasts longer than 15 s', 'integration/stalled-jobs', 'is run again the second time if it changes'],
  ['Redis comes back empty', 'integration/redis-emptied', 'is put back on its queue when the worker stops'],
  ['A replica takes over', 'integration/redis-failover', 'a primary that becomes a replica is left'],
  ['`rejects commands: NOAUTH`', 'integration/redis-refusals', 'the password, as it was changed'],
  ['`rejects commands: NOPERM`', 'integration/redis-refusals', 'what its user did before'],
  ['`rejects commands: OOM', 'integration/redis-refusals', 'as its memory is full'],
  ['`rejects commands: MISCONF', 'integration/redis-refusals', 'writes because its disk is full'],
  ['`NOREPLICAS', 'integration/redis-refusals', 'writes because it has too few replicas'],
  ['`rejects commands: … max number of clients', 'integration/redis-refusals', 'more connections, as it has too many'],
  ['`rejects commands: WRONGTYPE', 'integration/redis-refusals', 'something else has written to a key of its queues'],
  [
    '`cannot be used: …`: it requires a client',
    'integration/redis-network',
    'something else answers in place of Redis',
  ],
  ['Cluster mode, an eviction policy, renamed', 'integration/redis-refusals', 'a Redis that is too old'],
  ['`rejects commands: DENIED', 'integration/redis-refusals', 'protected mode'],
  ['The certificate of Redis is renewed', 'integration/redis-network', 'a certificate from another trusted CA'],
  ['The certificate of Redis has expired', 'integration/redis-network', 'the certificate of Redis has expired'],
  ['A worker dies while running a job', 'integration/stalled-jobs', 'is given up the sixth time'],
  // Slack
  ['Slack does not answer', 'integration/slack-outage', 'is finished, and reported when Slack is back'],
  [
    'The bot starts while Slack does not answer',
    'integration/slack-away-at-start',
    'waits, says why, and works when Slack is back',
  ],
  ['Slack limits the rate', 'integration/slack-budget', 'whatever Slack limits'],
  ['The workspace, or a channel, is being moved', 'integration/slack-client', 'moved into an organization, a message'],
  ['Somebody deletes the card', 'unit/jobs/slack/card/publish-card', 'a card that was deleted a second time'],
  ['The workspace does not have a new kind of block', 'unit/slack/new-blocks', 'sections'],
  ['In Socket Mode the connection is lost', 'integration/socket-mode', 'meanwhile reports that it is not ready'],
  ["Slack rejects the bot's token", 'integration/slack-outage', 'to people when it accepts it again'],
  ['A proxy or a login page answers in place of Slack', 'unit/slack/fetch', 'something other than Slack answered'],
  ['Slack does not let the bot write in a channel', 'integration/slack-places', 'with the reason and what to do'],
  ['Slack refuses a message', 'integration/slack-client', 'a message that Slack refuses because of its blocks'],
  ["In Socket Mode the app's token is revoked", 'integration/socket-mode', 'a token that Slack revokes ends the bot'],
  ['Slack does not tell who is in a group', 'unit/jobs/worker/requester-check', 'usergroups:read'],
  ['Slack does not tell who somebody is', 'unit/jobs/worker/requester-check', 'users:read'],
  ['The workspace does not accept files', 'integration/slack-client', 'a kubeconfig is sent as text'],
  ['Somebody presses a button from an older version', 'integration/slack-edge', 'a button of an older version'],
  ["Slack's requests get 401", 'integration/bot', 'a request with a wrong signature gets 401'],
  // the host cluster
  ["A worker's clock differs from the API's", 'integration/clocks', 'finds due what is due by the clock of the host'],
  ['Its API does not answer', 'integration/outages', 'succeeds and is reported once'],
  ["It rejects the worker's credentials", 'integration/faults', 'approval-forbidden'],
  ['Its requests are answered by a proxy', 'unit/k8s/client/cluster', 'something else answers in place of the API'],
  ['One of its admission webhooks', 'unit/jobs/flow', 'goes on while a webhook does not answer'],
  ['A namespace stays Terminating', 'integration/host-namespace', 'is not deleted, with what blocks it'],
  ['Pods of a demo cannot start', 'integration/faults', 'pods-pending'],
  ['helm or istioctl is killed, hangs', 'unit/k8s/tools', 'that is ended by SIG'],
  ['The worker cannot prove that a public name', 'integration/proof', 'fails if the proof is required'],
  ['The same with `exposure.proof: warn`', 'integration/proof', 'is ready if a warning is enough'],
  ['A demo is deleted whose volumes', 'unit/jobs/commands/delete/messages', 'the reclaim policy is Retain'],
];

const text = (path: string) => readFileSync(join(fileURLToPath(new URL('../..', import.meta.url)), path), 'utf8');

describe('docs/operations.md', () => {
  const head = '| what happens | what people see | what operators do |\n';
  const rows = text('docs/operations.md')
    .split(head)
    .slice(1)
    .flatMap((table) => table.split('\n\n')[0]!.split('\n').slice(1))
    .map((row) => row.replace(/^\| /, ''));

  it('names no outage that no test shows', () => {
    assert.ok(rows.length > 30);
    const unshown = rows.filter((row) => shownBy.filter(([beginning]) => row.startsWith(beginning)).length !== 1);
    assert.deepEqual(unshown, []);
  });

  for (const [beginning, file, words] of shownBy)
    it(`has a row "${beginning}…", which ${file} shows`, () => {
      assert.equal(rows.filter((row) => row.startsWith(beginning)).length, 1);
      assert.ok(text(`test/${file}.test.ts`).includes(words), words);
    });
});
