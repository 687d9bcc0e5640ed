/** The evidence below each cause that a verdict names, by cause: its first line. */
export function causesIn(text: string): Record<string, string> {
  const named = text.matchAll(/^\*(?:Cause|Also):\* (.+)\n> (.+)$/gm);
  return Object.fromEntries([...named].map(([, cause = '', evidence = '']) => [cause, evidence]));
}

/** A page with the table of causes, whose second column becomes what was seen. */
export function withSeenCauses(page: string, seen: Readonly<Record<string, string>>): string {
  const rows = page.split('\n').map((row) => {
    const [, cause = ''] = /^\| ([^|]+) \| `[^`]*` \|/.exec(row) ?? [];
    if (!Object.hasOwn(seen, cause)) return row;
    const evidence = plain(seen[cause]!).replaceAll('|', '\\|').replaceAll('`', "'");
    return row.replace(/^(\| [^|]+ \| )`[^`]*`/, (_match, start: string) => `${start}\`${evidence}\``);
  });
  return rows.join('\n');
}

/** Slack's mrkdwn escapes three characters. */
const plain = (text: string) => text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
