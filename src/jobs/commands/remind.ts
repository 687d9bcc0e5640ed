import { formatDuration, minutes } from '../../duration.js';
import { messageOf } from '../../errors.js';
import type { DemoConfig } from '../../config.js';
import { changeExisting, findDemo } from '../../k8s/demo/demo-record.js';
import type { Demo } from '../../k8s/demo/demo.js';
import { isReminderDue } from '../../k8s/demo/demo-life.js';
import { mention, mrkdwn, slackTime } from '../../mrkdwn.js';
import { buttons, messageOfParagraphs, smallPrint, type SlackMessage } from '../../slack-message.js';
import { withClaimedDemo } from '../host-cluster.js';
import type { Handler } from '../job-run.js';
import { unlessTheyLeft } from '../slack/reach.js';
import { extendButton, extensionText } from '../slack/demo-buttons.js';

/**
 * Reminds the owner that the demo expires soon, in the card's thread and with a direct message. The claim and the record see to
 * it that it happens once for each expiry time.
 */
export const remind: Handler<'remind'> = (run) =>
  withClaimedDemo(
    run,
    async () => run.log.info('demo is busy; its owner will be reminded later'),
    async ({ host }) => {
      const { slack, config, log } = run;
      const demo = await findDemo(host, run.payload.demo);
      // It may have been extended, deleted or created again since it was last looked at.
      if (!demo || !isReminderDue(demo, host.now())) return;
      const { owner, channel, card, expires } = demo;
      const message = reminderMessage(demo, config, host.now());
      const to = { channelId: channel, userId: owner.id };
      const said = await slack.reply(card, to, message).catch(unlessTheyLeft(log));
      if (said)
        await slack
          .tellPerson(owner.id, message, said)
          .catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'owner got no direct message'));
      await changeExisting(host, demo, (current) => ({ ...current, reminded: expires }));
    },
  );

export function reminderMessage(
  demo: Pick<Demo, 'name' | 'hostCluster' | 'owner' | 'expires'>,
  config: Pick<DemoConfig, 'ttl'>,
  now: Date,
): SlackMessage {
  const { name, owner, expires } = demo;
  // Minutes: seconds would promise a precision that nobody needs.
  const leftMs = Math.max(minutes(1), Math.round((expires.getTime() - now.getTime()) / minutes(1)) * minutes(1));
  const { blocks, ...rest } = messageOfParagraphs([
    mrkdwn`:alarm_clock: ${mention(owner.id)} Demo *${name}* expires in ${formatDuration(leftMs)} (${slackTime(expires)}). It is then deleted with everything in it.`,
  ]);
  const note = smallPrint(mrkdwn`The button adds ${extensionText(config)}.`);
  return { ...rest, blocks: [...blocks, buttons([extendButton(demo, config, 'primary')]), note] };
}
