import { createWriteStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { freePort } from './free-port.js';
import { startRedis, type LocalRedis } from './redis.js';
import {
  botUserId,
  mentionBot,
  openHome,
  pressButton,
  slackCommand,
  startSlack,
  submitModal,
  triggerId,
  type Answer,
  type Message,
  type Person,
  type Response,
  type SlackWorkspace,
  type ViewValues,
} from './slack.js';
import { buttonsOf, withNotice, type Button, type Entry } from './timeline.js';
import { waitFor } from './wait-for.js';
import { jobKeys } from './job-keys.js';

/** What people do in the channel. */
export interface Conversation {
  /** Types `/vcdemo <text>`; resolves with what the person reads at once. */
  type(person: Person, text: string): Promise<Answer & { triggerId: string }>;
  /** Clicks a button; resolves with the response. */
  press(person: Person, actionId: string, value: string): Promise<Response & { triggerId: string }>;
  /** Types a command that asks first, and confirms it; resolves with the question. */
  confirm(person: Person, text: string, withinMs?: number): Promise<string>;
  /** Clicks a button or chooses from a menu, without waiting for more than that it has arrived. */
  click(person: Person, button: Pick<Button, 'actionId' | 'value' | 'isMenu'>, where: ClickedOn): Promise<void>;
  /** Submits the modal that was opened last, and closes it if nothing in it is wrong; resolves with what is, by field. */
  submit(person: Person, values?: ViewValues): Promise<Record<string, string>>;
  /** Opens the app's Home. */
  openHome(person: Person): Promise<void>;
  /** Writes `@vcdemo <text>` in the channel, or under a message. */
  mention(person: Person, text: string, thread?: string): Promise<void>;
  /** Resolves with a message in the channel whose text or blocks match, once it has been posted. */
  message(pattern: RegExp, withinMs?: number, everyMs?: number): Promise<Message>;
  /** The same, in a thread of the channel. */
  reply(pattern: RegExp, withinMs?: number): Promise<Message>;
  /** The same for a message that only the person can see. */
  whisper(person: Person, pattern: RegExp, withinMs?: number): Promise<string>;
}

/** Where a button is: in a message, or at Home. */
type ClickedOn = Entry | 'home';

/** All of vcdemo as it runs in production: processes of `dist/`, a real Redis and an emulated Slack. */
export interface Stack extends Conversation {
  slack: SlackWorkspace;
  redis: LocalRedis;
  bot: RunningProcess;
  /** Kills the bot and starts a new one. */
  restartBot(): Promise<void>;
  /** `onLine` receives each line of its log. */
  startWorker(environment?: Record<string, string>, onLine?: (line: string) => void): Promise<RunningProcess>;
  close(): Promise<void>;
}

export interface RunningProcess {
  pid: number;
  /** Resolves when the process has ended. */
  kill(signal: NodeJS.Signals): Promise<void>;
}

/**
 * Starts Redis, Slack and the bot; the caller starts workers. Needs `npm run build`. `notice` is a footer for every
 * message.
 */
export async function startStack(
  environment: Record<string, string> = {},
  { notice }: { notice?: string | undefined } = {},
): Promise<Stack> {
  const redis = await startRedis();
  const slack = await startSlack({ notice }).catch(async (error: unknown) => {
    await redis.stop();
    throw error;
  });
  const processes: RunningProcess[] = [];
  const close = async () => {
    await Promise.all(processes.map((running) => running.kill('SIGTERM')));
    await slack.close();
    await redis.stop();
  };
  const port = await freePort();
  const common = {
    ...jobKeys,
    SLACK_BOT_TOKEN: slack.botToken,
    SLACK_API_URL: slack.apiUrl,
    REDIS_URL: redis.url,
    SLACK_MODE: 'http',
    LOG_LEVEL: 'info',
    ...environment,
  };
  const launch = async (
    script: 'start:bot' | 'start:worker',
    readyPort: number,
    extra: Record<string, string>,
    onLine?: (line: string) => void,
  ) => {
    const launched = await start(commandOf(script), readyPort, { ...common, ...extra }, onLine);
    processes.push(launched);
    return launched;
  };
  const botSettings = { SLACK_SIGNING_SECRET: slack.signingSecret, PORT: String(port) };
  let bot = await launch('start:bot', port, botSettings).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  const botUrl = `http://127.0.0.1:${port}`;
  return {
    slack,
    redis,
    get bot() {
      return bot;
    },
    async restartBot() {
      await bot.kill('SIGKILL');
      bot = await launch('start:bot', port, botSettings);
    },
    async startWorker(extra = {}, onLine) {
      const workerPort = extra.WORKER_PORT ?? String(await freePort());
      return await launch('start:worker', Number(workerPort), { ...extra, WORKER_PORT: workerPort }, onLine);
    },
    ...converseWith(slack, botUrl, notice),
    close,
  };
}

/** Types commands, clicks buttons and reads the messages of a bot at `botUrl` and its workers. */
export function converseWith(slack: SlackWorkspace, botUrl: string, notice?: string): Conversation {
  /** Only the person who sent a command or a click sees the response. */
  const reply = ({ userId }: Person, answer: Answer['body'] & Response, inPlaceOf?: string) => {
    const { text = '', blocks = [], thread_ts: thread } = answer;
    if (text === '' && blocks.length === 0) return;
    const content = { ...withNotice({ text, blocks }, notice), ...(thread !== undefined && { thread }) };
    if (inPlaceOf !== undefined) slack.timeline.edit(inPlaceOf, content);
    else slack.timeline.add({ from: botUserId, channel: slack.channel, onlyFor: userId, ...content });
  };

  async function newest(
    what: string,
    read: (channel: string) => Promise<Message[]>,
    pattern: RegExp,
    wait: { withinMs: number; everyMs: number },
  ): Promise<Message> {
    let last: Message[] = [];
    const find = async () => {
      last = await read(slack.channel);
      return last.findLast((message) => pattern.test(textOf(message)));
    };
    return await waitFor(`a ${what} like ${pattern}`, find, { ...wait, seen: () => last.slice(-3).map(textOf) });
  }

  const conversation: Conversation = {
    async type(person, text) {
      slack.timeline.add({ from: person.userId, channel: slack.channel, text: `\`${`/vcdemo ${text}`.trim()}\`` });
      const response = slack.responseUrl();
      const place = { channelId: slack.channel, responseUrl: response.url };
      const answer = await slackCommand(botUrl, slack.signingSecret, { ...person, ...place, text });
      reply(person, answer.body);
      // What the bot says later, such as that no worker has taken the command yet.
      const showLater = (): void => void response.next().then((later) => (reply(person, later), showLater()));
      showLater();
      return answer;
    },
    async press(person, actionId, value) {
      const buttonIn = (entry: Entry) =>
        buttonsOf(entry).find((button) => button.actionId === actionId && button.value === value);
      const pressed = slack.timeline.entries.findLast(
        (entry) => entry.onlyFor === person.userId && buttonIn(entry) !== undefined,
      );
      const response = slack.responseUrl();
      const id = triggerId();
      await pressButton(botUrl, slack.signingSecret, {
        ...person,
        actionId,
        value,
        label: pressed && buttonIn(pressed)?.label,
        channelId: slack.channel,
        responseUrl: response.url,
        triggerId: id,
      });
      const answer = await response.next();
      reply(person, answer, answer.replace_original ? pressed?.id : undefined);
      return { ...answer, triggerId: id };
    },
    async confirm(person, text, withinMs = 30_000) {
      const { length } = slack.timeline.entries;
      await conversation.type(person, text);
      const { entry, yes } = await waitFor(
        `the question of ${text}`,
        () => {
          const own = slack.timeline.entries.slice(length).filter(({ onlyFor }) => onlyFor === person.userId);
          const asked = own.flatMap((entry) => buttonsOf(entry).map((yes) => ({ entry, yes })));
          return Promise.resolve(asked.find(({ yes }) => yes.actionId.startsWith('confirmed')));
        },
        { withinMs, seen: () => slack.timeline.entries.slice(length).map(textOf) },
      );
      const question = textOf(entry);
      await conversation.press(person, yes.actionId, yes.value);
      return question;
    },
    async click(person, { actionId, value, isMenu }, where) {
      const response = slack.responseUrl();
      const { id, channel, onlyFor, thread, isDirect } = where === 'home' ? ({} as Partial<Entry>) : where;
      const isEphemeral = onlyFor !== undefined && !isDirect;
      await pressButton(botUrl, slack.signingSecret, {
        ...person,
        actionId,
        value,
        channelId: channel,
        responseUrl: where === 'home' ? undefined : response.url,
        ...(where === 'home' && { homeChannel: slack.views.homes.get(person.userId)?.private_metadata ?? '' }),
        ...(isMenu && { isMenu }),
        ...(id !== undefined &&
          !isEphemeral && { message: { ts: id, ...(thread !== undefined && { thread_ts: thread }) } }),
      });
      void response.next().then((answer) => reply(person, answer, answer.replace_original ? id : undefined));
    },
    async submit(person, values) {
      const { modal } = slack.views;
      if (modal === undefined) throw new Error('No modal is open');
      const { body } = await submitModal(botUrl, slack.signingSecret, person, modal, values);
      if (body.response_action === undefined || body.response_action === 'clear') slack.views.close(modal.id);
      if (body.response_action === 'update' && body.view) slack.views.replace(modal.id, body.view);
      return body.errors ?? {};
    },
    async openHome(person) {
      await openHome(botUrl, slack.signingSecret, person, await slack.directMessages(person.userId));
    },
    async mention(person, text, thread) {
      const content = { text: `<@${botUserId}> ${text}`, ...(thread !== undefined && { thread }) };
      slack.timeline.add({ from: person.userId, channel: slack.channel, ...content });
      const place = { channelId: slack.channel, ...(thread !== undefined && { thread }) };
      await mentionBot(botUrl, slack.signingSecret, { ...person, ...place, text });
    },
    message: (pattern, withinMs = 30_000, everyMs = 250) =>
      newest('message', (channel) => slack.messages(channel), pattern, { withinMs, everyMs }),
    reply: (pattern, withinMs = 30_000) =>
      newest('reply', (channel) => slack.replies(channel), pattern, { withinMs, everyMs: 250 }),
    async whisper(person, pattern, withinMs = 30_000) {
      const texts = () => slack.ephemeral(person.userId).map(textOf);
      return await waitFor(`a whisper like ${pattern}`, async () => texts().findLast((text) => pattern.test(text)), {
        withinMs,
        seen: () => texts().slice(-3),
      });
    },
  };
  return conversation;
}

/** All text of a message that a person reads. */
export function textOf({ text, blocks }: { text: string; blocks?: unknown[] }): string {
  return [text, ...JSON.stringify(blocks ?? []).matchAll(/"text":"((?:[^"\\]|\\.)*)"/g)]
    .map((match) => (typeof match === 'string' ? match : (JSON.parse(`"${match[1]}"`) as string)))
    .join('\n');
}

