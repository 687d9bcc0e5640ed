import type { Demo } from '../../k8s/demo/demo.js';
import { joinMrkdwn, mention, mrkdwn, slackTime } from '../../mrkdwn.js';
import type { SlackMessage } from '../../slack-message.js';
import { requireDemo } from '../find-demo.js';
import { withHost } from '../host-cluster.js';
import type { Handler } from '../job-run.js';
import { message } from '../slack/messages.js';

/** Shows the latest changes to a demo; all of them are in the workers' log. */
export const audit: Handler<'audit'> = async (run) => {
  const demo = await withHost(run, (host) => requireDemo(host, run));
  await run.slack.whisper(run.payload.requester, auditMessage(demo));
};

const mostShown = 25;

export function auditMessage({ name, audit: entries }: Demo): SlackMessage {
  if (entries.length === 0) return message(mrkdwn`:scroll: Nothing has been recorded for demo *${name}* yet.`);
  const lines = entries
    .slice(-mostShown)
    .map(({ at, by, what }) => mrkdwn`• ${slackTime(at)}: ${by === undefined ? 'vcdemo' : mention(by)} ${what}`);
  return message(mrkdwn`:scroll: The latest changes to demo *${name}*:\n${joinMrkdwn(lines, '\n')}`);
}
