import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer as bufferOf } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebClient, type KnownBlock, type View } from '@slack/web-api';
import { createEmulator } from 'emulate';
import { freePort } from './free-port.js';
import { problemsOfMessage, problemsOfView } from './slack-limits.js';
import { Timeline, withNotice, type Content } from './timeline.js';
import { Views, type OpenModal } from './views.js';

/*
 * A Slack workspace in this process: the emulator behind a small server that records the calls. The emulator sends no
 * slash commands or clicks, has no response_url, no call that lists ephemeral messages and no Socket Mode; it treats any
 * token as its administrator's and lets a bot write to public channels that it has not joined. All of this except Socket
 * Mode is added here.
 */

export interface Person {
  userId: string;
  userName: string;
}

export interface Message {
  ts: string;
  text: string;
  user?: string;
  blocks?: KnownBlock[];
  files?: { id: string; name: string; url_private: string }[];
}

export interface SlackFile {
  id: string;
  name: string;
  content: string;
  bytes: Buffer;
}

/** A call of the Web API, in the order of arrival. */
export interface ApiCall {
  method: string;
  /** As they were sent; structured values (blocks, files) are JSON strings. */
  arguments: Record<string, string>;
  response: { ok: boolean; error?: string } & Record<string, unknown>;
}

/** The connection is cut, HTTP 500 is returned instead, or nothing at all. */
export type LostAnswer = 'cut' | 'status' | 'silence';

/** The call is not carried out: HTTP 429 with a Retry-After, HTTP 500, or the connection is cut. */
export type Disturbance = 'limited' | 'broken' | 'cut';

/** So many calls in so many milliseconds, in all or for each channel. */
interface Rate {
  calls: number;
  perMs: number;
  isPerChannel?: boolean;
}

/** What was sent to a response_url. */
export interface Response {
  text?: string;
  blocks?: KnownBlock[];
  response_type?: string;
  replace_original?: boolean;
  delete_original?: boolean;
  thread_ts?: string;
}

export interface SlackWorkspace {
  /** For SLACK_API_URL. */
  apiUrl: string;
  /** The emulator's own page: everything it stores, as tables. */
  inspectorUrl: string;
  /** What people see: commands, responses, messages and their edits. */
  timeline: Timeline;
  /** Modals and Homes. */
  views: Views;
  /** Names by Slack ID. */
  names: ReadonlyMap<string, string>;
  /** Names of uploaded files by Slack ID. */
  fileNames: ReadonlyMap<string, string>;
  botToken: string;
  signingSecret: string;
  /** A public channel that the bot and both people are members of. */
  channel: string;
  /** A public channel that the bot is not a member of. */
  foreignChannel: string;
  alice: Person;
  bob: Person;
  /** A client with the bot's token. */
  client: WebClient;
  /** Alice's own client, with which she opens and archives conversations. */
  asAlice: WebClient;
  calls: ApiCall[];
  /** Messages of the channel, oldest first, without those in threads. */
  messages(channel: string): Promise<Message[]>;
  /** All messages in the threads of the channel. */
  replies(channel: string): Promise<Message[]>;
  /** Messages that were posted with chat.postEphemeral, oldest first; Slack has no call that lists them. */
  ephemeral(userId: string): { channel: string; text: string; blocks: KnownBlock[] }[];
  /** Opens the direct messages between the bot and the person; resolves with their channel. */
  directMessages(userId: string): Promise<string>;
  /** Files in the channel, oldest first, with their content as text. */
  files(channel: string): Promise<SlackFile[]>;
  /** A response_url and what it received; with `fails`, one that has expired. */
  responseUrl(options?: { fails?: boolean }): { url: string; received: Response[]; next(): Promise<Response> };
  /** Makes every later call of the method fail with this error, such as `ratelimited`; `undefined` ends that. */
  failCalls(method: string, error: string | undefined): void;
  /** How many calls were limited so far. */
  readonly limited: number;
  /** Carries out the next calls of the method but loses their responses, each in the given way; `response_url` is a method, too. */
  loseAnswers(method: string, ways: readonly LostAnswer[]): void;
  /** Disturbs the next calls of the method, each in the given way; `response_url` and `upload` are methods, too. */
  disturb(method: string, ways: readonly Disturbance[]): void;
  /** Limits the method from now on: HTTP 429 for what exceeds it, which is not carried out; undefined ends that. */
  limit(method: string, rate: Rate | undefined): void;
  /** Answers every call in or about that channel with this error, such as `channel_not_found`; undefined ends that. */
  refuseChannel(channel: string, error: string | undefined): void;
  /** Takes a scope from the bot's token: calls that need it are refused. Undefined gives it back. */
  withoutScope(scope: string | undefined): void;
  /** Rejects the bot's token with this error, such as `token_revoked`; undefined accepts it again. */
  rejectToken(error: string | undefined): void;
  /** Carries out the calls of the method, but answers them only when the returned function is called. */
  hold(method: string): () => void;
  /** Carries out no calls and answers none, in the given way; undefined ends that. */
  setOutage(way: LostAnswer | undefined): void;
  /** Refuses messages and views with blocks of these types, as a workspace does in which they are not rolled out. */
  refuseBlocks(types: readonly string[], error?: string): void;
  /** Answers every call only after this time; 0 ends that. */
  setDelay(ms: number): void;
  /** Adds this to what users.info says about somebody, such as `{ is_restricted: true }`. */
  changePerson(userId: string, fields: object): void;
  close(): Promise<void>;
}

