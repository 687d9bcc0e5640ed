import { readWorkerSettings } from '../../config.js';
import { exitWith, onStopRequest } from '../../exit.js';
import { newJob } from '../../job-queue.js';
import { IstioRenderer } from '../../k8s/mesh/istio.js';
import { createLog } from '../../log.js';
import { createWorkerMetrics } from '../../metrics.js';
import { useProxies } from '../../proxy.js';
import { createSlackClient } from '../../slack/client.js';
import { createNewBlocks } from '../../slack/new-blocks.js';
import { peopleAround } from '../../slack/people.js';
import { handle } from '../commands/index.js';
import { currentConfig } from '../job-run.js';
import { createSlack } from '../slack/slack.js';
import { ownDemos } from './own-demos.js';
import { tellFailure } from './tell-failure.js';
import { isDueNow, poolUpkeep, upkeepFor } from './upkeep.js';

/*
 * npm run sweep: deletes demos that have expired, renews credentials that expire soon, and exits. It needs neither a worker
 * nor a queue; the claims on demos keep it and the workers apart.
 */

try {
  const settings = readWorkerSettings();
  await useProxies();
  const log = createLog('vcdemo-sweep', settings.LOG_LEVEL);
  // Never read: it exits before Prometheus could scrape it. What it did is in its log.
  const metrics = createWorkerMetrics();
  const client = createSlackClient({
    token: settings.SLACK_BOT_TOKEN,
    apiUrl: settings.SLACK_API_URL,
    observe: metrics.slackCall,
  });
  const people = peopleAround(client);
  const newBlocks = createNewBlocks({ log, observe: metrics.blockRefusal });
  const slack = createSlack({ client, people, newBlocks, log });
  const stopping = new AbortController();
  onStopRequest(() => stopping.abort(new Error('the sweep is stopping')));
  const config = currentConfig(settings);
  const stock = await ownDemos(settings);
  const requests = [
    ...upkeepFor(stock.demos, config, stock.now).filter((request) => isDueNow(request, stock.now)),
    ...poolUpkeep(stock, config),
  ];
  log.info({ jobs: requests.map(({ name, payload }) => `${name} ${payload.demo}`) }, 'upkeep due');
  for (const request of requests) {
    if (stopping.signal.aborted) break;
    const { id, name, payload } = { ...newJob(request), ...request };
    const run = {
      ...{ settings, slack, people, metrics, config, id, name, payload },
      istio: new IstioRenderer(),
      openQueue: () => {
        throw new Error('the sweep has no queues');
      },
      delivered: new Map(),
      askedAt: new Date(),
      resumed: false,
      log: log.child({ jobId: id, demo: payload.demo }),
      draining: stopping.signal,
      signal: stopping.signal,
    };
    await handle(run).catch(async (error: unknown) => {
      await tellFailure({ slack, log }, { id, name, payload }, error);
      // Continues with the others; the next sweep tries this one again.
      run.log.error({ err: error, job: name }, 'job failed');
      process.exitCode = 1;
    });
  }
} catch (error) {
  exitWith(error);
}
