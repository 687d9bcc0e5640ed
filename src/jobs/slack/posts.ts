import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { messageOf } from '../../errors.js';
import type { Log } from '../../log.js';
import { errorCodeOf, type SlackClient } from '../../slack/client.js';
import type { NewBlocks } from '../../slack/new-blocks.js';
import type { SlackMessage } from '../../slack-message.js';
import type { PostedMessage } from './reach.js';

/** How messages are sent, whatever Slack thinks of what is in them. */
interface Posts {
  /** Sends a message, or only its text if Slack refuses the message for what is in it: nobody may hear nothing at all. */
  send<Answer>(
    message: SlackMessage,
    to: (shown: SlackMessage) => Promise<Answer>,
    again?: (shown: SlackMessage, sent: Answer) => Promise<Answer>,
  ): Promise<Answer>;
  /** Posts in a channel, or in a thread of it. */
  say(channel: string, message: SlackMessage, thread?: string): Promise<PostedMessage>;
}

export function createPosts({
  client,
  newBlocks,
  log,
}: {
  client: SlackClient;
  newBlocks: NewBlocks;
  log: Log;
}): Posts {
  const send: Posts['send'] = async (message, to, again) => {
    try {
      return await newBlocks.send(message, to, again);
    } catch (error) {
      if (!isContentRefusal(error)) throw error;
      log.error({ reason: messageOf(error) }, 'Slack refused a message; only its text was sent');
      return await to(textOnly(message));
    }
  };

  const say: Posts['say'] = async (channel, message, thread) => {
    const sent = { channel, unfurl_links: false, ...(thread !== undefined && { thread_ts: thread }) };
    return await send(
      message,
      async (shown) => posted.parse(await client.chat.postMessage({ ...sent, ...shown, ...messageId() })),
      async (shown, first) => {
        await client.chat.update({ ...first, ...shown });
        return first;
      },
    );
  };

  return { send, say };
}

/**
 * Lets Slack recognise a post that is repeated because its answer was lost. The argument is undocumented, and Slack may
 * ignore it for bots; errors of chat.postMessage mention it.
 */
const messageId = () => ({ client_msg_id: randomUUID() });

/** Slack refused a message because of its content, not of its place. */
const isContentRefusal = (error: unknown): boolean =>
  /^(msg_too_long|msg_blocks_too_long|invalid_blocks|invalid_blocks_format|invalid_arguments|no_text)$/.test(
    errorCodeOf(error) ?? '',
  );

/** The empty list removes the blocks of a message that is edited. */
const textOnly = ({ text }: SlackMessage): SlackMessage => ({ text, blocks: [] });

/** The parts of Slack's answers that are needed. */
const posted = z.object({ channel: z.string(), ts: z.string() });