const scopes = ['commands', 'chat:write', 'files:write', 'files:read', 'im:write', 'im:history', 'im:read'].concat([
  'channels:join',
  'channels:read',
  'channels:history',
  'users:read',
]);

/** To look at everything, as only tests may. */
const observerScopes = ['groups:read', 'groups:history', 'mpim:read', 'mpim:history'];

interface SlackOptions {
  signingSecret?: string;
  /** A footer for every message, such as `simulated cluster`. */
  notice?: string | undefined;
  /** The local address to listen on; pods must be able to reach it if bot and workers run in a cluster. */
  address?: string;
}

/** The bot's ID. */
export const botUserId = 'U0VCDEMO0';

/** Starts a workspace with a channel, two people and the bot, whose token has the scopes of a real one. */
export async function startSlack({
  signingSecret = 'test-signing-secret',
  notice,
  address = '127.0.0.1',
}: SlackOptions = {}): Promise<SlackWorkspace> {
  const botToken = `xoxb-test-${randomBytes(6).toString('hex')}`;
  // The emulator answers each token 5,000 times an hour, which a test that looks several times a second soon exceeds.
  const observerTokens = Array.from({ length: 20 }, (_, index) => `${botToken}-observer-${index}`);
  const aliceToken = 'xoxp-test-alice';
  const emulator = await createEmulator({
    service: 'slack',
    port: await freePort(),
    seed: {
      slack: {
        team: { name: 'Test', domain: 'test' },
        users: [
          { name: 'alice', real_name: 'Alice' },
          { name: 'bob', real_name: 'Bob' },
        ],
        channels: [{ name: 'demos' }],
        oauth_apps: [
          {
            client_id: '1.1',
            client_secret: 'none',
            name: 'vcdemo',
            bot_name: 'vcdemo',
            bot_id: 'B0VCDEMO0',
            bot_user_id: botUserId,
            redirect_uris: [],
            scopes,
          },
        ],
        tokens: [
          { token: botToken, user: botUserId, bot_id: 'B0VCDEMO0', bot_user_id: botUserId, scopes },
          ...observerTokens.map((token) => ({ token, user: botUserId, scopes: [...scopes, ...observerScopes] })),
          { token: aliceToken, user: 'alice', scopes: ['channels:manage', 'groups:write', 'mpim:write'] },
        ],
        strict_scopes: true,
      },
    },
  });
  const timeline = new Timeline();
  const views = new Views();
  const names = new Map([[botUserId, 'vcdemo']]);
  const fileNames = new Map<string, string>();
  const recorder = await startRecorder(emulator.url, { botToken, notice, timeline, views, fileNames, address });
  const apiUrl = `${recorder.url}/api/`;
  const client = new WebClient(botToken, { slackApiUrl: apiUrl, retryConfig: { retries: 0 } });
  // Directly to the emulator, so that reading does not show up among the calls. On a busy machine, a connection may be used
  // just when the emulator closes it as idle; reading once more changes nothing.
  const retryConfig = { retries: 3, factor: 1, minTimeout: 100, maxTimeout: 500 };
  const observers = observerTokens.map(
    (token) => new WebClient(token, { slackApiUrl: `${emulator.url}/api/`, retryConfig }),
  );
  let looks = 0;
  const observer = () => observers[looks++ % observers.length]!;

  const asAlice = new WebClient(aliceToken, { slackApiUrl: `${emulator.url}/api/`, retryConfig: { retries: 0 } });

  const { members = [] } = await observer().users.list({});
  const person = (name: string): Person => {
    const userId = members.find((member) => member.name === name)?.id;
    if (userId === undefined) throw new Error(`The workspace has no ${name}`);
    return { userId, userName: name };
  };
  const alice = person('alice');
  const bob = person('bob');
  for (const { userId, userName } of [alice, bob]) names.set(userId, userName);

  const { channels = [] } = await observer().conversations.list({});
  const channelNamed = (name: string): string => {
    const id = channels.find((candidate) => candidate.name === name)?.id;
    if (id === undefined) throw new Error(`The workspace has no #${name}`);
    return id;
  };
  const channel = channelNamed('demos');
  // The seed adds the people to the channel, but not the bot, which it creates later.
  await observer().conversations.join({ channel });
  // A channel that the emulator creates; only its administrator is a member.
  const foreignChannel = channelNamed('general');
  for (const { id = '', name = '' } of channels) names.set(id, name);

  const messagesOf = async (id: string): Promise<Message[]> => {
    const { messages = [] } = await observer().conversations.history({ channel: id, limit: 1000 });
    return (messages as Message[]).reverse();
  };
  const repliesOf = async (id: string): Promise<Message[]> => {
    const threads = (await messagesOf(id)).map(async ({ ts }) => {
      const { messages = [] } = await observer().conversations.replies({ channel: id, ts, limit: 1000 });
      return (messages as Message[]).filter((message) => message.ts !== ts);
    });
    return (await Promise.all(threads)).flat();
  };

  return {
    apiUrl,
    inspectorUrl: emulator.url,
    timeline,
    views,
    names,
    fileNames,
    botToken,
    signingSecret,
    channel,
    foreignChannel,
    alice,
    bob,
    client,
    asAlice,
    calls: recorder.calls,
    messages: messagesOf,
    replies: repliesOf,
    ephemeral: (userId) =>
      recorder.calls
        .filter(({ method, response }) => method === 'chat.postEphemeral' && response.ok)
        .filter((call) => call.arguments.user === userId)
        .map(({ arguments: { channel: id = '', text = '', blocks = '[]' } }) => ({
          channel: id,
          text,
          blocks: JSON.parse(blocks) as KnownBlock[],
        })),
    async directMessages(userId) {
      const { channel: opened } = await observer().conversations.open({ users: userId });
      const id = opened?.id ?? '';
      recorder.directWith.set(id, userId);
      return id;
    },
    async files(id) {
      // Through the messages: files.list does not keep the order within one second.
      const all = [...(await messagesOf(id)), ...(await repliesOf(id))].sort((a, b) => Number(a.ts) - Number(b.ts));
      const files = all.flatMap((message) => message.files ?? []);
      const found = await Promise.all(
        files.map(async ({ id: fileId, name, url_private: url }) => {
          const answer = await fetch(url, { headers: { authorization: `Bearer ${botToken}` } });
          if (answer.status === 404) return []; // deleted since it was listed
          if (!answer.ok) throw new Error(`The file ${name} cannot be read: HTTP ${answer.status}`);
          const bytes = Buffer.from(await answer.arrayBuffer());
          return { id: fileId, name, content: bytes.toString('utf8'), bytes };
        }),
      );
      return found.flat();
    },
    responseUrl: recorder.responseUrl,
    failCalls: recorder.failCalls,
    changePerson: recorder.changePerson,
    refuseBlocks: recorder.refuseBlocks,
    loseAnswers: recorder.loseAnswers,
    disturb: recorder.disturb,
    hold: recorder.hold,
    limit: recorder.limit,
    get limited() {
      return recorder.limited;
    },
    refuseChannel: recorder.refuseChannel,
    withoutScope: recorder.withoutScope,
    rejectToken: recorder.rejectToken,
    setOutage: recorder.setOutage,
    setDelay: recorder.setDelay,
    async close() {
      await recorder.close();
      await emulator.close();
    },
  };
}

