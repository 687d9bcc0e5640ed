import type { App } from '@slack/bolt';
import { answerCommand } from './answer-command.js';
import type { ListenerContext } from './context.js';

/** `/vcdemo …`: the answer is part of the acknowledgement, so it costs no call to Slack. */
export function listenForCommand(app: App, context: ListenerContext): void {
  app.command('/vcdemo', async ({ command, ack }) => {
    const acknowledged = context.metrics.acknowledgement.startTimer();
    const { user_id: userId, user_name: userName = '', channel_id: channelId } = command;
    const { reply } = await answerCommand(
      { text: command.text ?? '', requester: { userId, userName, channelId }, dedupeId: command.trigger_id },
      context,
    );
    await ack({ response_type: 'ephemeral', ...reply });
    acknowledged();
  });
}
