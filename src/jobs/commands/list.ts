import type { DemoConfig } from '../../config.js';
import type { ButtonRules } from '../slack/demo-buttons.js';
import { commandLine } from '../../commands/command-line.js';
import { listDemos, type DemoList } from '../../k8s/demo/demo-record.js';
import { mrkdwn, plain } from '../../mrkdwn.js';
import { buttons, sections, type SlackMessage } from '../../slack-message.js';
import { withHost } from '../host-cluster.js';
import type { Handler } from '../job-run.js';
import { createButton, demoBlocks, namesOf, ownFirst } from '../slack/demo-list.js';
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
  config: ButtonRules & Pick<DemoConfig, 'hostCluster'>,
): SlackMessage {
  const { hostCluster } = config;
  const where = hostCluster ? ` on ${hostCluster}` : '';
  if (demos.length + unreadable.length === 0) {
    const none = message(
      mrkdwn`There are no demos${where}. Create one with ${commandLine({ hostCluster }, 'create')}, or here:`,
    );
    return { ...none, blocks: [...none.blocks, buttons([createButton(hostCluster)])] };
  }
  const title = mrkdwn`${demos.length === 1 ? 'One demo' : `${demos.length} demos`}${where}`;
  const own = demos.filter(({ owner }) => owner.id === userId);
  return {
    text: plain(mrkdwn`${title}: ${namesOf(ownFirst(demos, userId))}`),
    blocks: [
      ...sections(own.length > 0 ? mrkdwn`*Your demos${where}*` : mrkdwn`*${title}*`),
      ...demoBlocks({ demos, unreadable, userId, config }),
      buttons([createButton(hostCluster)]),
    ],
  };
}
