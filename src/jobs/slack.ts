import { WebClient, WebClientEvent, type WebClientOptions } from '@slack/web-api';
import { messageOf } from '../errors.js';
import type { Log } from '../log.js';
import type { SlackCallObserver } from '../metrics.js';
import type { SlackMessage } from '../slack-text.js';
import type { Requester } from './definitions.js';

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

/** A client whose calls are counted, every attempt that was limited as well. */
class ObservedWebClient extends WebClient {
  constructor(
    token: string,
    options: WebClientOptions,
    private readonly observe: SlackCallObserver,
  ) {
    super(token, options);
    // The address of an upload is a secret of its own, and no method.
    this.on(WebClientEvent.RATE_LIMITED, (_seconds: number, { url = '' }: { url?: string } = {}) =>
      observe(url.startsWith(this.slackApiUrl) ? url.slice(this.slackApiUrl.length) : 'upload', 'rate_limited'),
    );
  }

  override async apiCall(...[method, options]: Parameters<WebClient['apiCall']>) {
    try {
      const result = await super.apiCall(method, options);
      this.observe(method, 'ok');
      return result;
    } catch (error) {
      this.observe(method, 'error');
      throw error;
    }
  }
}

export interface SlackClientOptions {
  token: string;
  apiUrl: string | undefined;
  observe: SlackCallObserver;
}

export function createSlackClient({ token, apiUrl, observe }: SlackClientOptions): WebClient {
  // The default retries a POST for half an hour: a message could appear twice long after.
  const options: WebClientOptions = {
    ...(apiUrl && { slackApiUrl: apiUrl }),
    retryConfig: { retries: 3, minTimeout: 500, maxTimeout: 3000 },
    timeout: 15_000,
  };
  return new ObservedWebClient(token, options, observe);
}

export function createSlack(client: WebClient, log: Log): Slack {
  client.on(WebClientEvent.RATE_LIMITED, (seconds: number) => log.warn({ seconds }, 'Slack limits the rate'));

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
        const posted = await client.chat.postMessage({ channel, ...message, unfurl_links: false });
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
        await client.chat.postMessage({ channel: await directChannel(userId), ...message });
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

const cannotWrite = /not_in_channel|channel_not_found|is_archived|restricted_action/;