const writingMethods = new Set(['chat.postMessage', 'chat.postEphemeral', 'files.completeUploadExternal']);

interface RecorderOptions {
  botToken: string;
  notice: string | undefined;
  address: string;
  timeline: Timeline;
  views: Views;
  fileNames: Map<string, string>;
}

async function startRecorder(
  emulatorUrl: string,
  { botToken, notice, timeline, views, fileNames, address }: RecorderOptions,
) {
  const calls: ApiCall[] = [];
  const failing = new Map<string, string>();
  const changes = new Map<string, object>();
  const losing = new Map<string, LostAnswer[]>();
  const disturbing = new Map<string, Disturbance[]>();
  const holding = new Map<string, Promise<void>>();
  let refusedBlocks: readonly string[] = [];
  let blockError: string | undefined;
  let outage: LostAnswer | undefined;
  let delayMs = 0;
  const lose = (response: ServerResponse, way: LostAnswer): void => {
    if (way === 'cut') response.socket?.destroy();
    if (way === 'status') response.writeHead(500).end();
  };
  const limits = new Map<string, Rate>();
  const usedAt = new Map<string, number[]>();
  const refusing = new Map<string, string>();
  let missingScope: string | undefined;
  let tokenError: string | undefined;
  let limited = 0;
  /** For how many milliseconds the call is limited; 0 if it may be carried out, which counts. */
  const limitedFor = (method: string, channel: string): number => {
    const rate = limits.get(method);
    if (rate === undefined) return 0;
    const key = `${method} ${rate.isPerChannel ? channel : ''}`;
    const now = performance.now();
    const used = (usedAt.get(key) ?? []).filter((at) => at > now - rate.perMs);
    usedAt.set(key, used);
    if (used.length >= rate.calls) {
      limited += 1;
      return Math.ceil(used[0]! + rate.perMs - now);
    }
    used.push(now);
    return 0;
  };
  const disturb = (response: ServerResponse, way: Disturbance, limitedMs = 50): void => {
    if (way === 'cut') response.socket?.destroy();
    else if (way === 'broken') response.writeHead(500).end();
    else
      response
        .writeHead(429, { 'content-type': 'application/json', 'retry-after': String(limitedMs / 1000) })
        .end('{"ok":false,"error":"ratelimited"}');
  };
  const responseUrls = new Map<string, (message: Response) => boolean>();
  /** The people of direct messages, by channel ID. */
  const directWith = new Map<string, string>();

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => response.writeHead(502).end(String(error)));
  });
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const path = request.url ?? '/';
    const bytes = await bufferOf(request);
    const sent = bytes.toString('utf8');
    const receive = responseUrls.get(path);
    if (receive !== undefined) {
      const message = JSON.parse(sent) as Response;
      const disturbance = disturbing.get('response_url')?.shift();
      if (disturbance !== undefined) return disturb(response, disturbance);
      checkAnswer('message to a response_url', message);
      const accepted = receive(message);
      await holding.get('response_url');
      const lost = losing.get('response_url')?.shift();
      if (lost !== undefined) return lose(response, lost);
      response.writeHead(accepted ? 200 : 404).end(accepted ? 'ok' : 'expired_url');
      return;
    }
    if (!path.startsWith('/api/')) {
      const disturbance = request.method === 'POST' ? disturbing.get('upload')?.shift() : undefined;
      if (disturbance !== undefined) return disturb(response, disturbance);
      const { status, text } = await forward(`${emulatorUrl}${path}`, request, bytes);
      response.writeHead(status).end(text);
      return;
    }
    if (outage !== undefined) return lose(response, outage);
    const method = path.replace(/^\/api\//, '');
    const body = noticed(method, request, sent, notice);
    const given = argumentsOf(request, body);
    const limitedMs = limitedFor(method, given.channel ?? '');
    const disturbance = limitedMs > 0 ? 'limited' : disturbing.get(method)?.shift();
    if (disturbance !== undefined) {
      calls.push({ method, arguments: given, response: { ok: false, error: disturbance } });
      return disturb(response, disturbance, limitedMs || undefined);
    }
    const failure = failing.get(method) ?? (await strictFailure(method, request, body));
    const own =
      failure === undefined
        ? views.answer(method, given)
        : { ok: false, error: failure, ...(failure === 'missing_scope' && { needed: scopeFor(method, given) }) };
    const answer =
      own === undefined
        ? await forward(`${emulatorUrl}${path}`, request, body)
        : { status: 200, text: JSON.stringify(own) };
    const call: ApiCall = {
      method,
      arguments: argumentsOf(request, body),
      response: JSON.parse(answer.text) as ApiCall['response'],
    };
    const change = method === 'users.info' ? changes.get(call.arguments.user ?? '') : undefined;
    if (change !== undefined) {
      Object.assign(call.response.user as object, change);
      answer.text = JSON.stringify(call.response);
    }
    calls.push(call);
    if (call.response.ok) show(call, { timeline, fileNames, directWith });
    if (delayMs > 0) await sleep(delayMs);
    await holding.get(method);
    const lost = losing.get(method)?.shift();
    if (lost !== undefined) return lose(response, lost);
    // Upload URLs must lead here: other machines can only reach this server.
    answer.text = answer.text.replaceAll(emulatorUrl, url);
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.text);
  };

  /** Slack refuses these; the emulator accepts any token and lets everybody write to public channels. */
  const strictFailure = async (method: string, request: IncomingMessage, body: string) => {
    if (tokenError !== undefined) return tokenError;
    if (request.headers.authorization !== `Bearer ${botToken}`) return 'invalid_auth';
    const sent = argumentsOf(request, body);
    if (missingScope !== undefined && scopeFor(method, sent) === missingScope) return 'missing_scope';
    const refused = refusing.get(sent.channel ?? sent.channel_id ?? '');
    const isAllowed = method === 'conversations.join' && refused?.startsWith('restricted_action');
    if (refused !== undefined && !isAllowed) return refused;
    const blockFailure = blockFailureOf(method, sent, refusedBlocks);
    if (blockFailure !== undefined) return blockError ?? blockFailure;
    const { channel, channel_id: id = channel } = sent;
    if (!writingMethods.has(method) || id === undefined || !id.startsWith('C')) return undefined;
    const info = await fetch(`${emulatorUrl}/api/conversations.info`, {
      method: 'POST',
      headers: { authorization: `Bearer ${botToken}`, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ channel: id }),
    });
    const answer = (await info.json()) as { channel?: { is_member?: boolean } };
    return answer.channel?.is_member === false ? 'not_in_channel' : undefined;
  };

  server.listen(0, address);
  await once(server, 'listening');
  const url = `http://${address}:${(server.address() as AddressInfo).port}`;

  return {
    url,
    calls,
    directWith,
    failCalls(method: string, error: string | undefined) {
      if (error === undefined) failing.delete(method);
      else failing.set(method, error);
    },
    get limited() {
      return limited;
    },
    setOutage: (way: LostAnswer | undefined) => void (outage = way),
    setDelay: (ms: number) => void (delayMs = ms),
    loseAnswers: (method: string, ways: readonly LostAnswer[]) => void losing.set(method, [...ways]),
    disturb: (method: string, ways: readonly Disturbance[]) => void disturbing.set(method, [...ways]),
    limit(method: string, rate: Rate | undefined) {
      if (rate === undefined) limits.delete(method);
      else limits.set(method, rate);
    },
    refuseChannel(channel: string, error: string | undefined) {
      if (error === undefined) refusing.delete(channel);
      else refusing.set(channel, error);
    },
    withoutScope: (scope: string | undefined) => void (missingScope = scope),
    rejectToken: (error: string | undefined) => void (tokenError = error),
    hold(method: string) {
      const { promise, resolve } = deferred();
      holding.set(method, promise);
      return () => {
        holding.delete(method);
        resolve();
      };
    },
    changePerson: (userId: string, fields: object) => void changes.set(userId, fields),
    refuseBlocks: (types: readonly string[], error?: string) => void ([refusedBlocks, blockError] = [types, error]),
    responseUrl({ fails = false } = {}) {
      const received: Response[] = [];
      const waiting: ((message: Response) => void)[] = [];
      let taken = 0;
      const path = `/response/${randomBytes(6).toString('hex')}`;
      responseUrls.set(path, (message) => {
        received.push(message);
        if (waiting.length > 0) waiting.shift()?.(received[taken++]!);
        return !fails;
      });
      const next = () =>
        taken < received.length
          ? Promise.resolve(received[taken++]!)
          : new Promise<Response>((resolve) => waiting.push(resolve));
      return { url: `${url}${path}`, received, next };
    },
    close: () => new Promise<void>((resolve) => void server.close(() => resolve()).closeAllConnections()),
  };
}

