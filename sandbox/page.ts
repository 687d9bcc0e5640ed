import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SlackWorkspace } from '../test/support/slack.js';
import { audienceOf, buttonsOf, paragraphsOf, type Entry } from '../test/support/timeline.js';
import { toHtml, type Names } from './mrkdwn.js';

/** Shows the channel in a browser as people see it; `?last=5` shows the last five entries. */
export async function servePage(slack: SlackWorkspace, title = 'vcdemo'): Promise<{ url: string; close(): void }> {
  const server = createServer((request, response) => {
    const count = Number(new URL(request.url ?? '/', 'http://page').searchParams.get('last') ?? 30);
    const page = renderPage(slack.timeline.entries, { names: slack.names, fileNames: slack.fileNames, title, count });
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => void server.close().closeAllConnections(),
  };
}

/** A self-refreshing page with the last `count` entries of the channel. */
function renderPage(
  entries: readonly Entry[],
  {
    names,
    fileNames,
    title,
    count,
  }: { names: Names; fileNames: ReadonlyMap<string, string>; title: string; count: number },
): string {
  const shown = entries.slice(-count).map((entry) => renderEntry(entry, names, fileNames));
  return `<!doctype html><meta charset="utf-8"><title>${title}</title><style>${style}</style>
<h1>#demos <small>${title}</small></h1><main>${shown.join('\n')}</main>
<script>
  if (!location.search.includes('still'))
    setInterval(async () => {
      const text = await (await fetch(location.href)).text();
      const main = new DOMParser().parseFromString(text, 'text/html').querySelector('main');
      if (main.innerHTML !== document.querySelector('main').innerHTML) document.querySelector('main').replaceWith(main);
    }, 1000);
</script>`;
}

function renderEntry(entry: Entry, names: Names, fileNames: ReadonlyMap<string, string>): string {
  const name = names.get(entry.from) ?? entry.from;
  const audience = audienceOf(entry, names);
  const paragraphs = paragraphsOf(entry).map(
    ({ text, small }) => `<div${small ? ' class="small"' : ''}>${toHtml(text, names)}</div>`,
  );
  const buttons = buttonsOf(entry).map(
    ({ label, dangerous }) => `<button${dangerous ? ' class="danger"' : ''}>${label}</button>`,
  );
  const files = entry.files.map((id) => `<p class="file">📄 ${fileNames.get(id) ?? id}</p>`);
  return `<article class="${audience ? 'only' : ''}"><i class="face ${name}">${name[0]!.toUpperCase()}</i><section>
<h2>${name}${name === 'vcdemo' ? ' <em>APP</em>' : ''}${entry.edited ? ' <small>(edited)</small>' : ''}${audience ? ` <small>${audience}</small>` : ''}</h2>
${paragraphs.join('')}${files.join('')}${buttons.length > 0 ? `<p>${buttons.join(' ')}</p>` : ''}</section></article>`;
}

const style = `
body { font: 15px/1.46 Lato, "Noto Sans", "DejaVu Sans", sans-serif; color: #1d1c1d; margin: 0 }
h1 { font-size: 18px; margin: 0; padding: 12px 20px; border-bottom: 1px solid #ddd }
h1 small { font-weight: normal; color: #616061; margin-left: 12px }
article { display: flex; gap: 10px; padding: 8px 20px }
article.only { background: #f8f8fa }
section { flex: 1; min-width: 0; overflow-wrap: anywhere }
h2 { font-size: 15px; margin: 0 }
h2 em { font: 10px sans-serif; background: #e8e8e8; color: #616061; border-radius: 2px; padding: 1px 3px; vertical-align: 1px }
h2 small { font-weight: normal; font-size: 12px; color: #616061 }
p, div { margin: 2px 0 }
.small { font-size: 12px; color: #616061 }
.face { width: 36px; height: 36px; border-radius: 6px; background: #3d7ea6; color: #fff; font: bold 18px/36px sans-serif; text-align: center; flex: none }
.face.vcdemo { background: #4a154b }
code { font: 12px "DejaVu Sans Mono", monospace; color: #c01343; background: #f6f6f6; border: 1px solid #ddd; border-radius: 3px; padding: 1px 3px }
pre { font: 12px/1.4 "DejaVu Sans Mono", monospace; background: #f6f6f6; border: 1px solid #ddd; border-radius: 4px; padding: 8px; margin: 4px 0; white-space: pre-wrap }
q { display: block; border-left: 4px solid #ddd; padding-left: 10px; quotes: none }
.file { display: inline-block; border: 1px solid #ddd; border-radius: 8px; padding: 8px 14px }
button { font: bold 13px sans-serif; padding: 6px 12px; border: 1px solid #bbb; border-radius: 4px; background: #fff }
button.danger { background: #e01e5a; border-color: #e01e5a; color: #fff }`;
