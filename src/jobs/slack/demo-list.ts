import { listedButtons, listedMenu, type ButtonRules } from './demo-buttons.js';
import { commandLine, commandWords } from '../../commands/command-line.js';
import type { DataTableBlock, RichTextBlock } from '@slack/web-api';
import { formatDuration } from '../../duration.js';
import type { Demo } from '../../k8s/demo/demo.js';
import type { UnreadableDemo } from '../../k8s/demo/stored-record.js';
import { joinMrkdwn, mention, mrkdwn, type Mrkdwn } from '../../mrkdwn.js';
import { buttons, sections, type CommandButton, type MessageBlock } from '../../slack-message.js';
import { brief, describeState, endText, firstLines, firstNames, verdictText } from './messages.js';

/* The demos of a host cluster, as `list` and Home show them: one's own with their buttons, then all in a table. */

interface DemoListing {
  demos: readonly Demo[];
  unreadable: readonly UnreadableDemo[];
  /** Whose buttons come first. */
  userId: string;
  config: ButtonRules;
}

/** A table may have a hundred rows, and a message fifty blocks. */
const mostRows = 100;
const mostOwn = 8;
/** They fit into a section. */
const mostNames = 110;
const mostUnreadable = 20;

/** Opens the form, with the host cluster chosen. */
export const createButton = (hostCluster: string | undefined): CommandButton => ({
  label: 'Create a demo',
  value: commandWords({ hostCluster }, 'create'),
  action: 'form',
  style: 'primary',
});

export function demoBlocks(listing: DemoListing): MessageBlock[] {
  const { unreadable, userId, config } = listing;
  const demos = ownFirst(listing.demos, userId);
  const own = demos.filter(({ owner }) => owner.id === userId);
  const unshown = demos.slice(mostRows);
  return [
    ...own
      .slice(0, mostOwn)
      .flatMap((demo) => [...sections(demoText(demo)), buttons(listedButtons(demo, config), listedMenu(demo))]),
    ...(own.length > mostOwn ? sections(restText('Your other demos', own.slice(mostOwn))) : []),
    ...(demos.length > 0 ? [demoTable(demos)] : []),
    ...(unshown.length > 0 ? sections(restText(`The other ${unshown.length}`, unshown)) : []),
    ...(unreadable.length > 0
      ? sections(joinMrkdwn(firstLines(unreadable, mostUnreadable, unreadableText), '\n'))
      : []),
  ];
}

/** Somebody's own demos before those of others, each oldest first. */
export const ownFirst = (demos: readonly Demo[], userId: string): Demo[] =>
  demos.toSorted((a, b) => Number(b.owner.id === userId) - Number(a.owner.id === userId));

/** Demos that there is no room for, by name. */
function restText(what: string, demos: readonly Demo[]): Mrkdwn {
  const [first] = demos;
  const example = first && commandLine(first, 'status');
  const names = demos.map(({ name }) => name);
  return mrkdwn`${what}: ${firstNames(names, mostNames)}. ${example} shows one of them.`;
}

const demoText = (demo: Demo): Mrkdwn =>
  joinMrkdwn([mrkdwn`*${demo.name}*: ${describeState(demo)}; ${endText(demo)}`, verdictText(demo)], '\n');

/** Its lifetime stands still while it is paused. */
const leftText = (leftMs: number): string => `${formatDuration(leftMs)} left when it is resumed`;

function unreadableText({ name, problem, managedIn }: UnreadableDemo): Mrkdwn {
  return managedIn === undefined
    ? mrkdwn`• *${brief(name)}* cannot be read: ${brief(problem)}`
    : mrkdwn`• *${brief(name)}*: ${brief(problem)}`;
}

const states: Record<Demo['state'], string> = {
  creating: 'being created',
  ready: 'ready',
  paused: 'paused',
  failed: 'failed',
  deleting: 'being deleted',
};

function demoTable(demos: readonly Demo[]): DataTableBlock {
  const head = ['Demo', 'Owner', 'State', 'Expires'].map((text) => ({ type: 'raw_text', text }) as const);
  const rows = demos.slice(0, mostRows).map(({ name, owner, state, expires, paused }) => [
    { type: 'raw_text', text: name } as const,
    ownerCell(owner),
    { type: 'raw_text', text: states[state] } as const,
    paused?.leftMs === undefined
      ? rich({
          type: 'date',
          timestamp: Math.floor(expires.getTime() / 1000),
          format: '{date_short_pretty} {time}',
          fallback: `${expires.toISOString().slice(0, 16).replace('T', ' ')} UTC`,
        })
      : ({ type: 'raw_text', text: leftText(paused.leftMs) } as const),
  ]);
  const caption =
    demos.length > mostRows ? `The first ${mostRows} of ${demos.length} demos` : `All demos: ${demos.length}`;
  return { type: 'data_table', caption, page_size: 20, rows: [head, ...rows] };
}

/** Shown as the person's name; nobody is notified by a table. */
const ownerCell = ({ id, name }: Demo['owner']) =>
  /^[UW][A-Z0-9]+$/.test(id)
    ? rich({ type: 'user', user_id: id })
    : ({ type: 'raw_text', text: brief(name, 100).trim() || id || 'unknown' } as const);

type RichElement = Extract<RichTextBlock['elements'][number], { type: 'rich_text_section' }>['elements'][number];

const rich = (element: RichElement): RichTextBlock => ({
  type: 'rich_text',
  elements: [{ type: 'rich_text_section', elements: [element] }],
});

/** For the plain text of a message. */
export const namesOf = (demos: readonly Demo[]): Mrkdwn =>
  joinMrkdwn(
    demos.map(({ name, owner, state }) => mrkdwn`${name} of ${mention(owner.id)} (${states[state]})`),
    ', ',
  );
