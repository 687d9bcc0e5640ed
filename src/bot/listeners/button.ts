import type { App, BlockAction, ButtonAction, OverflowAction } from '@slack/bolt';
import { mrkdwn } from '../../mrkdwn.js';
import { buttonActions, messageOfParagraphs } from '../../slack-message.js';
import { answerCommand } from './answer-command.js';
import type { ListenerContext } from './context.js';
import { respondOrLog } from './respond.js';

const ourActions = new RegExp(`^(${buttonActions.join('|')}):`);

type Pressed = BlockAction<ButtonAction | OverflowAction>;

/**
 * All buttons and menus. A button, or an entry of a menu, is a command with its words filled in; it is answered as if the
 * person had typed it.
 */
export function listenForButtons(app: App, context: ListenerContext): void {
  app.action<Pressed>({ type: 'block_actions', action_id: ourActions }, async ({ body, ack, respond }) => {
    const acknowledged = context.metrics.acknowledgement.startTimer();
    const [pressed] = body.actions;
    const action = pressed?.action_id.split(':')[0];
    const text = (pressed?.type === 'overflow' ? pressed.selected_option.value : pressed?.value) ?? '';
    const { id: userId, username, name } = body.user;
    const requester = { userId, userName: username ?? name ?? '', channelId: body.channel?.id ?? '' };
    const { reply, outcome } =
      action === 'dismiss'
        ? { reply: messageOfParagraphs([mrkdwn`${text}`]), outcome: 'answered' }
        : await answerCommand(
            { text, requester, dedupeId: body.trigger_id, isConfirmed: action === 'confirmed' },
            context,
          );
    await ack();
    acknowledged();
    // After a refusal the question stays, so that the person can press the button again.
    const replacesQuestion = action === 'dismiss' || (action === 'confirmed' && outcome === 'accepted');
    await respondOrLog(
      respond,
      { response_type: 'ephemeral', replace_original: replacesQuestion, ...reply },
      { ...context, log: context.log.child({ user: userId }) },
    );
  });
}
