/* Renders the parts of Slack's mrkdwn that the product uses, for a terminal and for a page. */

/** The emoji that the product uses, by Slack's names. */
const emoji: Record<string, string> = {
  arrows_counterclockwise: '🔄',
  boom: '💥',
  gear: '⚙️',
  hourglass_flowing_sand: '⏳',
  information_source: 'ℹ️',
  key: '🔑',
  no_entry_sign: '🚫',
  tada: '🎉',
  warning: '⚠️',
  wastebasket: '🗑️',
  white_check_mark: '✅',
  white_small_square: '▫️',
  x: '❌',
};

/** Names of people by Slack ID. */
export type Names = ReadonlyMap<string, string>;

const withEmoji = (text: string) => text.replace(/:([a-z_]+):/g, (whole, name: string) => emoji[name] ?? whole);
const unescape = (text: string) => text.replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&');

/** `<@U1>`, `<!date^…|fallback>` and `<https://…|label>` as people see them. */
function readToken(token: string, names: Names): string {
  if (token.startsWith('@')) return `@${names.get(token.slice(1)) ?? token.slice(1)}`;
  const [target = '', label] = token.split('|');
  return label ?? target;
}

/** For a terminal; with `color`, bold and small print are styled. */
export function toTerminal(mrkdwn: string, names: Names, { color }: { color: boolean }): string {
  const bold = (text: string) => (color ? `\u001B[1m${text}\u001B[22m` : text);
  return unescape(
    withEmoji(mrkdwn)
      .replace(/<([@!#h][^>\n]*)>/g, (_, token: string) => readToken(token, names))
      .replace(/```\n?([\s\S]*?)\n?```/g, '$1')
      .replace(/(?<![\w*])\*([^*\n]+)\*(?![\w*])/g, (_, text: string) => bold(text))
      .replace(/(?<![\w_])_([^_\n]+)_(?![\w_])/g, '$1'),
  );
}

/** For a page. Text from people and clusters is already escaped; everything else is escaped here. */
export function toHtml(mrkdwn: string, names: Names): string {
  const code: string[] = [];
  const keep = (html: string) => `\u0000${code.push(html) - 1}\u0000`;
  const escapeRest = (text: string) => text.replace(/</g, '&lt;').replace(/>/g, '&gt;');
  return withEmoji(mrkdwn)
    .replace(/```\n?([\s\S]*?)\n?```/g, (_, text: string) => keep(`<pre>${escapeRest(text)}</pre>`))
    .replace(/`([^`\n]+)`/g, (_, text: string) => keep(`<code>${escapeRest(text)}</code>`))
    .replace(/<([@!#h][^>\n]*)>/g, (_, token: string) => {
      const read = escapeRest(readToken(token, names));
      return keep(token.startsWith('@') ? `<b>${read}</b>` : read);
    })
    .replace(/https:\/\/[^\s<>)]+/g, (url) => keep(`<a href="${url.replace(/"/g, '&quot;')}">${url}</a>`))
    .replace(/[<>]/g, (sign) => escapeRest(sign))
    .replace(/(?<![\w*])\*([^*\n]+)\*(?![\w*])/g, '<b>$1</b>')
    .replace(/(?<![\w_])_([^_\n]+)_(?![\w_])/g, '<i>$1</i>')
    .replace(/^&gt; ?(.*)$/gm, '<q>$1</q>')
    .replace(/<\/q>\n<q>/g, '<br>')
    .replace(/<\/q>\n/g, '</q>')
    .replace(/\n/g, '<br>')
    .replace(/\u0000(\d+)\u0000/g, (_, index: string) => code[Number(index)]!);
}