const scopeOfMethod: Record<string, string> = {
  'chat.postMessage': 'chat:write',
  'chat.postEphemeral': 'chat:write',
  'chat.update': 'chat:write',
  'conversations.open': 'im:write',
  'conversations.join': 'channels:join',
  'files.getUploadURLExternal': 'files:write',
  'files.completeUploadExternal': 'files:write',
  'users.info': 'users:read',
  'usergroups.users.list': 'usergroups:read',
};

/** The scope that a call needs. */
function scopeFor(method: string, { channel = '' }: Record<string, string>): string | undefined {
  if (/^conversations\.(info|members)$/.test(method)) return channel.startsWith('G') ? 'groups:read' : 'channels:read';
  return scopeOfMethod[method];
}

function deferred() {
  let resolve!: () => void;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}

const messageMethods = new Set(['chat.postMessage', 'chat.update', 'chat.postEphemeral']);

const viewMethods = new Set(['views.open', 'views.update', 'views.push', 'views.publish']);

/** The error for blocks that are not rolled out, or for a mistake; a mistake also fails the test, whatever it looks at. */
function blockFailureOf(method: string, sent: Record<string, string>, refused: readonly string[]): string | undefined {
  const isView = viewMethods.has(method);
  if (!isView && !messageMethods.has(method)) return undefined;
  const view = JSON.parse(sent.view ?? '{}') as { blocks?: { type: string }[] };
  const { blocks = [] } = isView ? view : { blocks: contentOf(sent).blocks };
  if (blocks.some(({ type }) => refused.includes(type))) return isView ? 'invalid_arguments' : 'invalid_blocks';
  const problems = isView ? problemsOfView({ ...view }) : problemsOfMessage(contentOf(sent));
  if (problems.length === 0) return undefined;
  failTest(method, problems, sent);
  return isView ? 'invalid_arguments' : 'invalid_blocks';
}

