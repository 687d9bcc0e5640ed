import { randomBytes } from 'node:crypto';
import { readWorkerSettings } from '../../config.js';
import { exitWith } from '../../exit.js';
import { createLog } from '../../log.js';
import { IstioRenderer } from '../../k8s/istio.js';
import { createWorkerMetrics } from '../../metrics.js';
import { isDue } from '../../k8s/demo.js';
import { ownDemos } from './own-demos.js';
import { expire } from '../commands/delete/expire.js';
import { currentConfig } from '../job-run.js';
import { createSlackClient } from '../../slack/client.js';
import { createSlack } from '../slack/client.js';
import { tellFailure } from './tell-failure.js';

/*
 * npm run sweep: deletes demos whose time is over, and ends. It needs no worker and no queue, so it works when there are
 * none; the claims on demos keep it and workers apart.
 */

try {
  const settings = readWorkerSettings();
  const log = createLog('vcdemo-sweep', settings.LOG_LEVEL);
  // It ends before anybody could ask: what it did is in its log.
  const metrics = createWorkerMetrics();
  const client = createSlackClient({
    token: settings.SLACK_BOT_TOKEN,
    apiUrl: settings.SLACK_API_URL,
    observe: metrics.slackCall,
  });
  const slack = createSlack(client, log);
  const stopping = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const)
    process.once(name, () => stopping.abort(new Error('the sweep was told to stop')));
  const demos = (await ownDemos(settings)).filter(isDue);
  log.info({ demos: demos.map(({ name }) => name) }, 'demos whose time is over');
  for (const { name } of demos) {
    if (stopping.signal.aborted) break;
    const id = `sweep-${name}-${randomBytes(3).toString('hex')}`;
    await expire({
      settings,
      slack,
      metrics,
      istio: new IstioRenderer(),
      id,
      name: 'expire',
      payload: { demo: name },
      askedAt: new Date(),
      resumed: false,
      config: currentConfig(settings),
      log: log.child({ jobId: id, demo: name }),
      draining: stopping.signal,
      signal: stopping.signal,
    }).catch(async (error: unknown) => {
      await tellFailure({ slack, log }, { id, name: 'expire', payload: { demo: name } }, error);
      // The others have their turn all the same; the next sweep tries this one again.
      log.error({ err: error, demo: name }, 'an expired demo was not deleted');
      process.exitCode = 1;
    });
  }
} catch (error) {
  exitWith(error);
}
