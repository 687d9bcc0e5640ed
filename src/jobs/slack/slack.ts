import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Requester } from '../../commands/payload.js';
import type { DemoConfig } from '../../config.js';
import { messageOf } from '../../errors.js';
import { channelMention, clipMrkdwn, mrkdwn, type Mrkdwn } from '../../mrkdwn.js';
import type { Log } from '../../log.js';
import { errorCodeOf, type SlackClient } from '../../slack/client.js';
import type { NewBlocks, NewKind } from '../../slack/new-blocks.js';
import type { People } from '../../slack/people.js';
import { messageOfParagraphs, type MessageBlock, type SlackMessage } from '../../slack-message.js';
import { textMessages, uploadRefusalIn, uploadRefusedMessage, type SlackFile } from './file-as-text.js';
import { whyNotForAll } from './readers.js';

/** The place of a message, so that it can be edited. */
export interface PostedMessage {
  channel: string;
  ts: string;
}

/** Who gets the messages of a job. */
export type Audience = Pick<Requester, 'channelId' | 'userId'>;

export interface SharedFile {
  /** The IDs by which it can be deleted. */
  ids: string[];
  /** The channel or, if only the person got it, the person. */
  to: string;
  /** Why the channel did not get it; undefined if it did, or was not supposed to. */
  withheld?: string | undefined;
}

/** Who may have a file that is shared. */
export interface SharingRules extends Pick<DemoConfig, 'access' | 'delivery'> {
  /** People whose access to the demo was revoked. */
  revoked?: readonly string[];
}

/** How workers talk to people in Slack. */
export interface Slack {
  /** Resolves as soon as Slack answers. */
  available(): Promise<void>;
  /**
   * Posts in the channel of the command; as a direct message if the bot cannot write there, whose thread says why and what
   * to do.
   */
  post(to: Audience, message: SlackMessage): Promise<PostedMessage>;
  update(posted: PostedMessage, message: SlackMessage): Promise<void>;
  /** Posts in the thread of a message; if that is gone, or was never posted, as `post` does. */
  reply(posted: PostedMessage | undefined, to: Audience, message: SlackMessage): Promise<void>;
  /** Replies in the thread of a posted message with a file; the file's comment is the reply's text. */
  replyWithFile(posted: PostedMessage, to: Audience, file: SlackFile): Promise<SharedFile>;
  /** Whether the workspace is known not to have such a block, so that people saw text instead. */
  isMissing(kind: NewKind): boolean;
  /** Shows a message to one person only, in the channel of the command. */
  whisper(to: Requester, message: SlackMessage): Promise<void>;
  /**
   * Shares a file in the channel, or in the thread of a message, or only with the person if others must not have it; says
   * which and why.
   */
  shareFile(to: Audience, file: SlackFile, rules: SharingRules, thread?: PostedMessage): Promise<SharedFile>;
  /** Posts in a channel of the configuration. @throws what Slack's client throws if the bot cannot write there */
  announce(channelId: string, message: SlackMessage): Promise<void>;
  /** Sends a direct message. */
  tellPerson(userId: string, message: SlackMessage): Promise<void>;
  /** Sends a file as a direct message. */
  sendFile(userId: string, file: SlackFile): Promise<SharedFile>;
  /** Fills somebody's Home; its buttons answer in the channel, which is that of their direct messages. */
  publishHome(to: Audience, blocks: MessageBlock[]): Promise<void>;
  /** Deletes files, as far as Slack still has them; returns those that it did not delete. Never throws. */
  deleteFiles(ids: readonly string[]): Promise<string[]>;
}

interface SlackParts {
  client: SlackClient;
  /** The client for what no job waits for, if the other one is patient. */
  quick?: SlackClient;
  people: People;
  newBlocks: NewBlocks;
  log: Log;
}

