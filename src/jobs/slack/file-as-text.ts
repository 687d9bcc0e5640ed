import type { KnownBlock } from '@slack/web-api';
import { mention, mrkdwn, plain, type Mrkdwn } from '../../mrkdwn.js';
import { messageOfParagraphs, type SlackMessage } from '../../slack-message.js';
import { errorCodeOf, UploadFailed } from '../../slack/client.js';
import { passingFailure } from '../../slack/fetch.js';
import { isOfThread, whyNotWritable } from './reach.js';

/* Files for workspaces in which apps cannot upload any: the comment is posted, followed by the file as text. */

export interface SlackFile {
  filename: string;
  /** A buffer of what is no text, such as a picture. */
  content: string | Buffer;
  title: string;
  comment: Mrkdwn;
  /** Called when Slack has the file, and nobody can see it yet. */
  beforeShared?: ((file: { id: string; to: string }) => Promise<unknown>) | undefined;
  /** What goes instead to a person who alone gets the file; made only then. */
  forPerson?: (() => Promise<SlackFile>) | undefined;
}

/** Why Slack refuses a file, by its error code. */
const refusals: Record<string, string> = {
  file_uploads_disabled: 'file uploads are disabled in this Slack workspace',
  file_uploads_except_images_disabled: 'this Slack workspace allows only image files',
  file_type_not_allowed: 'this Slack workspace does not allow files of this type',
  file_upload_size_restricted: 'this Slack workspace limits the size of files',
  storage_limit_reached: 'the storage of this Slack workspace is full',
  slack_connect_file_upload_sharing_blocked: 'this channel does not allow files in Slack Connect',
  slack_connect_blocked_file_type: 'this channel does not allow files of this type in Slack Connect',
  missing_scope: 'the Slack app does not have the scope files:write',
};

/**
 * Why there can be no file, in words; undefined for errors that pass, that are about a thread or, with `place`, about the
 * channel in which the file was to be shared.
 */
export function uploadRefusalIn(error: unknown, place: string | undefined): string | undefined {
  if (error instanceof UploadFailed) return error.message;
  const code = errorCodeOf(error);
  if (code === undefined) return undefined;
  if (refusals[code] !== undefined) return refusals[code];
  const isOfFile = /not_allowed|disabled|blocked|access_?denied|accesslimited/.test(code);
  const isOfPlace = place !== undefined && whyNotWritable(code, place) !== undefined;
  const isRefusal = isOfFile || !(passingFailure(code) || isOfThread(code) || isOfPlace);
  return isRefusal ? `Slack answered ${code}` : undefined;
}

/** The file's comment, why there is no file, and where to find it instead; `userId` is undefined in a direct message. */
export function uploadRefusedMessage(
  { filename, comment, content }: SlackFile,
  refusal: string,
  userId: string | undefined,
): SlackMessage {
  if (typeof content !== 'string')
    return messageOfParagraphs([comment, mrkdwn`:warning: \`${filename}\` could not be attached: ${refusal}.`]);
  const where = userId === undefined ? 'below, as text' : mrkdwn`in the direct messages of ${mention(userId)}, as text`;
  return messageOfParagraphs([
    comment,
    mrkdwn`:warning: \`${filename}\` could not be attached: ${refusal}. It is ${where}: copy it into a file of that name.`,
  ]);
}

/** Slack accepts about 3,000 characters per block and about 13,000 per message. */
const blockLength = 2_900;
const blocksOfMessage = 4;

/** The file as code blocks, in as many messages as it takes; lines are never split. None of what is no text. */
export function textMessages({ filename, content }: SlackFile): SlackMessage[] {
  if (typeof content !== 'string') return [];
  const blocks: string[] = [];
  for (const line of content.trimEnd().split('\n')) {
    const last = blocks.at(-1);
    // Slack takes no empty block.
    if (last !== undefined && (line === '' || last.length + line.length < blockLength))
      blocks[blocks.length - 1] = `${last}\n${line}`;
    else blocks.push(line);
  }
  const count = Math.ceil(blocks.length / blocksOfMessage);
  return Array.from({ length: count }, (_, index) => {
    const part = count > 1 ? `, part ${index + 1} of ${count}` : '';
    const text = `${filename}${part}`;
    const own = blocks.slice(index * blocksOfMessage, (index + 1) * blocksOfMessage);
    const together = own.length > 1 || count > 1 ? ' (put the code blocks together in this order)' : '';
    return {
      text: plain(mrkdwn`${text}`),
      blocks: [...messageOfParagraphs([mrkdwn`\`${text}\`${together}`]).blocks, ...own.map(codeBlock)],
    };
  });
}

const codeBlock = (text: string): KnownBlock => ({
  type: 'rich_text',
  elements: [{ type: 'rich_text_preformatted', elements: [{ type: 'text', text }] }],
});
