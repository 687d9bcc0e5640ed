import type { ModalView } from '@slack/web-api';
import * as z from 'zod';
import { personToChoose } from '../commands/command-line.js';
import { requester } from '../commands/payload.js';
import { parseJson } from '../json.js';
import { mentionAny, mrkdwn } from '../mrkdwn.js';
import { smallPrint } from '../slack-message.js';
import { capitalised } from '../text.js';
import { fieldOf, plainText } from './form.js';

/*
 * The forms of the commands that name somebody. Their buttons cannot, so the form asks who it is.
 */

const commandsThatName = ['share', 'transfer'] as const;
export type NamingCommand = (typeof commandsThatName)[number];

export const peopleFormId = 'people';

export const peopleFields = ['person', 'channel'] as const;

/** The command of a button that leaves open whom it is about; undefined for every other command line. */
export const namingCommandOf = (text: string): NamingCommand | undefined =>
  text.includes(personToChoose) ? commandsThatName.find((name) => text.startsWith(`${name} `)) : undefined;

/** What a form remembers: the command line of the button, and where the answer is shown. */
const remembered = z.object({ text: z.string(), channelId: z.string(), thread: requester.shape.thread });
type Remembered = z.infer<typeof remembered>;

/** Undefined for what no form of this version remembers. */
export const readRemembered = (metadata: string): Remembered | undefined =>
  remembered.safeParse(parseJson(metadata)).data;

export function peopleForm(command: NamingCommand, { text, channelId, thread }: Remembered): ModalView {
  const [, demo = ''] = text.split(' ');
  const person = fieldOf('person', 'Person', undefined, {
    type: 'users_select',
    action_id: 'value',
    placeholder: plainText('Choose a person'),
  });
  const channel = fieldOf('channel', 'Channel', undefined, {
    type: 'conversations_select',
    action_id: 'value',
    placeholder: plainText('Choose a channel'),
    filter: { include: ['public', 'private'], exclude_bot_users: true },
  });
  const note =
    command === 'share'
      ? mrkdwn`Choose a person, or a channel for everybody in it. They can then extend demo *${demo}*. For a user group, type \`/vcdemo share ${demo} @group\`.`
      : mrkdwn`The person becomes the owner of demo *${demo}*: only they and administrators can then delete it. It stays shared with you.`;
  return {
    type: 'modal',
    callback_id: peopleFormId,
    private_metadata: JSON.stringify({ text, channelId, thread } satisfies Remembered),
    title: plainText(`${capitalised(command)} a demo`),
    submit: plainText(capitalised(command)),
    close: plainText('Cancel'),
    blocks: [smallPrint(note), ...(command === 'share' ? [person, channel] : [{ ...person, optional: false }])],
  };
}

/** The whole command line, or what is wrong with a field. */
export function namedIn(
  { text }: Remembered,
  { person, channel }: { person?: string; channel?: string },
): { text: string } | { problems: Record<string, string> } {
  const id = person ?? channel;
  if (id === undefined) return { problems: { person: 'Choose a person, or a channel below.' } };
  if (person !== undefined && channel !== undefined)
    return { problems: { channel: 'Choose a person or a channel, not both.' } };
  return { text: text.replace(personToChoose, mentionAny(id).text) };
}