export function createSlack({ client, quick = client, people, newBlocks, log }: SlackParts): Slack {
  async function directChannel(userId: string): Promise<string> {
    return opened.parse(await client.conversations.open({ users: userId })).channel.id;
  }

  /** Joins the channel; false if the bot cannot. */
  async function writable(channelId: string): Promise<boolean> {
    try {
      await client.conversations.join({ channel: channelId });
      return true;
    } catch (error) {
      log.info({ channel: channelId, reason: messageOf(error) }, 'bot cannot join the channel');
      return false;
    }
  }

  /** Sends to the channel or, if the bot cannot write there, to the person; `explain` is told why. */
  async function inChannel<Answer>(
    { channelId, userId }: Audience,
    send: (channel: string) => Promise<Answer>,
    explain?: (answer: Answer, why: Mrkdwn) => Promise<unknown>,
  ): Promise<Answer> {
    try {
      return await send(channelId);
    } catch (error) {
      const why = whyNotWritable(errorCodeOf(error), channelId);
      if (why === undefined) throw error;
      if (channelId.startsWith('C') && (await writable(channelId))) return await send(channelId);
      log.info({ channel: channelId, reason: messageOf(error) }, 'answering with a direct message');
      const answer = await send(await directChannel(userId));
      await explain?.(answer, why)?.catch((explainError: unknown) =>
        log.warn({ reason: messageOf(explainError) }, 'reason for a direct message was not sent'),
      );
      return answer;
    }
  }

  /** If the message that the thread belongs to is gone, it is done without a thread. */
  async function inThread<Answer>(
    { channel, ts }: PostedMessage,
    send: (thread: string | undefined) => Promise<Answer>,
  ): Promise<Answer> {
    try {
      return await send(ts);
    } catch (error) {
      if (!noThread.has(errorCodeOf(error))) throw error;
      log.info({ channel, reason: messageOf(error) }, 'the thread is gone');
      return await send(undefined);
    }
  }

  /** If Slack refuses the file, the comment is posted in the channel, and the file goes to the person as text. */
  async function upload(channel: string, userId: string, file: SlackFile, thread?: string): Promise<SharedFile> {
    const { filename, content, title, comment, beforeShared } = file;
    const receiver = channel.startsWith('D') ? userId : channel;
    try {
      const body = Buffer.from(content);
      const slot = uploadSlot.parse(await client.files.getUploadURLExternal({ filename, length: body.length }));
      const { upload_url: url, file_id: id } = slot;
      await client.putFile(url, body);
      await beforeShared?.({ id, to: receiver });
      await client.files.completeUploadExternal({
        ...(thread === undefined ? { channel_id: channel } : { channel_id: channel, thread_ts: thread }),
        files: [{ id, title }],
        initial_comment: clipMrkdwn(comment, longestComment).text,
      });
      return { ids: [id], to: receiver };
    } catch (error) {
      const refusal = uploadRefusalIn(error);
      if (refusal === undefined) throw error;
      log.warn({ reason: messageOf(error) }, 'Slack refused the file; sending it as text');
      const direct = await directChannel(userId);
      await say(channel, uploadRefusedMessage(file, refusal, channel === direct ? undefined : userId), thread);
      for (const message of textMessages(file)) await say(direct, message);
      return { ids: [], to: userId };
    }
  }

  /** Direct messages belong to somebody, so the file goes to the person's own, whosever the thread is. */
  async function uploadDirect(userId: string, file: SlackFile, thread: PostedMessage | undefined): Promise<SharedFile> {
    const own = await directChannel(userId);
    return thread?.channel === own
      ? await inThread(thread, (ts) => upload(own, userId, file, ts))
      : await upload(own, userId, file);
  }

  async function say(channel: string, message: SlackMessage, thread?: string): Promise<PostedMessage> {
    const sent = { channel, unfurl_links: false, ...(thread !== undefined && { thread_ts: thread }) };
    return await newBlocks.send(
      message,
      async (shown) => posted.parse(await client.chat.postMessage({ ...sent, ...shown, ...messageId() })),
      async (shown, first) => {
        await client.chat.update({ ...first, ...shown });
        return first;
      },
    );
  }

  const post = (to: Audience, message: SlackMessage): Promise<PostedMessage> =>
    inChannel(
      to,
      (channel) => say(channel, message),
      ({ channel, ts }, why) => say(channel, messageOfParagraphs([mrkdwn`:information_source: ${why}`]), ts),
    );

  return {
    async available() {
      await client.auth.test();
    },
    post: (to, message) => post(to, message),
    async reply(posted, to, message) {
      if (posted === undefined) return void (await post(to, message));
      await inThread(posted, (thread) => say(posted.channel, message, thread)).catch(async (error: unknown) => {
        if (whyNotWritable(errorCodeOf(error), posted.channel) === undefined) throw error;
        await post(to, message);
      });
    },
    async update({ channel, ts }, message) {
      await newBlocks.send(message, (shown) => client.chat.update({ channel, ts, ...shown }));
    },
    isMissing: newBlocks.isMissing,
    async replyWithFile(posted, { userId }, file) {
      return await inThread(posted, (thread) => upload(posted.channel, userId, file, thread));
    },
    async whisper({ channelId, userId, thread }, message) {
      const place = { channel: channelId, user: userId, ...(thread !== undefined && { thread_ts: thread }) };
      try {
        await newBlocks.send(message, (shown) => client.chat.postEphemeral({ ...place, ...shown }));
      } catch (error) {
        log.info({ channel: channelId, reason: messageOf(error) }, 'answering with a direct message');
        await say(await directChannel(userId), message);
      }
    },
    async shareFile({ channelId, userId }, file, { access, delivery, revoked }, thread) {
      const request = { client, people, access, revoked };
      const target = thread?.channel ?? channelId;
      const withheld = delivery === 'dm' ? undefined : await whyNotForAll(target, request);
      if (delivery === 'channel' && withheld === undefined && !target.startsWith('D'))
        return await inChannel({ channelId: target, userId }, (channel) =>
          thread?.channel === channel
            ? inThread(thread, (ts) => upload(channel, userId, file, ts))
            : upload(channel, userId, file),
        );
      if (withheld) log.info({ channel: channelId, reason: withheld }, 'file is sent only to the person');
      return { ...(await uploadDirect(userId, file, thread)), withheld };
    },
    async announce(channelId, message) {
      await say(channelId, message).catch(async (error: unknown) => {
        const isJoinable = channelId.startsWith('C') && errorCodeOf(error) === 'not_in_channel';
        if (!isJoinable || !(await writable(channelId))) throw error;
        return await say(channelId, message);
      });
    },
    async tellPerson(userId, message) {
      await say(await directChannel(userId), message);
    },
    async sendFile(userId, file) {
      return await upload(await directChannel(userId), userId, file);
    },
    async publishHome({ userId, channelId }, blocks) {
      const home = { type: 'home', private_metadata: channelId, blocks } as const;
      await newBlocks.send(home, (view) => client.views.publish({ user_id: userId, view }));
    },
    async deleteFiles(ids) {
      const kept: string[] = [];
      for (const file of ids)
        await quick.files.delete({ file }).catch((error: unknown) => {
          if (alreadyDeleted.has(errorCodeOf(error))) return;
          log.warn({ file, reason: messageOf(error) }, 'file was not deleted in Slack');
          kept.push(file);
        });
      return kept;
    },
  };
}

/**
 * Lets Slack recognise a post that is repeated because its answer was lost. The argument is undocumented, and Slack may
 * ignore it for bots; errors of chat.postMessage mention it.
 */
const messageId = () => ({ client_msg_id: randomUUID() });

/** The parts of Slack's answers that are needed. */
const opened = z.object({ channel: z.object({ id: z.string() }) });
const posted = z.object({ channel: z.string(), ts: z.string() });
const uploadSlot = z.object({ upload_url: z.url(), file_id: z.string() });

/** Slack suggests at most 4,000 characters for a text. */
const longestComment = 3_900;

const alreadyDeleted: ReadonlySet<string | undefined> = new Set(['file_not_found', 'file_deleted']);

const noThread: ReadonlySet<string | undefined> = new Set([
  ...['thread_not_found', 'invalid_thread_ts', 'message_not_found', 'cannot_reply_to_message'],
]);

/** Why the bot cannot write in a channel, and what to do; undefined for errors that are not about the channel. */
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
  return undefined;
}
