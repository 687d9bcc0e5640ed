import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Redis } from 'ioredis';
import { createJobQueues } from '../../src/bot/queue.js';
import type { JobRequest } from '../../src/commands/job-payloads.js';
import { listsToScaleBy } from '../../src/commands/payload.js';
import { readWorkerSettings } from '../../src/config.js';
import { startWorker } from '../../src/jobs/worker/worker.js';
import { connectCluster } from '../../src/k8s/client/cluster.js';
import { beginWork, changeRecord, findDemo, noteCard } from '../../src/k8s/demo/demo-record.js';
import { withDone } from '../../src/k8s/demo/done-jobs.js';
import { hostAccess } from '../../src/k8s/client/host-access.js';
import { createLog } from '../../src/log.js';
import { simulatedHost, type SimulatedHost } from '../support/host.js';
import { jobKeys } from '../support/job-keys.js';
import { plannedDemo } from '../support/planned-demo.js';
import { startRedis, type LocalRedis } from '../support/redis.js';
import { startSlack, type SlackWorkspace } from '../support/slack.js';
import { textOf } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';

/* Jobs whose worker was killed, as BullMQ finds them: in the list of active jobs, but with no lock. */

const log = createLog('test', 'silent');

describe('a job whose worker died', { concurrency: true }, () => {
  let slack: SlackWorkspace;
  let host: SimulatedHost;
  before(async () => {
    [slack, host] = await Promise.all([startSlack(), simulatedHost(undefined)]);
  });
  after(() => Promise.all([slack.close(), host.close()]));

  /** What people read after a worker picks up a job whose workers have died that often. */
  const findIt = async (
    makeRequest: (requester: { userId: string; userName: string; channelId: string }) => JobRequest,
    queue: string,
    deathsBefore: number,
    expected: RegExp,
    prepare: (jobId: string) => Promise<unknown> = () => Promise.resolve(),
    cluster = host,
  ) => {
    const redis: LocalRedis = await startRedis();
    const admin = new Redis(redis.url);
    const queues = createJobQueues({ REDIS_URL: redis.url, ...jobKeys }, log);
    const requester = { userId: slack.alice.userId, userName: 'alice', channelId: slack.channel };
    const id = await queues.enqueue(makeRequest(requester), { dedupeId: 'once' });
    await queues.close();
    await prepare(id);
    const [waiting, active] = listsToScaleBy(queue);
    assert.equal(await admin.rpoplpush(waiting!, active!), id);
    await admin.hset(`bull:${queue}:${id}`, 'stc', deathsBefore, 'ats', deathsBefore + 1);
    const settings = readWorkerSettings({
      ...cluster.environment,
      ...jobKeys,
      SLACK_BOT_TOKEN: slack.botToken,
      SLACK_API_URL: slack.apiUrl,
      REDIS_URL: redis.url,
    });
    const worker = await startWorker(settings, log);
    try {
      await waitFor(
        `a message like ${expected}`,
        async () => slack.timeline.entries.map(textOf).find((text) => expected.test(text)),
        { withinMs: 45_000, seen: () => slack.timeline.entries.map(textOf) },
      );
    } finally {
      await worker.close(2_000);
      admin.disconnect();
      await redis.stop();
    }
  };

  it('is run again once if it is read-only', () =>
    findIt((requester) => ({ name: 'list', payload: { requester } }), 'verification', 0, /There are no demos/));

  it('is reported the second time if it is read-only', () =>
    findIt(
      (requester) => ({ name: 'status', payload: { requester, demo: 'twice' } }),
      'verification',
      1,
      /`status twice` failed[\s\S]*worker running this job died/,
    ));

  it('is run again the second time if it changes a demo', () =>
    findIt(
      (requester) => ({ name: 'delete', payload: { requester, demo: 'changed' } }),
      'removal',
      1,
      /`delete changed` failed[\s\S]*There is no demo changed/,
    ));

  it('is not said to have failed if it had done its work, and nobody is advised to repeat it', async () => {
    const own = await simulatedHost(undefined);
    const cluster = connectCluster('host', hostAccess({ KUBECONFIG: own.cluster.kubeconfigFile }));
    const owner = { id: slack.alice.userId, name: 'alice' };
    const planned = plannedDemo({ name: 'longer', owner, channel: slack.channel, now: new Date() });
    try {
      await findIt(
        (requester) => ({ name: 'extend', payload: { requester, demo: 'longer', byMs: 60_000 } }),
        'verification',
        0,
        /`extend longer` has already been carried out\. `\/vcdemo status longer` shows the demo as it is now/,
        (id) => changeRecord(cluster, planned, (current) => withDone({ ...current, state: 'ready' }, id)),
        own,
      );
    } finally {
      cluster.close();
      await own.close();
    }
  });

  it('is given up the sixth time, and its demo has failed and can be resumed', async () => {
    const own = await simulatedHost(undefined);
    const cluster = connectCluster('host', hostAccess({ KUBECONFIG: own.cluster.kubeconfigFile }));
    const posted = await slack.client.chat.postMessage({ channel: slack.channel, text: 'Creating demo abandoned' });
    const card = { channel: slack.channel, ts: posted.ts! };
    const owner = { id: slack.alice.userId, name: 'alice' };
    const planned = plannedDemo({ name: 'abandoned', owner, channel: slack.channel, now: new Date() });
    try {
      await findIt(
        (requester) => ({ name: 'create', payload: { requester, demo: 'abandoned' } }),
        'provisioning',
        5,
        /`create abandoned` failed[\s\S]*worker running this job died/,
        async (id) =>
          noteCard(cluster, await beginWork(cluster, planned, 'creating', { id, askedAt: new Date() }), card),
        own,
      );
      const shown = (await slack.messages(slack.channel)).find(({ ts }) => ts === card.ts)!;
      assert.match(textOf(shown), /Creating demo \*abandoned\* failed[\s\S]*What was created is kept/);
      assert.match(JSON.stringify(shown.blocks), /"Resume".*"create abandoned"/);
      assert.match((await slack.replies(slack.channel)).map(textOf).join(), /`create abandoned` failed/);
      assert.equal((await findDemo(cluster, 'abandoned'))?.state, 'failed');
    } finally {
      cluster.close();
      await own.close();
    }
  });

  for (const [command, state, shownAs, button] of [
    [
      'pause',
      'paused',
      /Pausing demo \*abandoned\* failed[\s\S]*pause abandoned[\s\S]*resume abandoned/,
      /"resume abandoned"/,
    ],
    ['resume', 'creating', /Resuming demo \*abandoned\* failed[\s\S]*create abandoned/, /"Resume".*"create abandoned"/],
  ] as const)
    it(`is given up the sixth time, and the card says what to do about the ${command}`, async () => {
      const own = await simulatedHost(undefined);
      const cluster = connectCluster('host', hostAccess({ KUBECONFIG: own.cluster.kubeconfigFile }));
      const posted = await slack.client.chat.postMessage({
        channel: slack.channel,
        text: `the card of the ${command}`,
      });
      const card = { channel: slack.channel, ts: posted.ts! };
      const owner = { id: slack.alice.userId, name: 'alice' };
      const planned = plannedDemo({ name: 'abandoned', owner, channel: slack.channel, now: new Date() });
      try {
        await findIt(
          (requester) => ({ name: command, payload: { requester, demo: 'abandoned' } }),
          command === 'pause' ? 'removal' : 'provisioning',
          5,
          new RegExp(`\`${command} abandoned\` failed[\\s\\S]*worker running this job died`),
          (jobId) =>
            changeRecord(cluster, planned, (current) => ({
              ...current,
              ...{
                state,
                card,
                ...(state === 'paused'
                  ? { paused: { since: new Date(), jobId } }
                  : { begun: { jobId, askedAt: new Date() } }),
              },
            })),
          own,
        );
        const shown = (await slack.messages(slack.channel)).find(({ ts }) => ts === card.ts)!;
        assert.match(textOf(shown), shownAs);
        assert.match(JSON.stringify(shown.blocks), button);
        assert.equal((await findDemo(cluster, 'abandoned'))?.state, state === 'paused' ? 'paused' : 'failed');
      } finally {
        cluster.close();
        await own.close();
      }
    });
});
