import * as z from 'zod';
import type { Requester } from '../../commands/payload.js';
import { messageOf } from '../../errors.js';
import type { Log } from '../../log.js';
import { channelMention, mrkdwn, type Mrkdwn } from '../../mrkdwn.js';
import { errorCodeOf, type SlackClient } from '../../slack/client.js';
import { passingFailure } from '../../slack/fetch.js';
import { isTokenError } from '../../slack/token-watch.js';

/** The place of a message, so that it can be edited. */
export interface PostedMessage {
  channel: string;
  ts: string;
}

/** Who gets the messages of a job. */
export type Audience = Pick<Requester, 'channelId' | 'userId'>;

/** How to reach people where the bot cannot write, or a thread is gone. */
export interface Reach {
  /** The channel of somebody's direct messages with the bot. */
  directChannel(userId: string): Promise<string>;
  /** Joins the channel; false if the bot cannot. */
  joined(channelId: string): Promise<boolean>;
  /** Sends to the channel or, if the bot cannot write there, to the person; `explain` is told why. */
  inChannel<Answer>(
    to: Audience,
    send: (channel: string) => Promise<Answer>,
    explain?: (answer: Answer, why: Mrkdwn) => Promise<unknown>,
  ): Promise<Answer>;
  /** If the message that the thread belongs to is gone, it is done without a thread. */
  inThread<Answer>(message: PostedMessage, send: (thread: string | undefined) => Promise<Answer>): Promise<Answer>;
}

export function createReach(client: SlackClient, log: Log): Reach {
  async function directChannel(userId: string): Promise<string> {
    return opened.parse(await client.conversations.open({ users: userId })).channel.id;
  }

  async function joined(channelId: string): Promise<boolean> {
    try {
      await client.conversations.join({ channel: channelId });
      return true;
    } catch (error) {
      log.info({ channel: channelId, reason: messageOf(error) }, 'bot cannot join the channel');
      return false;
    }
  }

  async function inChannel<Answer>(
    { channelId, userId }: Audience,
    send: (channel: string) => Promise<Answer>,
    explain?: (answer: Answer, why: Mrkdwn) => Promise<unknown>,
  ): Promise<Answer> {
    try {
      return await send(channelId);
    } catch (error) {
      const code = errorCodeOf(error);
      const why = whyNotWritable(code, channelId);
      if (why === undefined) throw error;
      const isJoinable = channelId.startsWith('C') && code === 'not_in_channel';
      if (isJoinable && (await joined(channelId))) return await send(channelId);
      log.info({ channel: channelId, reason: messageOf(error) }, 'answering with a direct message');
      const answer = await send(await directChannel(userId));
      await explain?.(answer, why)?.catch((explainError: unknown) =>
        log.warn({ reason: messageOf(explainError) }, 'reason for a direct message was not sent'),
      );
      return answer;
    }
  }

  async function inThread<Answer>(
    { channel, ts }: PostedMessage,
    send: (thread: string | undefined) => Promise<Answer>,
  ): Promise<Answer> {
    try {
      return await send(ts);
    } catch (error) {
      if (!isOfThread(errorCodeOf(error))) throw error;
      log.info({ channel, reason: messageOf(error) }, 'the thread is gone');
      return await send(undefined);
    }
  }

  return { directChannel, joined, inChannel, inThread };
}

const left: ReadonlySet<string | undefined> = new Set([
  ...['user_disabled', 'user_not_found', 'users_not_found', 'user_not_visible', 'cannot_dm_bot'],
]);

/**
 * For a message that would go to a person as the last resort: nothing waits for somebody who has left the workspace. Other
 * errors are thrown again.
 */
export const unlessTheyLeft =
  (log: Log) =>
  (error: unknown): undefined => {
    if (!left.has(errorCodeOf(error))) throw error;
    log.info({ reason: messageOf(error) }, 'there is nobody left to tell');
    return undefined;
  };

const opened = z.object({ channel: z.object({ id: z.string() }) });

const noThread: ReadonlySet<string | undefined> = new Set([
  ...['thread_not_found', 'invalid_thread_ts', 'message_not_found', 'cannot_reply_to_message'],
]);

/** Whether Slack's error says that a thread is gone. */
export const isOfThread = (code: string | undefined): boolean => noThread.has(code);

/**
 * Why the bot cannot write in a channel, and what to do; undefined for errors after which a direct message would fare no
 * better.
 */
export function whyNotWritable(code: string | undefined, channelId: string): Mrkdwn | undefined {
  const where = channelId.startsWith('C') ? channelMention(channelId) : mrkdwn`that conversation`;
  const here = 'so its messages about your command come here.';
  if (code === 'not_in_channel')
    return mrkdwn`vcdemo is not in ${where}, ${here} Invite it there with \`/invite @vcdemo\`; with the scope channels:join it joins public channels by itself.`;
  if (code === 'channel_not_found')
    return mrkdwn`vcdemo cannot see the conversation of your command, because it is private or a direct message, ${here} If it is a channel, invite it there with \`/invite @vcdemo\`.`;
  if (code === 'is_archived')
    return mrkdwn`${where} is archived, ${here} Unarchive it, or use vcdemo in another channel.`;
  if (code?.startsWith('restricted_action'))
    return mrkdwn`This workspace does not let apps write in ${where}, ${here} Ask its administrators to allow it, or use another channel.`;
  if (code === undefined || passingFailure(code) || fareNoBetter.has(code) || isOfThread(code) || isTokenError(code))
    return undefined;
  return mrkdwn`Slack does not let vcdemo write in ${where} (\`${code}\`), ${here} Use another channel, or ask the workspace's administrators.`;
}

/** Slack's errors that are about the message, not about its place. */
const fareNoBetter: ReadonlySet<string> = new Set([
  ...['missing_scope', 'msg_too_long', 'msg_blocks_too_long', 'invalid_blocks', 'invalid_blocks_format'],
  ...['invalid_arguments', 'no_text'],
]);
