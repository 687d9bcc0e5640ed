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
  const { text, blocks } = listMessage(demos, {
    userId: payload.requester.userId,
    hostCluster: config.hostCluster,
    hasDashboard: config.dashboard.enabled,
  });
  await run.slack.whisper(payload.requester, { text, blocks: [...blocks, ...poolBlocks(demos.pairs, config)] });
};

export interface ListOptions {
  userId: string;
  hostCluster?: string | undefined;
  hasDashboard?: boolean;
}

export function listMessage(
  { demos, unreadable }: DemoList,
  { userId, hostCluster, hasDashboard = false }: ListOptions,
): SlackMessage {
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
      ...demoBlocks({ demos, unreadable, userId, hostCluster, hasDashboard }),
      buttons([createButton()]),
    ],
  };
}
