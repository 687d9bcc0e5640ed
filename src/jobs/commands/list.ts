import { listDemos, type Demo } from '../../k8s/demo.js';
import type { SlackMessage } from '../../slack-message.js';
import { withHost } from '../host-cluster.js';
import type { Handler } from '../job-run.js';
import { describeState, message, slackTime } from '../slack/messages.js';

export const list: Handler<'list'> = async (run) => {
  const demos = await withHost(run, listDemos);
  await run.slack.whisper(run.payload.requester, listMessage(demos, run.config.hostCluster));
};

export function listMessage(demos: readonly Demo[], hostCluster?: string): SlackMessage {
  const where = hostCluster ? ` on ${hostCluster}` : '';
  const create = hostCluster ? `/vcdemo create --on ${hostCluster}` : '/vcdemo create';
  if (demos.length === 0) return message(`There are no demos${where}. \`${create}\` makes one.`);
  const lines = demos.map(
    (demo) => `• *${demo.name}* of <@${demo.owner.id}>: ${describeState(demo)}; expires ${slackTime(demo.expires)}`,
  );
  return message(`${demos.length === 1 ? 'One demo' : `${demos.length} demos`}${where}:\n${lines.join('\n')}`);
}
