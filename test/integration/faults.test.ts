import { delimiter } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Fault } from '../../simulator/index.js';
import { simulatedHost } from '../support/host.js';
import { startRedis, type LocalRedis } from '../support/redis.js';
import { startSlack, type SlackWorkspace } from '../support/slack.js';
import { textOf } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';
import { createJobQueues } from '../../src/bot/queue.js';
import { readWorkerSettings } from '../../src/config.js';
import { startWorker } from '../../src/jobs/worker/worker.js';
import { createLog } from '../../src/log.js';
import { jobKeys } from '../support/job-keys.js';

/* What people read for each fault of the simulated cluster; in parallel, because the tests wait for deadlines. */

/** What the final message about a create must say. */
const messages: Record<Fault, RegExp[]> = {
  'pods-pending': [
    /Creating demo \*\S+\* failed/,
    /cannot be scheduled: .*1 Insufficient cpu/,
    /What to do:.*resumes it/s,
  ],
  'tls-terminated': [
    /Creating demo \*\S+\* failed/,
    /terminates TLS for \S+-vc\d\.vcdemo\.localhost instead of passing/,
    /Enable TLS passthrough: in Traefik/,
  ],
  'remote-secret-wrong': [
    /Creating demo \*\S+\* failed/,
    /only v1 of helloworld answers/,
    /waiting for istiod in vc\d to watch the other cluster; last seen: istiod in vc\d reports \w+ for the other cluster/,
    /What to do:.*NetworkPolicies between/,
  ],
  // Each istiod is restarted.
  'secret-unnoticed': [/Demo \*\S+\* of .* is ready/],
  'api-down': [/`create \S+` failed/, /API of the host cluster at .* cannot be reached/, /What to do:/],
  slow: [/Demo \*\S+\* of .* is ready after (\d\d+s|\d+m)/],
  forbidden: [
    /Creating demo \*\S+\* failed/,
    /Missing: .*statefulsets\.apps: create/,
    /Nothing was created/,
    /Grant them/,
  ],
  'approval-forbidden': [
    /Creating demo \*\S+\* failed/,
    /Issuing and testing the kubeconfig: .*cannot patch .*certificatesigningrequests\/approval/,
    /What to do:.*resumes it/s,
  ],
};

describe('a failed create tells people', { concurrency: true }, () => {
  let redis: LocalRedis;
  let slack: SlackWorkspace;
  const log = createLog('test', 'silent');
  let database = 0;

  before(async () => {
    [redis, slack] = await Promise.all([startRedis(), startSlack()]);
  });
  after(async () => {
    await slack.close();
    await redis.stop();
  });

  for (const [fault, patterns] of Object.entries(messages) as [Fault, RegExp[]][])
    it(`what they need to know about ${fault}`, async () => {
      const redisUrl = `${redis.url}/${++database}`;
      // What is only slow succeeds, and needs a real cluster's time.
      const host = await simulatedHost(fault, fault === 'slow' ? 1 : undefined);
      const { PATH, ...environment } = host.environment;
      const tools = PATH!.split(delimiter)[0]!;
      if (!process.env.PATH!.startsWith(tools)) process.env.PATH = PATH;
      const settings = readWorkerSettings({
        ...environment,
        ...jobKeys,
        SLACK_BOT_TOKEN: slack.botToken,
        SLACK_API_URL: slack.apiUrl,
        REDIS_URL: redisUrl,
      });
      const worker = await startWorker(settings, log);
      const queues = createJobQueues({ ...settings, ...jobKeys }, log);
      try {
        const { userId, userName } = slack.alice;
        const requester = { userId, userName, channelId: slack.channel };
        await queues.enqueue({ name: 'create', payload: { requester, demo: fault } }, { dedupeId: fault });
        // On the card and, in its thread, in full.
        const told = () =>
          slack.timeline.entries.map(textOf).filter((text) => text.includes(fault) && /(^|\n):(x|tada): /.test(text));
        await waitFor(
          `what ends create ${fault}`,
          async () => patterns.every((pattern) => told().some((text) => pattern.test(text))),
          { withinMs: 180_000, seen: () => slack.timeline.entries.map(textOf).filter((text) => text.includes(fault)) },
        );
      } finally {
        await worker.close(5_000);
        await queues.close();
        await host.close();
      }
    });
});
