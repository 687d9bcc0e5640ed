import * as z from 'zod';
import { messageOf } from '../../errors.js';
import type { Log } from '../../log.js';
import { clipMrkdwn } from '../../mrkdwn.js';
import type { SlackClient } from '../../slack/client.js';
import type { SlackMessage } from '../../slack-message.js';
import { textMessages, uploadRefusalIn, uploadRefusedMessage, type SlackFile } from './file-as-text.js';
import type { PostedMessage, Reach } from './reach.js';

export interface SharedFile {
  /** The IDs by which it can be deleted. */
  ids: string[];
  /** The channel or, if only the person got it, the person. */
  to: string;
  /** What they got. */
  content: SlackFile['content'];
  /** Why the channel did not get it; undefined if it did, or was not supposed to. */
  withheld?: string | undefined;
}

interface UploadParts {
  client: SlackClient;
  /** Posts a message. */
  say(channel: string, message: SlackMessage, thread?: string): Promise<unknown>;
  reach: Pick<Reach, 'directChannel' | 'inThread'>;
  log: Log;
}

interface Uploads {
  /** If Slack refuses the file, the comment is posted in the channel, and the file goes to the person as text. */
  upload(channel: string, userId: string, file: SlackFile, thread?: string): Promise<SharedFile>;
  /** Direct messages belong to somebody, so the file goes to the person's own, whosever the thread is. */
  uploadDirect(userId: string, file: SlackFile, thread: PostedMessage | undefined): Promise<SharedFile>;
}

export function createUploads({ client, say, reach: { directChannel, inThread }, log }: UploadParts): Uploads {
  async function upload(channel: string, userId: string, given: SlackFile, thread?: string): Promise<SharedFile> {
    const isDirect = channel.startsWith('D');
    const file = isDirect ? await personal(given) : given;
    const { filename, content, title, comment, beforeShared } = file;
    const receiver = isDirect ? userId : channel;
    let place: string | undefined;
    try {
      const body = Buffer.from(content);
      const slot = uploadSlot.parse(await client.files.getUploadURLExternal({ filename, length: body.length }));
      const { upload_url: url, file_id: id } = slot;
      await client.putFile(url, body);
      await beforeShared?.({ id, to: receiver });
      if (!isDirect) place = channel;
      await client.files.completeUploadExternal({
        ...(thread === undefined ? { channel_id: channel } : { channel_id: channel, thread_ts: thread }),
        files: [{ id, title }],
        initial_comment: clipMrkdwn(comment, longestComment).text,
      });
      return { ids: [id], to: receiver, content };
    } catch (error) {
      const refusal = uploadRefusalIn(error, place);
      if (refusal === undefined) throw error;
      log.warn({ reason: messageOf(error) }, 'Slack refused the file; sending it as text');
      const direct = await directChannel(userId);
      const own = isDirect ? file : await personal(given);
      await say(channel, uploadRefusedMessage(own, refusal, channel === direct ? undefined : userId), thread);
      for (const message of textMessages(own)) await say(direct, message);
      return { ids: [], to: userId, content: own.content };
    }
  }

  async function uploadDirect(userId: string, file: SlackFile, thread: PostedMessage | undefined): Promise<SharedFile> {
    const own = await directChannel(userId);
    return thread?.channel === own
      ? await inThread(thread, (ts) => upload(own, userId, file, ts))
      : await upload(own, userId, file);
  }

  return { upload, uploadDirect };
}

const personal = async (file: SlackFile): Promise<SlackFile> => (await file.forPerson?.()) ?? file;

const uploadSlot = z.object({ upload_url: z.url(), file_id: z.string() });

/** Slack suggests at most 4,000 characters for a text. */
const longestComment = 3_900;