function failTest(what: string, problems: readonly string[], sent: unknown): void {
  process.exitCode = 1;
  console.error(`Slack would refuse this ${what}: ${problems.join('; ')}\n${JSON.stringify(sent)}`);
}

/** An answer to a command or a click: it has no text if it has nothing to say. */
function checkAnswer(what: string, { text, blocks }: Answer['body']): void {
  const problems = text || blocks?.length ? problemsOfMessage({ text, blocks }) : [];
  if (problems.length > 0) failTest(what, problems, { text, blocks });
}

/** The request's body with the notice added to its text. */
function noticed(method: string, request: IncomingMessage, body: string, notice: string | undefined): string {
  if (!notice) return body;
  const form = argumentsOf(request, body);
  if (messageMethods.has(method)) {
    const { text, blocks } = withNotice(contentOf(form), notice);
    return new URLSearchParams({ ...form, text, ...(form.blocks && { blocks: JSON.stringify(blocks) }) }).toString();
  }
  if (form.initial_comment)
    return new URLSearchParams({ ...form, initial_comment: `${form.initial_comment}\n_${notice}_` }).toString();
  return body;
}

function contentOf({ text = '', blocks = '[]' }: Record<string, string>): Content & { blocks: KnownBlock[] } {
  return { text, blocks: JSON.parse(blocks) as KnownBlock[] };
}

