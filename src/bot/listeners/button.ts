import type { App, BlockAction, ButtonAction, OverflowAction } from '@slack/bolt';
import { directChannelId } from '../../commands/payload.js';
import { mrkdwn } from '../../mrkdwn.js';
import { buttonActions, messageOfParagraphs, type SlackMessage } from '../../slack-message.js';
import { namingCommandOf } from '../people-form.js';
import { answerCommand, doubleClickMs, type Answer } from './answer-command.js';
import type { ListenerContext } from './context.js';
import { openForm } from './form.js';
import { fillHome } from './home.js';
import { respondOrLog } from './respond.js';
import { threadOf } from './thread.js';
import { watchUntaken } from './watch.js';

const ourActions = new RegExp(`^(${buttonActions.join('|')}):`);

type Pressed = BlockAction<ButtonAction | OverflowAction>;

/**
 * All buttons and menus. A button, or an entry of a menu, is a command with its words filled in; it is answered as if the
 * person had typed it.
 */
export function listenForButtons(app: App, context: ListenerContext): void {
  app.action<Pressed>({ type: 'block_actions', action_id: ourActions }, async ({ body, ack }) => {
    const acknowledged = context.metrics.acknowledgement.startTimer();
    const [pressed] = body.actions;
    const action = pressed?.action_id.split(':')[0];
    const text = (pressed?.type === 'overflow' ? pressed.selected_option.value : pressed?.value) ?? '';
    const { id: userId, username, name } = body.user;
    const log = context.log.child({ user: userId });
    const thread = threadOf(body);
    const requester = {
      ...{ userId, userName: username ?? name ?? '', channelId: channelOf(body) },
      ...(thread !== undefined && { thread }),
    };
    const tell = async (message: SlackMessage, isReplacing = false) => {
      // A click at Home has no response_url.
      if (body.response_url !== undefined)
        await respondOrLog(body.response_url, message, { ...context, log, isReplacing, thread });
      else if (requester.channelId !== '')
        await context.later.slack.chat.postMessage({ channel: requester.channelId, ...message });
    };
    if (action === 'form' || (action === 'run' && namingCommandOf(text))) {
      const problem = await openForm(context, {
        triggerId: body.trigger_id,
        requester,
        isAtHome: body.view !== undefined,
        text,
      });
      await ack();
      acknowledged();
      if (problem) await tell(problem);
      return;
    }
    if (action === 'home') {
      await ack();
      acknowledged();
      // Not the same as opening it: a click soon after that has to show what was chosen.
      const once = { repeatId: `home click ${userId}`, repeatedWithinMs: doubleClickMs };
      return await fillHome(context, requester, {
        ...{ dedupeId: body.trigger_id, hostCluster: text || undefined, tell },
        ...once,
      });
    }
    const { reply, outcome, jobs }: Answer =
      action === 'dismiss'
        ? { reply: messageOfParagraphs([mrkdwn`${text}`]), outcome: 'answered' }
        : await answerCommand(
            {
              ...{ text, requester, dedupeId: body.trigger_id, isConfirmed: action === 'confirmed', isClick: true },
              ...(body.view && { where: mrkdwn`the channel of its card` }),
            },
            context,
          );
    await ack();
    acknowledged();
    // After a refusal the question stays, so that the person can press the button again.
    const replacesQuestion = action === 'dismiss' || (action === 'confirmed' && outcome === 'accepted');
    // A command that only its worker answers still takes the place of the question.
    const label = pressed?.type === 'button' ? pressed.text?.text : undefined;
    const confirmed = replacesQuestion ? messageOfParagraphs([mrkdwn`Confirmed${label && `: ${label}`}.`]) : undefined;
    const said = reply ?? confirmed;
    if (said) await tell(said, replacesQuestion);
    watchUntaken(jobs, context, tell);
  });
}

/** At Home, the direct messages with the person, which the Home remembers; whoever has the bot's token can change it. */
const channelOf = ({ channel, view }: Pressed): string =>
  channel?.id ?? directChannelId.safeParse(view?.private_metadata).data ?? '';
