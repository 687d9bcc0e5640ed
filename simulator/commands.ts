import type { CurlAnswer } from './mesh.js';
import type { CommandResult } from './pod-runtime.js';

/** Sends the same request this many times. */
type Curl = (url: URL, times: number) => Promise<CurlAnswer[]>;

/**
 * Runs one of a few commands as a container would: `curl`, `echo`, `true`, `false`, or `sh -c` with a sequence of them, after
 * `[ -z … ] ||` and before `| grep -F`. It has no `timeout`, and its variables are empty. A script with a loop is not interpreted: it counts as the number of `curl` calls in
 * its last argument, or in its `seq N` or `{1..N}`.
 */
export async function runCommand(command: string[], curl: Curl): Promise<CommandResult> {
  const [program = '', flag, script = '', _name, ...rest] = command;
  if (!/(^|\/)(sh|bash|ash)$/.test(program) || flag !== '-c') return await runSimple(command, curl);
  if (/\b(while|for)\b/.test(script)) return await runLoop(script, rest, curl);
  const result: CommandResult = { stdout: '', stderr: '', exitCode: 0 };
  for (const line of script.split(/;|\n|&&/)) {
    const [words = [], ...filters] = splitPipe(line, rest);
    const [first, ...arguments_] = words;
    if (first === undefined || /^(command|timeout|\w+=.*)$/.test(first)) continue;
    if (first === 'exit') return { ...result, exitCode: Number(arguments_[0] ?? result.exitCode) };
    const toStderr = words.includes('>&2');
    const { stdout, stderr, exitCode } = await runSimple(
      words.filter((word) => !/^\d?>/.test(word)),
      curl,
    );
    const filtered = filters.reduce(grep, stdout);
    result.stdout += toStderr ? '' : filtered;
    result.stderr += words.includes('2>/dev/null') ? '' : stderr + (toStderr ? stdout : '');
    result.exitCode = exitCode;
  }
  return result;
}

/** The commands of a pipe, split into words, with `$1` etc. and `"$@"` filled in; empty if a test before `||` is true. */
function splitPipe(line: string, parameters: string[]): string[][] {
  const words = [...line.matchAll(/'([^']*)'|"((?:[^"\\]|\\.)*)"|(\S+)/g)].flatMap(([, raw, quoted, bare]) => {
    if (raw !== undefined) return [raw];
    if (quoted === '$@') return parameters;
    const word = quoted?.replaceAll('\\\\', '\\') ?? bare!;
    if (/^\$[a-z]+$/.test(word)) return [];
    return [word.replace(/\$(\d)/g, (_match, index) => parameters[index - 1] ?? '')];
  });
  const commands: string[][] = [[]];
  for (const word of words)
    if (word === '|') commands.push([]);
    else commands.at(-1)!.push(word);
  const alternative = commands[0]!.indexOf('||');
  if (alternative < 0) return commands;
  const [bracket, operator, value] = commands[0]!;
  const isMet = bracket !== '[' || (operator === '-z' && value === '');
  return isMet ? [] : [commands[0]!.slice(alternative + 1), ...commands.slice(1)];
}

const grep = (text: string, [, , pattern = '']: string[]) =>
  text
    .split('\n')
    .filter((line) => line.includes(pattern) && line !== '')
    .map((line) => `${line}\n`)
    .join('');

async function runLoop(script: string, rest: string[], curl: Curl): Promise<CommandResult> {
  const url = urlIn(script.split(/\s+/));
  const answers = url ? await curl(url, timesIn(script, rest)) : [];
  const stderr = answers.map(curlError).join('');
  const stdout = answers.map(({ body }) => body).join('');
  return script.includes('2>&1')
    ? { stdout: stdout + stderr, stderr: '', exitCode: 0 }
    : { stdout, stderr, exitCode: answers.at(-1)?.exitCode ?? 0 };
}

async function runSimple([program = '', ...rest]: string[], curl: Curl): Promise<CommandResult> {
  const ended = (stdout: string, stderr = '', exitCode = 0) => ({ stdout, stderr, exitCode });
  switch (program.split('/').at(-1)) {
    case 'true':
    case 'sleep':
      return ended('');
    case 'false':
      return ended('', '', 1);
    case 'echo':
      return ended(`${rest.join(' ')}\n`);
    case 'curl':
      return await runCurl(rest, curl);
    default:
      return ended('', `sh: ${program}: not found in the simulated cluster\n`, 127);
  }
}

/** curl with URLs, in which `[1-12]` means twelve requests, and with `-w` and `--fail-early`. */
async function runCurl(words: string[], curl: Curl): Promise<CommandResult> {
  const urls = urlsIn(words);
  if (urls.length === 0) return { stdout: '', stderr: 'curl: (3) URL rejected\n', exitCode: 3 };
  const answers: CurlAnswer[] = [];
  for (const url of urls) {
    const [, count = '1'] = /\[1-(\d+)\]/.exec(decodeURIComponent(url.search)) ?? [];
    answers.push(...(await curl(url, Number(count))));
  }
  const firstFailed = words.includes('--fail-early') ? answers.findIndex(({ exitCode }) => exitCode !== 0) : -1;
  const told = firstFailed < 0 ? answers : answers.slice(0, firstFailed + 1);
  const format = words.includes('-w') ? words[words.indexOf('-w') + 1]! : '';
  return {
    stdout: told.map((answer) => answer.body + writeOut(format, answer)).join(''),
    stderr: words.includes('-s') ? '' : told.map(curlError).join(''),
    exitCode: told.at(-1)?.exitCode ?? 0,
  };
}

const writeOut = (format: string, { status, problem }: CurlAnswer): string =>
  format
    .replaceAll('\\n', '\n')
    .replaceAll('%{http_code}', String(status).padStart(3, '0'))
    .replaceAll('%{time_total}', '0.001')
    .replaceAll('%{errormsg}', problem);

const curlError = ({ exitCode, problem }: CurlAnswer): string =>
  exitCode === 0 ? '' : `curl: (${exitCode}) ${problem}\n`;

const urlIn = (words: string[]): URL | undefined => urlsIn(words)[0];

const urlsIn = (words: string[]): URL[] =>
  words
    .filter((one) => /^["']?(https?:\/\/)?[\w.-]+:\d+\//.test(one))
    .map((one) => one.replace(/^["']|["')]+$/g, ''))
    .map((word) => (word.includes('://') ? word : `http://${word}`))
    .filter((url) => URL.canParse(url))
    .map((url) => new URL(url));

function timesIn(script: string, rest: string[]): number {
  const [, inScript] = /\bseq (?:1 )?(\d+)|\{1\.\.(\d+)\}/.exec(script)?.filter((match) => match !== undefined) ?? [];
  return Number(inScript ?? rest.findLast((one) => /^\d+$/.test(one)) ?? 1);
}
