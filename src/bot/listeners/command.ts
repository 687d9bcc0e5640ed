import type { App } from '@slack/bolt';
import { answerCommand } from './answer-command.js';
import type { ListenerContext } from './context.js';
import { openForm } from './form.js';
import { respondOrLog } from './respond.js';
import { watchUntaken } from './watch.js';

/**
 * `/vcdemo …`: the answer is part of the acknowledgement, so it costs no call to Slack. `/vcdemo` alone opens the form; if
 * Slack does not open it, help is the answer.
 */
export function listenForCommand(app: App, context: ListenerContext): void {
  app.command('/vcdemo', async ({ command, ack }) => {
    const acknowledged = context.metrics.acknowledgement.startTimer();
    const { user_id: userId, user_name: userName = '', channel_id: channelId, trigger_id: triggerId } = command;
    const text = command.text ?? '';
    const requester = { userId, userName, channelId };
    if (text.trim() === '' && (await openForm(context, { triggerId, requester })) === undefined) {
      await ack();
      acknowledged();
      return;
    }
    const { reply, jobs } = await answerCommand({ text, requester, dedupeId: triggerId }, context);
    await ack(reply && { response_type: 'ephemeral', ...reply });
    acknowledged();
    watchUntaken(jobs, context, (message) => respondOrLog(command.response_url, message, context));
  });
}
