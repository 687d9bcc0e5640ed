import { listDemos, type DemoList } from '../../k8s/demo-record.js';
import { joinMrkdwn, mention, mrkdwn, slackTime } from '../../mrkdwn.js';
import type { SlackMessage } from '../../slack-message.js';
import { withHost } from '../host-cluster.js';
import type { Handler } from '../job-run.js';
import { brief, describeState, message } from '../slack/messages.js';

export const list: Handler<'list'> = async (run) => {
  const demos = await withHost(run, listDemos);
  await run.slack.whisper(run.payload.requester, listMessage(demos, run.config.hostCluster));
};

export function listMessage({ demos, unreadable }: DemoList, hostCluster?: string): SlackMessage {
  const where = hostCluster ? ` on ${hostCluster}` : '';
  const create = hostCluster ? `/vcdemo create --on ${hostCluster}` : '/vcdemo create';
  if (demos.length + unreadable.length === 0)
    return message(mrkdwn`There are no demos${where}. Create one with \`${create}\`.`);
  const lines = demos.map(
    (demo) =>
      mrkdwn`• *${demo.name}* of ${mention(demo.owner.id)}: ${describeState(demo)}; expires ${slackTime(demo.expires)}`,
  );
  const broken = unreadable.map(({ name, problem, managedIn }) =>
    managedIn === undefined
      ? mrkdwn`• *${brief(name)}* cannot be read: ${brief(problem)}`
      : mrkdwn`• *${brief(name)}*: ${brief(problem)}`,
  );
  return message(
    mrkdwn`${demos.length === 1 ? 'One demo' : `${demos.length} demos`}${where}:\n${joinMrkdwn([...lines, ...broken], '\n')}`,
  );
}
