import type { App } from '@slack/bolt';
import { messageOf } from '../../errors.js';
import type { SlackMessage } from '../../slack-message.js';
import { answerCommand } from './answer-command.js';
import type { ListenerContext } from './context.js';
import { whisper } from './respond.js';
import { watchUntaken } from './watch.js';

/**
 * `@vcdemo …` in a channel or a thread, where slash commands do not exist: the same commands, answered in the thread. Under
 * the card of a demo, that demo is meant.
 */
export function listenForMentions(app: App, context: ListenerContext): void {
  const answered = createEventMemory();
  app.event('app_mention', async ({ event, body }) => {
    const { user: userId, channel: channelId, ts, thread_ts: above, text } = event;
    // Slack delivers an event again if the answer was late.
    if (userId === undefined || event.bot_id !== undefined || answered(body.event_id)) return;
    const requester = { userId, userName: '', channelId, thread: above ?? ts };
    const log = context.log.child({ user: userId, channel: channelId });
    const tell = (message: SlackMessage) =>
      whisper(context.later.slack, requester, message).catch((error: unknown) =>
        log.warn({ reason: messageOf(error) }, 'mention was not answered'),
      );
    const command = commandIn(text, body.authorizations?.find(({ is_bot }) => is_bot)?.user_id);
    const given = { text: command, requester, dedupeId: body.event_id, isInThread: above !== undefined };
    const { reply, jobs } = await answerCommand(given, context);
    if (reply) await tell(reply);
    watchUntaken(jobs, context, tell);
  });
}

/** What follows the name of the bot, or the first name if it is not known what the bot is called. */
function commandIn(text: string, botId = '[UW][A-Z0-9]+'): string {
  return text.replace(new RegExp(`^[^]*?<@${botId}(\\|[^>]*)?>`), '');
}

const mostRemembered = 2_000;

/** Whether an event has been seen before. */
function createEventMemory(): (eventId: string) => boolean {
  const seen = new Set<string>();
  return (eventId) => {
    if (seen.has(eventId)) return true;
    seen.add(eventId);
    const [oldest = ''] = seen;
    if (seen.size > mostRemembered) seen.delete(oldest);
    return false;
  };
}
