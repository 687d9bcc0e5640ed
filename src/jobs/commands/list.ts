import type { DemoConfig } from '../../config.js';
import { listDemos, type DemoList } from '../../k8s/demo-record.js';
import { mrkdwn, plain } from '../../mrkdwn.js';
import { buttons, sections, type SlackMessage } from '../../slack-message.js';
import { withHost } from '../host-cluster.js';
import type { Handler } from '../job-run.js';
import { createButton, demoBlocks, namesOf } from '../slack/demo-table.js';
import { poolBlocks } from './pool/pool.js';
import { message } from '../slack/messages.js';

export const list: Handler<'list'> = async (run) => {
  const { payload, config } = run;
  const demos = await withHost(run, listDemos);
  const { text, blocks } = listMessage(demos, payload.requester.userId, config);
  await run.slack.whisper(payload.requester, { text, blocks: [...blocks, ...poolBlocks(demos.pairs, config)] });
};

export function listMessage(
  { demos, unreadable }: DemoList,
  userId: string,
  { hostCluster, dashboard, ttl }: Pick<DemoConfig, 'hostCluster' | 'dashboard' | 'ttl'>,
): SlackMessage {
  const rules = { hasDashboard: dashboard.enabled, longestMs: ttl.max };
  const where = hostCluster ? ` on ${hostCluster}` : '';
  const create = hostCluster ? `/vcdemo create --on ${hostCluster}` : '/vcdemo create';
  if (demos.length + unreadable.length === 0) {
    const none = message(mrkdwn`There are no demos${where}. Create one with \`${create}\`, or here:`);
    return { ...none, blocks: [...none.blocks, buttons([createButton()])] };
  }
  const title = mrkdwn`${demos.length === 1 ? 'One demo' : `${demos.length} demos`}${where}`;
  return {
    text: plain(mrkdwn`${title}: ${namesOf(demos)}`),
    blocks: [
      ...sections(mrkdwn`*${title}*`),
      ...demoBlocks({ demos, unreadable, userId, hostCluster, rules }),
      buttons([createButton()]),
    ],
  };
}