interface Shown {
  timeline: Timeline;
  fileNames: Map<string, string>;
  directWith: Map<string, string>;
}

/** What people see because of a call. */
function show({ method, arguments: sent, response }: ApiCall, { timeline, fileNames, directWith }: Shown): void {
  const { channel = sent.channel_id ?? '', user = '', thread_ts: thread } = sent;
  const person = directWith.get(channel);
  const from = {
    from: botUserId,
    channel,
    ...(person !== undefined && { onlyFor: person, isDirect: true }),
    ...(thread !== undefined && { thread }),
  };
  if (method === 'conversations.open')
    directWith.set(String((response.channel as { id: string }).id), sent.users ?? '');
  if (method === 'chat.postMessage') timeline.add({ id: String(response.ts), ...from, ...contentOf(sent) });
  if (method === 'chat.update') timeline.edit(String(response.ts), contentOf(sent));
  if (method === 'chat.postEphemeral') timeline.add({ ...from, onlyFor: user, ...contentOf(sent) });
  if (method === 'files.getUploadURLExternal') fileNames.set(String(response.file_id), sent.filename ?? '');
  if (method === 'files.completeUploadExternal')
    timeline.add({
      ...from,
      text: sent.initial_comment ?? '',
      files: (JSON.parse(sent.files ?? '[]') as { id: string }[]).map(({ id }) => id),
    });
}

