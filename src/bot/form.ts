import type { InputBlock, ModalView, PlainTextElement } from '@slack/web-api';
import { joinWords } from '../commands/normalise.js';
import { parseCommand, type ParseOptions } from '../commands/parse.js';
import { commands, defaultDemo } from '../commands/table.js';
import type { SharedConfig } from '../config.js';
import { formatDuration } from '../duration.js';
import { Refusal } from '../errors.js';
import type { SlackMessage } from '../slack-message.js';
import { smallPrint } from '../slack-message.js';
import { mrkdwn } from '../mrkdwn.js';
import { firstCharacters } from '../text.js';

/*
 * The form of `create`: each field is a part of the command line, and is parsed as if it had been typed.
 */

export const formId = 'create';

/** The fields of the form; a flag of the command has the name of its field in the payload. */
export const fieldNames = ['demo', 'ttlMs', 'on', 'channel'] as const;
export type Field = (typeof fieldNames)[number];

interface FormOptions {
  config: Pick<SharedConfig, 'ttl' | 'clusters'>;
  /** Where the progress will be posted: the channel of the command or, if the person picks one, the default. */
  channelId: string;
  /** Whether the person picks the channel. */
  picksChannel: boolean;
  /** The one that is chosen at first; the first of several if undefined. */
  hostCluster?: string | undefined;
}

export function createForm({ config, channelId, picksChannel, hostCluster }: FormOptions): ModalView {
  const { ttl, clusters } = config;
  const { ttlMs } = commands.create.flags;
  const blocks: InputBlock[] = [
    field(
      'demo',
      'Name',
      `At most 20 lower-case letters, digits and hyphens. If it is empty, the name is “${defaultDemo}” or, if that is taken, “${defaultDemo}-2” and so on.`,
      {
        type: 'plain_text_input',
        action_id: 'value',
        placeholder: plainText(defaultDemo),
        // Longer names are refused in words.
        max_length: 80,
      },
    ),
    field('ttlMs', 'Lifetime', `Such as 90m, ${ttlMs.example} or 2d; at most ${formatDuration(ttl.max)}.`, {
      type: 'plain_text_input',
      action_id: 'value',
      initial_value: formatDuration(ttl.default),
      max_length: 80,
    }),
  ];
  const [first, ...others] = clusters.map((name) => ({ text: plainText(name), value: name }));
  if (first && others.length > 0)
    blocks.push(
      field('on', 'Host cluster', 'Where the virtual clusters run.', {
        type: 'static_select',
        action_id: 'value',
        options: [first, ...others],
        initial_option: [first, ...others].find(({ value }) => value === hostCluster) ?? first,
      }),
    );
  if (picksChannel)
    blocks.push(
      field('channel', 'Channel', 'Where the progress is shown. If empty, you get it as a direct message.', {
        type: 'conversations_select',
        action_id: 'value',
        placeholder: plainText('Direct message'),
        filter: { include: ['public', 'private', 'mpim'], exclude_bot_users: true },
      }),
    );
  return {
    type: 'modal',
    callback_id: formId,
    private_metadata: channelId,
    title: plainText('Create a demo'),
    submit: plainText('Create'),
    close: plainText('Cancel'),
    blocks: [
      ...blocks,
      smallPrint(
        mrkdwn`Two virtual clusters joined by one Istio mesh, ready in about a minute. The short way: \`/vcdemo ${commands.create.example}\``,
      ),
    ],
  };
}

export const plainText = (text: string): PlainTextElement => ({ type: 'plain_text', text });

/** A field that may be left empty; its element reports what was filled in under the id `value`. */
export const fieldOf = (
  name: string,
  label: string,
  hint: string | undefined,
  element: InputBlock['element'],
): InputBlock => ({
  type: 'input',
  block_id: name,
  optional: true,
  label: plainText(label),
  ...(hint !== undefined && { hint: plainText(hint) }),
  element,
});

const field = (name: Field, label: string, hint: string, element: InputBlock['element']) =>
  fieldOf(name, label, hint, element);

/** The state of a submitted view: what was filled in, by block and element. */
type FormState = Record<string, Record<string, StateValue>>;

interface StateValue {
  value?: string | null | undefined;
  selected_option?: { value?: string } | null | undefined;
  selected_conversation?: string | null | undefined;
  selected_user?: string | null | undefined;
}

type FormContent = Partial<Record<Field, string>>;

/** What was filled in; empty fields are left out. */
export function contentOf<Name extends string>(
  state: FormState,
  names: readonly Name[],
): Partial<Record<Name, string>> {
  const content: Partial<Record<Name, string>> = {};
  for (const name of names) {
    const { value, selected_option: option, ...selected } = state[name]?.value ?? {};
    const chosen = selected.selected_conversation ?? selected.selected_user;
    const text = (value ?? option?.value ?? chosen ?? '').trim();
    if (text !== '') content[name] = text;
  }
  return content;
}

/** The command line of a form. */
export function commandLineOf(content: FormContent): string {
  return joinWords(['create', ...wordsOf(content)]);
}

function wordsOf({ demo, ttlMs, on }: FormContent): string[] {
  const flag = (name: string, value: string | undefined) => (value === undefined ? [] : [`${name}=${value}`]);
  return [...(demo === undefined ? [] : [demo]), ...flag(commands.create.flags.ttlMs.name, ttlMs), ...flag('--on', on)];
}

/** What is wrong with each field, in the words with which the typed command would be refused. */
export function problemsIn(content: FormContent, options: ParseOptions): Partial<Record<Field, string>> {
  const problems: Partial<Record<Field, string>> = {};
  for (const name of ['demo', 'ttlMs', 'on'] as const) {
    if (content[name] === undefined) continue;
    try {
      parseCommand(commandLineOf({ [name]: content[name] }), options);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      problems[name] = withoutFormat(error.message);
    }
  }
  return problems;
}

/** Errors in forms are plain text. */
export const withoutFormat = (text: string): string => firstCharacters(text.replaceAll('`', ''), 2_000);

/** Shows in place of the form what came of it. */
export function formAnswer({ blocks }: SlackMessage): ModalView {
  return { type: 'modal', title: plainText('Create a demo'), close: plainText('Close'), blocks };
}
