import { randomUUID } from 'node:crypto';
import type { WebClient } from '@slack/web-api';
import type { Requester } from '../../commands/payload.js';
import { messageOf } from '../../errors.js';
import type { Log } from '../../log.js';
import type { SlackMessage } from '../../slack-message.js';

/** Where a message stands, so that it can be edited. */
export interface PostedMessage {
  channel: string;
  ts: string;
}

export interface SlackFile {
  filename: string;
  content: string;
  title: string;
  comment: string;
}

/** What workers say in Slack. */
export interface Slack {
  /** Into the channel where it was asked; as a direct message where the bot cannot write there. */
  post(to: Pick<Requester, 'channelId' | 'userId'>, message: SlackMessage): Promise<PostedMessage>;
  update(posted: PostedMessage, message: SlackMessage): Promise<void>;
  /** For the eyes of the person alone, in the channel where they asked. */
  whisper(to: Requester, message: SlackMessage): Promise<void>;
  /** A file for the channel, or for the person alone when people of other companies read the channel; says which. */
  shareFile(to: Pick<Requester, 'channelId' | 'userId'>, file: SlackFile): Promise<'channel' | 'direct'>;
  /** A file as a direct message. */
  sendFile(userId: string, file: SlackFile): Promise<void>;
}

export function createSlack(client: WebClient, log: Log): Slack {
  async function directChannel(userId: string): Promise<string> {
    const { channel } = await client.conversations.open({ users: userId });
    return channel!.id!;
  }

  /** The channel, joined if need be; undefined where the bot cannot write. */
  async function writable(channelId: string): Promise<boolean> {
    try {
      await client.conversations.join({ channel: channelId });
      return true;
    } catch (error) {
      log.info({ channel: channelId, reason: messageOf(error) }, 'the bot cannot join the channel');
      return false;
    }
  }

  async function inChannel<Answer>(
    { channelId, userId }: Pick<Requester, 'channelId' | 'userId'>,
    send: (channel: string) => Promise<Answer>,
  ): Promise<Answer> {
    try {
      return await send(channelId);
    } catch (error) {
      if (!cannotWrite.test(messageOf(error))) throw error;
      if (channelId.startsWith('C') && (await writable(channelId))) return await send(channelId);
      return await send(await directChannel(userId));
    }
  }

  async function upload(channel: string, { filename, content, title, comment }: SlackFile): Promise<void> {
    await client.files.uploadV2({ channel_id: channel, filename, content, title, initial_comment: comment });
  }

  async function sharedWithOthers(channelId: string): Promise<boolean> {
    if (channelId.startsWith('D')) return false;
    const { channel } = await client.conversations.info({ channel: channelId });
    return Boolean(channel?.is_ext_shared || channel?.is_pending_ext_shared);
  }

  return {
    async post(to, message) {
      return await inChannel(to, async (channel) => {
        const posted = await client.chat.postMessage({ channel, ...message, ...messageId(), unfurl_links: false });
        return { channel: posted.channel!, ts: posted.ts! };
      });
    },
    async update({ channel, ts }, message) {
      await client.chat.update({ channel, ts, ...message });
    },
    async whisper({ channelId, userId }, message) {
      try {
        await client.chat.postEphemeral({ channel: channelId, user: userId, ...message });
      } catch (error) {
        log.info({ channel: channelId, reason: messageOf(error) }, 'answering with a direct message');
        await client.chat.postMessage({ channel: await directChannel(userId), ...message, ...messageId() });
      }
    },
    async shareFile({ channelId, userId }, file) {
      const foreign = await sharedWithOthers(channelId).catch((error: unknown) => {
        log.warn({ channel: channelId, reason: messageOf(error) }, 'not known who reads the channel: sending directly');
        return true;
      });
      if (foreign) {
        await upload(await directChannel(userId), file);
        return 'direct';
      }
      await inChannel({ channelId, userId }, (channel) => upload(channel, file));
      return 'channel';
    },
    async sendFile(userId, file) {
      await upload(await directChannel(userId), file);
    },
  };
}

/**
 * By this Slack knows again a post that was repeated since its answer was lost. It is no documented argument, and whether
 * Slack heeds it for bots is not promised; errors of chat.postMessage speak of it.
 */
const messageId = () => ({ client_msg_id: randomUUID() });

const cannotWrite = /not_in_channel|channel_not_found|is_archived|restricted_action/;