async function forward(url: string, request: IncomingMessage, body: string | Buffer) {
  const { authorization, 'content-type': contentType } = request.headers;
  const answer = await fetch(url, {
    method: request.method ?? 'POST',
    headers: {
      ...(authorization === undefined ? {} : { authorization }),
      ...(contentType === undefined ? {} : { 'content-type': contentType }),
    },
    ...(request.method === 'GET' ? {} : { body }),
  });
  return { status: answer.status, text: await answer.text() };
}

function argumentsOf(request: IncomingMessage, body: string): Record<string, string> {
  return request.headers['content-type']?.startsWith('application/x-www-form-urlencoded')
    ? Object.fromEntries(new URLSearchParams(body))
    : {};
}

// ------------------------------------------------------------------ what Slack sends to the bot

interface SlashCommandOptions extends Person {
  text: string;
  channelId: string;
  /** Slack's ID of this invocation; a redelivery has the same. */
  triggerId?: string;
  responseUrl?: string;
  /** Unix time of the signature, seconds; defaults to now. */
  timestamp?: number;
}

/** The bot's response to a request; `body` is what the person reads. */
export interface Answer {
  status: number;
  body: { response_type?: string; text?: string; blocks?: KnownBlock[] };
}

const app = { team_id: 'T000000001', api_app_id: 'A0VCDEMO0' };

/** Sends `/vcdemo <text>` as Slack does. */
export async function slackCommand(
  botUrl: string,
  signingSecret: string,
  options: SlashCommandOptions,
): Promise<Answer & { triggerId: string }> {
  const { triggerId: id = triggerId() } = options;
  const form = new URLSearchParams({
    command: '/vcdemo',
    text: options.text,
    user_id: options.userId,
    user_name: options.userName,
    channel_id: options.channelId,
    channel_name: 'demos',
    team_domain: 'test',
    ...app,
    trigger_id: id,
    response_url: options.responseUrl ?? 'http://127.0.0.1:9/unused',
  });
  return { ...(await post(botUrl, signingSecret, form.toString(), options.timestamp)), triggerId: id };
}

interface PressButtonOptions extends Person {
  actionId: string;
  label?: string | undefined;
  value: string;
  /** Undefined for a click at Home. */
  channelId: string | undefined;
  responseUrl: string | undefined;
  triggerId?: string;
  /** An entry of a menu instead of a button. */
  isMenu?: boolean;
  /** What the Home remembers as the channel of the direct messages. */
  homeChannel?: string;
  /** The message that has the button; an ephemeral one by default. */
  message?: { ts: string; thread_ts?: string };
}

/** Clicks a button as Slack reports it (`block_actions`). */
export function pressButton(botUrl: string, signingSecret: string, options: PressButtonOptions): Promise<Answer> {
  const { channelId, responseUrl, message, value, actionId, label } = options;
  const ids = { block_id: 'b', action_id: actionId, action_ts: '1.1' };
  return interact(botUrl, signingSecret, options, {
    type: 'block_actions',
    ...(channelId === undefined
      ? {
          container: { type: 'view', view_id: 'V0HOME' },
          view: { id: 'V0HOME', type: 'home', blocks: [], private_metadata: options.homeChannel ?? '' },
        }
      : {
          container: {
            type: 'message',
            message_ts: message?.ts ?? '1.1',
            channel_id: channelId,
            is_ephemeral: message === undefined,
            ...(message?.thread_ts !== undefined && { thread_ts: message.thread_ts }),
          },
          channel: { id: channelId, name: 'demos' },
          ...(message && { message }),
        }),
    trigger_id: options.triggerId ?? triggerId(),
    ...(responseUrl !== undefined && { response_url: responseUrl }),
    actions: [
      options.isMenu
        ? { type: 'overflow', ...ids, selected_option: { text: { type: 'plain_text', text: value }, value } }
        : { type: 'button', ...ids, value, ...(label && { text: { type: 'plain_text', text: label } }) },
    ],
  });
}

/** What was filled in, by id of the block. */
export type ViewValues = Record<string, string | readonly string[] | undefined>;

