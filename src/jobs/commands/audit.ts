import type { Demo } from '../../k8s/demo/demo.js';
import { joinMrkdwn, mention, mentionAny, mrkdwn, slackTime, type Mrkdwn } from '../../mrkdwn.js';
import type { SlackMessage } from '../../slack-message.js';
import { requireDemo } from '../find-demo.js';
import { withHost } from '../host-cluster.js';
import type { Handler } from '../job-run.js';
import { message } from '../slack/messages.js';

/** Shows the latest changes to a demo; all of them are in the workers' log. */
export const audit: Handler<'audit'> = async (run) => {
  const demo = await withHost(run, (host) => requireDemo(host, run, hintIfGone));
  await run.slack.whisper(run.payload.requester, auditMessage(demo));
};

const hintIfGone = "If it was deleted, the vcdemo operators can find its history in the workers' log.";

const mostShown = 25;

export function auditMessage({ name, audit: entries }: Demo): SlackMessage {
  if (entries.length === 0) return message(mrkdwn`:scroll: Nothing has been recorded for demo *${name}* yet.`);
  const lines = entries
    .slice(-mostShown)
    .map(
      ({ at, by, what }) => mrkdwn`• ${slackTime(at)}: ${by === undefined ? 'vcdemo' : mention(by)} ${actText(what)}`,
    );
  return message(mrkdwn`:scroll: The latest changes to demo *${name}*:\n${joinMrkdwn(lines, '\n')}`);
}

/** What was done, with people, groups and channels by name; it is recorded with their IDs. */
function actText(what: string): Mrkdwn {
  const parts = what.split(/(?<=\b(?:with|for|of|from|to) )([UWCGS][A-Z0-9]{3,20})\b/);
  return joinMrkdwn(
    parts.map((part, index) => (index % 2 === 1 ? mentionAny(part) : part)),
    '',
  );
}
