import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { faultNames } from './cluster/faults.js';
import { realHost, simulatedHost, type Host } from './host.js';
import { jobIdIn, watchJobs, type JobWatcher } from './jobs.js';
import { runScript } from './script.js';
import { startStack, type Stack } from './stack.js';
import { showInTerminal, type Terminal } from './terminal.js';

/* npm run demo: the product with stand-ins for Slack and, unless a kubeconfig is given, for the host cluster. */

const usage = `npm run demo -- [options]
  --script "create; verify; kubeconfig; delete demo"   runs these commands and ends; 0 only if all of it worked
  --fault ${faultNames.join('|')}
                                                       the simulated cluster fails in that way
  --kubeconfig FILE [--context NAME] --config FILE     a real cluster, with the product's configuration for it`;

const { options, problem } = readOptions();
if (problem !== undefined) {
  process.stderr.write(`${problem}\n${usage}\n`);
  process.exit(2);
}

const cleanups: (() => Promise<unknown>)[] = [];
let ending: Promise<void> | undefined;
const end = () =>
  (ending ??= (async () => {
    for (const cleanup of cleanups.reverse()) await cleanup().catch((error: unknown) => console.error(error));
  })());
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    if (ending) process.exit(1); // a second time: at once
    process.stdout.write('\nEnding everything…\n');
    void end().then(() => process.exit(options.script ? 1 : 0));
  });

try {
  process.exitCode = (await run()) ? 0 : 1;
} catch (error) {
  if (!ending) process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await end();
}

/** Resolves with whether all went well. */
async function run(): Promise<boolean> {
  const color = process.stdout.isTTY;
  const host: Host =
    options.kubeconfig !== undefined
      ? await realHost({
          kubeconfig: resolve(options.kubeconfig),
          context: options.context,
          config: resolve(options.config!),
        })
      : await simulatedHost(options.fault);
  cleanups.push(() => host.close());
  const stack = await startStack(host.environment, { notice: host.notice });
  cleanups.push(() => stack.close());
  const jobs = await watchJobs(stack.redis.url);
  cleanups.push(() => jobs.close());
  await stack.startWorker();
  const prompt = options.script === undefined ? openPrompt() : undefined;
  const print = (text: string) => {
    if (prompt) prompt.print(text);
    else console.log(text);
  };
  const terminal = await showInTerminal(stack.slack, print, { color });
  cleanups.push(() => terminal.close());
  print(`The product runs, with ${host.notice ? `a ${host.notice}` : 'the cluster of your kubeconfig'} and a stand-in for Slack.
The channel in a browser: ${stack.slack.pageUrl}  (all that the stand-in knows: ${stack.slack.inspectorUrl})`);
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
  parts.print(wrong === undefined ? 'All of it worked.' : `It did not work: ${wrong}`);
  return wrong === undefined;
}

/** Until the end of input; then jobs that were begun are waited for. */
async function converse(
  prompt: Prompt,
  { stack, jobs, terminal, print }: Parts & { terminal: Terminal },
): Promise<boolean> {
  print('Type /vcdemo create, or /vcdemo help; the number of a button presses it; Ctrl-C ends and removes everything.');
  const { alice } = stack.slack;
  const begun: Promise<unknown>[] = [];
  for await (const line of prompt.lines) {
    const text = line.trim();
    const button = /^\d+$/.test(text) ? terminal.buttons[Number(text) - 1] : undefined;
    const command = /^\/vcdemo\b\s*(.*)$/.exec(text)?.[1];
    if (button) {
      const answer = await stack.press(alice, button.actionId, button.value);
      begun.push(jobs.finished(jobIdIn(answer) ?? '').catch(() => undefined));
    } else if (command !== undefined) {
      const { body } = await stack.type(alice, command);
      const jobId = jobIdIn(body);
      if (jobId) begun.push(jobs.finished(jobId).catch(() => undefined));
    } else if (text !== '') print('Commands begin with /vcdemo; a number presses the button that has it.');
    prompt.show();
  }
  await Promise.all(begun);
  return true;
}

interface Prompt {
  lines: AsyncIterable<string>;
  show(): void;
  /** Above the line that is being typed. */
  print(text: string): void;
}

function openPrompt(): Prompt {
  const { stdin, stdout } = process;
  const lines = createInterface({ input: stdin, output: stdin.isTTY ? stdout : undefined, prompt: '> ' });
  // In raw mode the terminal sends no signal.
  lines.on('SIGINT', () => process.emit('SIGINT'));
  cleanups.push(() => Promise.resolve(lines.close()));
  const show = () => (stdin.isTTY ? lines.prompt(true) : undefined);
  return {
    lines,
    show,
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
      options: { script: text, fault: text, kubeconfig: text, context: text, config: text },
    });
    const fault = faultNames.find((name) => name === values.fault);
    const found = { ...values, fault };
    if (values.fault !== undefined && !fault) return { options: found, problem: `There is no fault ${values.fault}.` };
    if ((values.kubeconfig === undefined) !== (values.config === undefined))
      return { options: found, problem: 'A real cluster needs both --kubeconfig and --config.' };
    if (values.kubeconfig !== undefined && fault)
      return {
        options: found,
        problem: 'Only the simulated cluster can be made to fail: leave --fault or --kubeconfig out.',
      };
    if (values.context !== undefined && values.kubeconfig === undefined)
      return { options: found, problem: '--context is of --kubeconfig, which is not given.' };
    return { options: found, problem: undefined };
  } catch (error) {
    const none = { script: undefined, fault: undefined, kubeconfig: undefined, context: undefined, config: undefined };
    return { options: none, problem: (error as Error).message };
  }
}