/** Submits a modal. The value of a menu or a checkbox is that of the chosen options. */
export function submitModal(
  botUrl: string,
  signingSecret: string,
  person: Person,
  { id, view }: OpenModal,
  given: ViewValues = {},
): Promise<Answer & { body: { response_action?: string; errors?: Record<string, string>; view?: View } }> {
  const inputs = view.blocks.flatMap((block) => ('element' in block && block.block_id ? [block] : []));
  const values = inputs.map(({ block_id: name = '', element }) => [
    name,
    { [element.action_id ?? '']: stateOf(element as ModalElement, given[name]) },
  ]);
  return interact(botUrl, signingSecret, person, {
    type: 'view_submission',
    trigger_id: triggerId(),
    view: { ...view, id, type: 'modal', hash: '1', state: { values: Object.fromEntries(values) as object } },
  });
}

interface ModalElement {
  type: string;
  initial_value?: string;
  initial_option?: { value?: string };
  initial_options?: { value?: string }[];
  initial_conversation?: string;
}

function stateOf(element: ModalElement, given: ViewValues[string]): object {
  const { type } = element;
  const text = typeof given === 'string' ? given : undefined;
  if (type === 'checkboxes') {
    const chosen = given === undefined ? (element.initial_options ?? []) : [given].flat().map((value) => ({ value }));
    return { type, selected_options: chosen };
  }
  if (type === 'static_select' || type === 'radio_buttons')
    return { type, selected_option: text === undefined ? (element.initial_option ?? null) : { value: text } };
  if (type === 'users_select') return { type, selected_user: text || null };
  if (type === 'conversations_select')
    return { type, selected_conversation: text ?? element.initial_conversation ?? null };
  return { type, value: text ?? element.initial_value ?? null };
}

/** Opens the app's Home. */
export const openHome = (
  botUrl: string,
  signingSecret: string,
  { userId }: Person,
  channel = 'D0HOME',
): Promise<Answer> => sendEvent(botUrl, signingSecret, { type: 'app_home_opened', user: userId, channel, tab: 'home' });

interface MentionOptions extends Person {
  /** What follows the name of the app. */
  text: string;
  channelId: string;
  /** The message under which it is written. */
  thread?: string;
  ts?: string;
  /** Slack's ID of the event; a redelivery has the same. */
  eventId?: string;
}

/** Writes `@vcdemo <text>`. */
export function mentionBot(
  botUrl: string,
  signingSecret: string,
  { userId, text, channelId, thread, ts = `${Date.now() / 1000}`, eventId }: MentionOptions,
): Promise<Answer> {
  const event = { type: 'app_mention', user: userId, text: `<@${botUserId}> ${text}`, ts, channel: channelId };
  return sendEvent(botUrl, signingSecret, { ...event, ...(thread !== undefined && { thread_ts: thread }) }, eventId);
}

function sendEvent(
  botUrl: string,
  signingSecret: string,
  event: object,
  eventId = `Ev${randomBytes(5).toString('hex').toUpperCase()}`,
) {
  const body = { type: 'event_callback', ...app, event_id: eventId, event_time: Math.floor(Date.now() / 1000), event };
  return post(botUrl, signingSecret, JSON.stringify(body), undefined, 'application/json');
}

function interact(botUrl: string, signingSecret: string, { userId, userName }: Person, payload: object) {
  const user = { id: userId, username: userName, name: userName, team_id: app.team_id };
  const whole = { team: { id: app.team_id, domain: 'test' }, user, api_app_id: app.api_app_id, ...payload };
  return post(botUrl, signingSecret, new URLSearchParams({ payload: JSON.stringify(whole) }).toString());
}

/** Slack's signature of a body. */
export function sign(signingSecret: string, timestamp: number, body: string): string {
  return `v0=${createHmac('sha256', signingSecret).update(`v0:${timestamp}:${body}`).digest('hex')}`;
}

/** An ID such as Slack gives to every command and click. */
export function triggerId(): string {
  return `1.1.${randomBytes(8).toString('hex')}`;
}

async function post(
  botUrl: string,
  signingSecret: string,
  body: string,
  timestamp = Math.floor(Date.now() / 1000),
  type = 'application/x-www-form-urlencoded',
) {
  const answer = await fetch(`${botUrl}/slack/events`, {
    method: 'POST',
    headers: {
      'content-type': type,
      'x-slack-request-timestamp': String(timestamp),
      'x-slack-signature': sign(signingSecret, timestamp, body),
    },
    body,
  });
  const text = await answer.text();
  const answered = (text === '' ? {} : JSON.parse(text)) as Answer['body'];
  checkAnswer('answer', answered);
  return { status: answer.status, body: answered };
}
