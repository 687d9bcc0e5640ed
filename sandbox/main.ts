import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { faultNames } from '../simulator/faults.js';
import { simulatedHost } from '../test/support/host.js';
import { watchJobs, type JobWatcher } from './jobs.js';
import { servePage } from './page.js';
import { realHost } from './real-host.js';
import { runScript } from './script.js';
import { startStack, type Stack } from '../test/support/stack.js';
import { showInTerminal, type Terminal } from './terminal.js';

/* npm run demo: the product with stand-ins for Slack and, unless a kubeconfig is given, for the host cluster. */

const usage = `npm run demo -- [options]
  --script "create; verify; kubeconfig; delete demo"   runs these commands, then exits; with 0 only if all succeeded
  --fault ${faultNames.join('|')}
                                                       makes the simulated cluster fail in this way
  --kubeconfig FILE [--context NAME] --config FILE     uses a real cluster, with this configuration`;

const { options, problem } = readOptions();
if (problem !== undefined) {
  process.stderr.write(`${problem}\n${usage}\n`);
  process.exit(2);
}
if (options.help) {
  process.stdout.write(`${usage}\n`);
  process.exit(0);
}

const parts: Promise<{ close(): unknown }>[] = [];
let ending: Promise<void> | undefined;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    if (ending) process.exit(1); // the second signal: exit at once
    process.stdout.write('\nStopping everything…\n');
    void end().then(() => process.exit(options.script ? 1 : 0));
  });
// A defect in the simulation must not leave Redis, bot and worker running.
process.on('uncaughtException', (error) => {
  console.error(error);
  void end().then(() => process.exit(1));
});

try {
  process.exitCode = (await run()) ? 0 : 1;
} catch (error) {
  if (!ending) process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await end();
}

/** Waits for a part to start. It is closed at the end, even if it is still starting then. */
async function open<Part extends { close(): unknown }>(starting: Promise<Part>): Promise<Part> {
  parts.push(starting);
  const part = await starting;
  if (ending) throw new Error('stopped while starting');
  return part;
}

/** Closes all parts in reverse order. */
function end(): Promise<void> {
  return (ending ??= (async () => {
    for (const starting of parts.reverse()) {
      const part = await starting.catch(() => undefined); // whoever waits for it gets the error
      await Promise.resolve(part?.close()).catch((error: unknown) => console.error(error));
    }
  })());
}

/** Resolves to whether everything succeeded. */
async function run(): Promise<boolean> {
  const { kubeconfig, context, config, fault } = options;
  const host = await open(
    kubeconfig !== undefined
      ? realHost({ kubeconfig: resolve(kubeconfig), context, config: resolve(config!) })
      : simulatedHost(fault),
  );
  const stack = await open(startStack(host.environment, { notice: host.notice }));
  const jobs = await open(watchJobs(stack.redis.url));
  await stack.startWorker();
  const prompt = options.script === undefined ? await open(Promise.resolve(openPrompt())) : undefined;
  const print = (text: string) => {
    if (prompt) prompt.print(text);
    else console.log(text);
  };
  const page = await open(servePage(stack.slack, host.notice, stack));
  const terminal = await open(showInTerminal(stack.slack, print, { color: process.stdout.isTTY }));
  print(`vcdemo is running, with ${host.notice ? `a ${host.notice}` : 'the cluster of your kubeconfig'} and a stand-in for Slack.
The channel in a browser: ${page.url}  (the stand-in's data: ${stack.slack.inspectorUrl})`);
  const good = prompt ? await converse(prompt, { stack, jobs, terminal, print }) : await script({ stack, jobs, print });
  await terminal.settled();
  return good;
}

interface Parts {
  stack: Stack;
  jobs: JobWatcher;
  print: (text: string) => void;
}

async function script(parts: Parts): Promise<boolean> {
  const wrong = await runScript(options.script!, parts);
  parts.print(wrong === undefined ? 'Everything worked.' : `Failed: ${wrong}`);
  return wrong === undefined;
}

/** Reads commands until the end of input, then waits for the jobs that were started. */
async function converse(
  prompt: Prompt,
  { stack, jobs, terminal, print }: Parts & { terminal: Terminal },
): Promise<boolean> {
  print(
    'Type /vcdemo create, or /vcdemo help; type the number of a button to press it; Ctrl-C stops and removes everything.',
  );
  const { alice } = stack.slack;
  const begun: Promise<unknown>[] = [];
  const finished = ({ triggerId }: { triggerId: string }) => jobs.finished(triggerId).catch(() => undefined);
  for await (const line of prompt.lines) {
    const text = line.trim();
    const button = terminal.button(Number(text));
    const command = /^\/vcdemo\b\s*(.*)$/.exec(text)?.[1];
    if (button) begun.push(finished(await stack.press(alice, button.actionId, button.value)));
    else if (command !== undefined) begun.push(finished(await stack.type(alice, command)));
    else if (/^\d+$/.test(text)) print(`There is no button ${text}.`);
    else if (text !== '') print('Commands start with /vcdemo; a number presses the button with that number.');
    prompt.show();
  }
  await Promise.all(begun);
  return true;
}

interface Prompt {
  lines: AsyncIterable<string>;
  show(): void;
  /** Prints above the line that is being typed. */
  print(text: string): void;
  close(): void;
}

function openPrompt(): Prompt {
  const { stdin, stdout } = process;
  const lines = createInterface({ input: stdin, output: stdin.isTTY ? stdout : undefined, prompt: '> ' });
  // In raw mode the terminal sends no signal.
  lines.on('SIGINT', () => process.emit('SIGINT'));
  let isOpen = true;
  lines.on('close', () => (isOpen = false));
  // Showing the prompt after the end of input would wait for more input.
  const show = () => void (stdin.isTTY && isOpen && lines.prompt(true));
  return {
    lines: lines[Symbol.asyncIterator](), // from now on: what is typed early counts
    show,
    close: () => lines.close(),
    print(text) {
      stdout.write(stdout.isTTY ? `\r\u001B[K${text}\n` : `${text}\n`);
      show();
    },
  };
}

function readOptions() {
  const text = { type: 'string' } as const;
  try {
    const { values } = parseArgs({
      options: {
        script: text,
        fault: text,
        kubeconfig: text,
        context: text,
        config: text,
        help: { type: 'boolean', short: 'h' },
      },
    });
    const fault = faultNames.find((name) => name === values.fault);
    const found = { ...values, fault };
    if (values.fault !== undefined && !fault) return { options: found, problem: `There is no fault ${values.fault}.` };
    if ((values.kubeconfig === undefined) !== (values.config === undefined))
      return { options: found, problem: 'A real cluster needs both --kubeconfig and --config.' };
    if (values.kubeconfig !== undefined && fault)
      return {
        options: found,
        problem: '--fault works only with the simulated cluster: leave out --fault or --kubeconfig.',
      };
    if (values.script?.trim() === '') return { options: found, problem: 'The script has no commands.' };
    if (values.context !== undefined && values.kubeconfig === undefined)
      return { options: found, problem: '--context needs --kubeconfig.' };
    return { options: found, problem: undefined };
  } catch (error) {
    return { options: {} as never, problem: (error as Error).message };
  }
}
