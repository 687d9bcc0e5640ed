import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as bodyOf } from 'node:stream/consumers';
import * as z from 'zod';
import type { Person, SlackWorkspace } from '../test/support/slack.js';
import type { Conversation } from '../test/support/stack.js';
import { audienceOf, type Entry } from '../test/support/timeline.js';
import { escapeHtml, renderBlocks } from './blocks.js';
import { toHtml } from './mrkdwn.js';
import { script } from './page-script.js';
import { style } from './style.js';

/** What people can do on the page. */
type PageActions = Pick<Conversation, 'type' | 'click' | 'submit' | 'openHome'>;

/**
 * Shows the workspace in a browser as people see it, and lets Alice (or `?as=bob`) click and type. `?home` shows her Home,
 * `?direct` her direct messages, `?modal` only the modal that is open, `?last=5` the last five entries, `?like=ready` only
 * entries with that text, `?theme=dark` dark colours; `?still` does not refresh.
 */
export async function servePage(
  slack: SlackWorkspace,
  title = 'vcdemo',
  actions?: PageActions,
): Promise<{ url: string; close(): void }> {
  const personIn = (query: URLSearchParams): Person => (query.get('as') === 'bob' ? slack.bob : slack.alice);
  const server = createServer((request, response) => {
    const { searchParams: query, pathname } = new URL(request.url ?? '/', 'http://page');
    const finish = (status: number, text: string, type = 'text/html') =>
      response.writeHead(status, { 'content-type': `${type}; charset=utf-8` }).end(text);
    if (request.method !== 'POST') return finish(200, renderPage(slack, title, personIn(query), query));
    act(request, pathname, personIn(query), slack, actions).then(
      (answer) => finish(200, JSON.stringify(answer), 'application/json'),
      (error: unknown) => finish(400, String(error), 'text/plain'),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => void server.close().closeAllConnections(),
  };
}

const sent = z.object({
  text: z.string().default(''),
  /** The message with the button; Home if there is none. */
  entry: z.string().optional(),
  actionId: z.string().default(''),
  value: z.string().default(''),
  isMenu: z.boolean().default(false),
  values: z.record(z.string(), z.union([z.string(), z.array(z.string())])).default({}),
});

/** Resolves with what is wrong in a modal, by field. */
async function act(
  request: IncomingMessage,
  path: string,
  person: Person,
  { timeline, views }: SlackWorkspace,
  actions: PageActions | undefined,
): Promise<Record<string, string>> {
  if (actions === undefined) return {};
  const { text, entry: id, actionId, value, isMenu, values } = sent.parse(JSON.parse(await bodyOf(request)));
  switch (path) {
    case '/type':
      await actions.type(person, text.replace(/^\/vcdemo\s*/, ''));
      return {};
    case '/click':
      await actions.click(person, { actionId, value, isMenu }, timeline.entries.find((one) => one.id === id) ?? 'home');
      return {};
    case '/submit':
      return await actions.submit(person, values);
    case '/close':
      if (views.modal) views.close(views.modal.id);
      return {};
    default:
      await actions.openHome(person);
      return {};
  }
}

function renderPage(slack: SlackWorkspace, title: string, person: Person, query: URLSearchParams): string {
  const theme = query.get('theme') === 'dark' ? ' data-theme="dark"' : '';
  const isStill = query.has('still');
  const place = query.has('home') ? 'vcdemo' : query.has('direct') ? 'Direct messages' : '#demos';
  const main = query.has('modal')
    ? ''
    : query.has('home')
      ? renderHome(slack, person)
      : renderMessages(slack, person, query);
  const modal = query.has('modal') || !isStill ? renderModal(slack) : '';
  return `<!doctype html><html${theme}><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title><style>${style}</style>
<h1>${place} <small>${title}</small></h1>
${isStill ? '' : renderNavigation(slack, person)}
<main>${main}</main><div id="modal" class="${isStill ? '' : 'over'}">${modal}</div><script>${isStill ? '' : script}</script></html>`;
}

/** Like Slack's sidebar: how many direct messages there are tells the page how many are new. */
function renderNavigation({ timeline }: SlackWorkspace, { userId, userName }: Person): string {
  const direct = timeline.entries.filter(({ isDirect, onlyFor }) => isDirect && onlyFor === userId);
  const other = userName === 'alice' ? 'bob' : 'alice';
  return `<nav><a href="?as=${userName}">#demos</a><a href="?home&as=${userName}">Home</a><a href="?direct&as=${userName}" data-count="${direct.length}">Direct messages</a> <span>You are ${userName}; be <a href="?as=${other}">${other}</a></span></nav>`;
}

function renderMessages(slack: SlackWorkspace, person: Person, query: URLSearchParams): string {
  const count = Number(query.get('last') ?? 30);
  const isDirect = query.has('direct');
  const entries = slack.timeline.entries.filter((entry) =>
    entry.isDirect ? isDirect && entry.onlyFor === person.userId : !isDirect,
  );
  // Replies are shown under their message.
  const like = query.get('like') ?? '';
  const roots = entries.filter(({ thread, text }) => thread === undefined && text.includes(like));
  const shown = roots.slice(-count).map((entry) => {
    const replies = query.has('no-threads') ? [] : entries.filter(({ thread }) => thread === entry.id);
    return [renderEntry(entry, slack), ...replies.map((reply) => renderEntry(reply, slack, 'reply'))].join('\n');
  });
  const none = shown.length === 0 ? '<p class="none">There are no messages here yet.</p>' : '';
  const form =
    query.has('still') || isDirect
      ? ''
      : '<form class="composer"><input name="text" placeholder="/vcdemo" autocomplete="off"></form>';
  return `${none}${shown.join('\n')}${form}`;
}

function renderHome(slack: SlackWorkspace, { userId }: Person): string {
  const home = slack.views.homes.get(userId);
  const shown = home
    ? renderBlocks(home.blocks, slack.names)
    : '<p class="small">This Home has not been opened yet.</p>';
  return `<div class="home">${shown}</div>`;
}

function renderModal({ views, names }: SlackWorkspace): string {
  if (!views.modal) return '';
  const { title, submit, close, blocks } = views.modal.view as {
    title?: { text: string };
    submit?: { text: string };
    close?: { text: string };
    blocks: Parameters<typeof renderBlocks>[0];
  };
  const buttons = [
    `<button data-close>${escapeHtml(close?.text ?? 'Close')}</button>`,
    submit ? `<button class="primary" data-submit>${escapeHtml(submit.text)}</button>` : '',
  ];
  return `<form class="modal"><h2>${escapeHtml(title?.text ?? '')}</h2><div>${renderBlocks(blocks, names)}</div><footer>${buttons.join('')}</footer></form>`;
}

function renderEntry(entry: Entry, { names, fileNames }: SlackWorkspace, kind = ''): string {
  const name = names.get(entry.from) ?? entry.from;
  const audience = audienceOf(entry, names);
  const content = entry.blocks?.length ? renderBlocks(entry.blocks, names) : `<div>${toHtml(entry.text, names)}</div>`;
  const files = entry.files.map((id) => `<p class="file">📄 ${fileNames.get(id) ?? id}</p>`);
  return `<article data-entry="${entry.id}" class="${audience ? 'only' : ''} ${kind}"><i class="face ${name}">${name[0]!.toUpperCase()}</i><section>
<h2>${name}${name === 'vcdemo' ? ' <em>APP</em>' : ''}${entry.edited ? ' <small>(edited)</small>' : ''}${audience ? ` <small>${audience}</small>` : ''}</h2>
${content}${files.join('')}</section></article>`;
}
