import { randomUUID } from 'node:crypto';
import type { WebClient } from '@slack/web-api';
import { z } from 'zod';
import type { Requester } from '../../commands/payload.js';
import type { DemoConfig } from '../../config.js';
import { messageOf } from '../../errors.js';
import type { Log } from '../../log.js';
import type { People } from '../../slack/people.js';
import type { SlackMessage } from '../../slack-message.js';
import { textMessages, uploadRefusalIn, uploadRefusedMessage, type SlackFile } from './file-as-text.js';
import { whyNotForAll } from './readers.js';

/** Where a message stands, so that it can be edited. */
export interface PostedMessage {
  channel: string;
  ts: string;
}

/** Who reads what a job says. */
export type Audience = Pick<Requester, 'channelId' | 'userId'>;

export interface SharedFile {
  /** By which it can be deleted. */
  ids: string[];
  /** Why the channel did not get it; undefined where it did, or was not meant to. */
  withheld?: string | undefined;
}

/** What workers say in Slack. */
export interface Slack {
  /** Into the channel where it was asked; as a direct message where the bot cannot write there. */
  post(to: Audience, message: SlackMessage): Promise<PostedMessage>;
  update(posted: PostedMessage, message: SlackMessage): Promise<void>;
  /** For the eyes of the person alone, in the channel where they asked. */
  whisper(to: Requester, message: SlackMessage): Promise<void>;
  /** A file for the channel, or for the person alone where others must not have it; says which and why. */
  shareFile(to: Audience, file: SlackFile, config: Pick<DemoConfig, 'access' | 'delivery'>): Promise<SharedFile>;
  /** A file as a direct message. */
  sendFile(userId: string, file: SlackFile): Promise<SharedFile>;
  /** Takes files back, as far as Slack still has them. */
  deleteFiles(ids: readonly string[]): Promise<void>;
}

export function createSlack(client: WebClient, people: People, log: Log): Slack {
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
    { channelId, userId }: Audience,
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

  /** Where Slack takes no file, what it says is posted there and the file sent to the person as text. */
  async function upload(channel: string, userId: string, file: SlackFile): Promise<SharedFile> {
    const { filename, content, title, comment } = file;
    try {
      const upload = { channel_id: channel, filename, content, title, initial_comment: comment };
      const { files = [] } = uploaded.safeParse(await client.files.uploadV2(upload)).data ?? {};
      return { ids: files.flatMap((each) => each.files.map(({ id }) => id)) };
    } catch (error) {
      const refusal = uploadRefusalIn(error);
      if (refusal === undefined) throw error;
      log.warn({ reason: messageOf(error) }, 'Slack takes no file: it is sent as text');
      const direct = await directChannel(userId);
      await say(channel, uploadRefusedMessage(file, refusal, channel === direct ? undefined : userId));
      for (const message of textMessages(file)) await say(direct, message);
      return { ids: [] };
    }
  }

  async function say(channel: string, message: SlackMessage): Promise<PostedMessage> {
    const posted = await client.chat.postMessage({ channel, ...message, ...messageId(), unfurl_links: false });
    return { channel: posted.channel!, ts: posted.ts! };
  }

  return {
    async post(to, message) {
      return await inChannel(to, (channel) => say(channel, message));
    },
    async update({ channel, ts }, message) {
      await client.chat.update({ channel, ts, ...message });
    },
    async whisper({ channelId, userId }, message) {
      try {
        await client.chat.postEphemeral({ channel: channelId, user: userId, ...message });
      } catch (error) {
        log.info({ channel: channelId, reason: messageOf(error) }, 'answering with a direct message');
        await say(await directChannel(userId), message);
      }
    },
    async shareFile({ channelId, userId }, file, { access, delivery }) {
      const withheld = delivery === 'dm' ? undefined : await whyNotForAll(channelId, { client, people, access });
      if (delivery === 'channel' && withheld === undefined)
        return await inChannel({ channelId, userId }, (channel) => upload(channel, userId, file));
      if (withheld) log.info({ channel: channelId, reason: withheld }, 'The file goes to the person alone');
      return { ...(await upload(await directChannel(userId), userId, file)), withheld };
    },
    async sendFile(userId, file) {
      return await upload(await directChannel(userId), userId, file);
    },
    async deleteFiles(ids) {
      for (const file of ids)
        await client.files.delete({ file }).catch((error: unknown) => {
          // Somebody may have deleted it; and a demo's end must not wait for this.
          log.warn({ file, reason: messageOf(error) }, 'A file was not deleted in Slack');
        });
    },
  };
}

/**
 * By this Slack knows again a post that was repeated since its answer was lost. It is no documented argument, and whether
 * Slack heeds it for bots is not promised; errors of chat.postMessage speak of it.
 */
const messageId = () => ({ client_msg_id: randomUUID() });

/** What is needed of the answer of an upload, which client libraries wrap once more. */
const uploaded = z.object({ files: z.array(z.object({ files: z.array(z.object({ id: z.string() })) })) });

const cannotWrite = /not_in_channel|channel_not_found|is_archived|restricted_action/;