/** The arguments of node in a script of package.json: what production runs, without npm. */
/** What `npm run` calls Node with. */
function commandOf(script: string): string[] {
  const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    scripts: Record<string, string>;
  };
  return scripts[script]!.split(' ').slice(1);
}

/** The flags of Node with which a process runs in production. */
export const nodeFlagsOf = (script: 'start:bot' | 'start:worker'): string[] =>
  commandOf(script).filter((word) => word.startsWith('--'));

async function start(
  command: string[],
  port: number,
  environment: Record<string, string>,
  onLine?: (line: string) => void,
): Promise<RunningProcess> {
  const script = command.at(-1)!;
  // It is stopped when this process ends, however that happens.
  const child = execa(process.execPath, command, {
    env: environment,
    stdin: 'ignore',
    reject: false,
    buffer: false,
    killSignal: 'SIGKILL',
  });
  const output: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => output.push(chunk));
  if (onLine) createInterface({ input: child.stdout }).on('line', onLine);
  // For the analysis of failures.
  if (process.env.VCDEMO_TEST_LOG) {
    const file = createWriteStream(process.env.VCDEMO_TEST_LOG, { flags: 'a' });
    for (const stream of [child.stdout, child.stderr]) stream.pipe(file, { end: false });
  }
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  await waitFor(
    `${script} to be up`,
    async () => {
      if (hasEnded()) throw new Error(`${script} ended: ${Buffer.concat(output).toString('utf8')}`);
      return await fetch(`http://127.0.0.1:${port}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      );
    },
    { withinMs: 60_000, everyMs: 100, seen: () => Buffer.concat(output).toString('utf8') },
  ).catch((error: unknown) => {
    child.kill();
    throw error;
  });
  return {
    pid: child.pid!,
    async kill(signal) {
      if (!hasEnded()) child.kill(signal);
      await child;
    },
  };
}
