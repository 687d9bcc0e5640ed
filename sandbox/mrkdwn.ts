/* Renders the parts of Slack's mrkdwn that the product uses, for a terminal and for a page. */

/** The emoji that the product uses, by Slack's names. */
const emoji: Readonly<Record<string, string>> = {
  alarm_clock: '⏰',
  arrows_counterclockwise: '🔄',
  boom: '💥',
  bust_in_silhouette: '👤',
  busts_in_silhouette: '👥',
  construction: '🚧',
  double_vertical_bar: '⏸️',
  fire: '🔥',
  gear: '⚙️',
  grey_question: '❔',
  handshake: '🤝',
  hourglass: '⌛',
  hourglass_flowing_sand: '⏳',
  information_source: 'ℹ️',
  key: '🔑',
  lock: '🔒',
  no_bell: '🔕',
  no_entry_sign: '🚫',
  octagonal_sign: '🛑',
  page_facing_up: '📄',
  rotating_light: '🚨',
  scroll: '📜',
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

/** `<@U1>`, `<#C1>`, `<!date^…|fallback>` and `<https://…|label>` as people see them. */
function readToken(token: string, names: Names): string {
  const [target = '', label] = token.split('|');
  if (/^[@#]/.test(target)) return `${target[0]}${names.get(target.slice(1)) ?? label ?? target.slice(1)}`;
  const [, seconds] = /^!date\^(\d+)\^/.exec(target) ?? [];
  return seconds === undefined ? (label ?? target) : shortDate(Number(seconds));
}

/** `today 11:44 AM`, as Slack writes `{date_short_pretty} {time}`, in the time zone of this machine. */
export function shortDate(unixSeconds: number, now = new Date()): string {
  const date = new Date(unixSeconds * 1000);
  const dayOf = (at: Date) => Math.round(new Date(at).setHours(12, 0, 0, 0) / 86_400_000);
  const near = { '-1': 'yesterday', 0: 'today', 1: 'tomorrow' } as const;
  const day =
    near[(dayOf(date) - dayOf(now)) as keyof typeof near] ??
    date.toLocaleDateString('en-US', { month: 'short', day: 'numeric', year: 'numeric' });
  return `${day} ${date.toLocaleTimeString('en-US', { hour: 'numeric', minute: '2-digit' })}`;
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
      return keep(/^[@#]/.test(token) ? `<b class="mention">${read}</b>` : read);
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
