import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SlackWorkspace } from '../test/support/slack.js';
import { toTerminal } from './mrkdwn.js';
import {
  audienceOf,
  buttonsOf,
  paragraphsOf,
  type Button,
  type Content,
  type Entry,
} from '../test/support/timeline.js';

export interface Terminal {
  /** The button with this number; undefined if there is none, or no longer one. */
  button(number: number): Button | undefined;
  /** Resolves when the files of all entries have been written to disk. */
  settled(): Promise<void>;
  /** Removes the files, because they contain keys. */
  close(): Promise<void>;
}

/** Prints what happens in the channel: new messages in full, the changed lines of edits, and files with their path. */
export async function showInTerminal(
  slack: SlackWorkspace,
  print: (text: string) => void,
  { color }: { color: boolean },
): Promise<Terminal> {
  const directory = await mkdtemp(join(tmpdir(), 'vcdemo-files-'));
  const buttons: { button: Button; entry: Entry }[] = [];
  const saving: Promise<void>[] = [];
  const dim = (text: string) => (color ? `\u001B[2m${text}\u001B[22m` : text);
  const lines = (content: Content) =>
    paragraphsOf(content).flatMap(({ text, small }) => {
      const shown = toTerminal(text, slack.names, { color }).split('\n');
      return small ? shown.map(dim) : shown;
    });
  const header = (entry: Entry) => {
    const small = [entry.edited ? '(edited)' : undefined, audienceOf(entry, slack.names)];
    return [slack.names.get(entry.from) ?? entry.from, ...small.filter((text) => text !== undefined).map(dim)].join(
      ' ',
    );
  };

  slack.timeline.onChange((entry, before) => {
    const known = new Set(before ? lines(before) : []);
    const changed = lines(entry).filter((line) => line.trim() !== '' && !known.has(line));
    const offered = before ? [] : buttonsOf(entry);
    const numbered = offered.map((button) => `[${buttons.push({ button, entry })}] ${button.label}`);
    if (changed.length === 0 && numbered.length === 0) return;
    print([header(entry), ...[...changed, numbered.join('   ')].filter(Boolean).map((line) => `  ${line}`)].join('\n'));
    if (!before && entry.files.length > 0) saving.push(save(entry));
  });

  /** Readable only by its owner, as kubectl requires. */
  async function save({ channel, files }: Entry): Promise<void> {
    for (const { id, name, content } of await slack.files(channel)) {
      if (!files.includes(id)) continue;
      const path = join(directory, name);
      await writeFile(path, content, { mode: 0o600 });
      const hint = name.includes('kubeconfig') ? `\n     kubectl --kubeconfig ${path} get namespaces` : '';
      print(`  📄 ${path}${hint}`);
    }
  }

  return {
    button(number) {
      const { button, entry } = buttons[number - 1] ?? {};
      const stands = entry && buttonsOf(entry).some(({ actionId }) => actionId === button?.actionId);
      return stands ? button : undefined;
    },
    settled: async () => void (await Promise.all(saving)),
    close: () => rm(directory, { recursive: true, force: true }),
  };
}
