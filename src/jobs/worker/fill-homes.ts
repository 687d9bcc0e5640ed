import { messageOf, Refusal } from '../../errors.js';
import type { Viewer } from '../../home-viewers.js';
import { listDemos } from '../../k8s/demo/demo-record.js';
import type { Log } from '../../log.js';
import { homeBlocks } from '../commands/home.js';
import { withHost } from '../host-cluster.js';
import { currentConfig, type WorkerTools } from '../job-run.js';
import { assertMayAsk } from './requester-check.js';

/** Fills the Homes of those who may see demos, from one look at the cluster. */
export async function fillHomes(
  viewers: readonly Viewer[],
  { settings, slack, people, queued }: WorkerTools,
  log: Log,
): Promise<void> {
  const config = currentConfig(settings);
  const [demos, waiting] = await Promise.all([withHost({ settings }, listDemos), queued?.() ?? []]);
  for (const viewer of viewers) {
    const { userId } = viewer;
    try {
      await assertMayAsk({ ...viewer, userName: '' }, { access: config.access, people, command: 'list', log }, false);
      await slack.publishHome(viewer, homeBlocks({ demos, waiting, userId, config }));
    } catch (error) {
      if (!(error instanceof Refusal)) log.warn({ user: userId, reason: messageOf(error) }, 'Home was not refreshed');
    }
  }
}
