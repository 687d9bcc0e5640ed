import type { Requester } from '../../commands/payload.js';
import type { DemoConfig } from '../../config.js';
import { messageOf } from '../../errors.js';
import { mrkdwn, type Mrkdwn } from '../../mrkdwn.js';
import type { Log } from '../../log.js';
import { errorCodeOf, type SlackClient } from '../../slack/client.js';
import type { NewBlocks, NewKind } from '../../slack/new-blocks.js';
import type { People } from '../../slack/people.js';
import { messageOfParagraphs, type MessageBlock, type SlackMessage } from '../../slack-message.js';
import type { SlackFile } from './file-as-text.js';
import { createPosts } from './posts.js';
import { createReach, whyNotWritable, type Audience, type PostedMessage } from './reach.js';
import { whyNotForAll } from './readers.js';
import { createUploads, type SharedFile } from './upload.js';

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
  reply(posted: PostedMessage | undefined, to: Audience, message: SlackMessage): Promise<PostedMessage>;
  /** Replies in the thread of a posted message with a file; the file's comment is the reply's text. */
  replyWithFile(posted: PostedMessage, to: Audience, file: SlackFile): Promise<SharedFile>;
  /** Whether the workspace is known not to have such a block, so that people saw text instead. */
  isMissing(kind: NewKind): boolean;
  /** Shows a message to one person only, where they gave the command; if the bot cannot write there, as `post` does. */
  whisper(to: Requester, message: SlackMessage): Promise<void>;
  /**
   * Shares a file in the channel, or in the thread of a message, or only with the person if others must not have it; says
   * which and why.
   */
  shareFile(to: Audience, file: SlackFile, rules: SharingRules, thread?: PostedMessage): Promise<SharedFile>;
  /** Posts in a channel of the configuration. @throws what Slack's client throws if the bot cannot write there */
  announce(channelId: string, message: SlackMessage): Promise<void>;
  /** Sends a direct message, unless it was `said` in their direct messages already. */
  tellPerson(userId: string, message: SlackMessage, said?: PostedMessage): Promise<void>;
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
  const { directChannel, joined, inChannel, inThread } = createReach(client, log);
  const { send, say } = createPosts({ client, newBlocks, log });
  const { upload, uploadDirect } = createUploads({ client, say, reach: { directChannel, inThread }, log });

  const explain = ({ channel, ts }: PostedMessage, why: Mrkdwn) =>
    say(channel, messageOfParagraphs([mrkdwn`:information_source: ${why}`]), ts);

  const post = (to: Audience, message: SlackMessage): Promise<PostedMessage> =>
    inChannel(to, (channel) => say(channel, message), explain);

  return {
    async available() {
      await client.auth.test();
    },
    post: (to, message) => post(to, message),
    async reply(posted, to, message) {
      if (posted === undefined) return await post(to, message);
      return await inThread(posted, (thread) => say(posted.channel, message, thread)).catch(async (error: unknown) => {
        if (whyNotWritable(errorCodeOf(error), posted.channel) === undefined) throw error;
        return await post(to, message);
      });
    },
    async update({ channel, ts }, message) {
      await send(message, (shown) => client.chat.update({ channel, ts, ...shown }));
    },
    isMissing: newBlocks.isMissing,
    async replyWithFile(posted, { userId }, file) {
      return await inThread(posted, (thread) => upload(posted.channel, userId, file, thread));
    },
    async whisper({ channelId, userId, thread }, message) {
      const place = { channel: channelId, user: userId, ...(thread !== undefined && { thread_ts: thread }) };
      const show = async (channel: string) => {
        if (channel !== channelId) return await say(channel, message);
        await send(message, (shown) => client.chat.postEphemeral({ ...place, ...shown }));
        return undefined;
      };
      try {
        await inChannel({ channelId, userId }, show, async (direct, why) => direct && (await explain(direct, why)));
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
        if (!isJoinable || !(await joined(channelId))) throw error;
        return await say(channelId, message);
      });
    },
    async tellPerson(userId, message, said) {
      const direct = await directChannel(userId);
      if (said?.channel !== direct) await say(direct, message);
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

const alreadyDeleted: ReadonlySet<string | undefined> = new Set(['file_not_found', 'file_deleted']);
