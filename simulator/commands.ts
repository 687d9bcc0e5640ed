import type { CommandResult } from './pod-runtime.js';

/** Sends the same request so many times. */
export type Curl = (url: URL, times: number) => Promise<CommandResult>;

/**
 * Runs a command as a container would, as far as it is one of a few: `curl URL`, `echo`, `true`, `false`, or `sh -c` with
 * some of them in a row. A script that sends requests in a loop is not interpreted: it is taken for so many
 * `curl` as its last argument says, or its `seq N` or `{1..N}`.
 */
export async function runCommand(command: string[], curl: Curl): Promise<CommandResult> {
  const [program = '', flag, script = '', ...rest] = command;
  if (!/(^|\/)(sh|bash|ash)$/.test(program) || flag !== '-c') return await runSimple(command, curl);
  const url = urlIn(script.split(/\s+/));
  if (url) {
    const { stdout, stderr, exitCode } = await curl(url, timesIn(script, rest));
    return script.includes('2>&1')
      ? { stdout: stdout + stderr, stderr: '', exitCode: 0 }
      : { stdout, stderr, exitCode };
  }
  const result: CommandResult = { stdout: '', stderr: '', exitCode: 0 };
  for (const part of script.split(/[;\n]|&&/)) {
    const words = part.trim().split(/\s+/).filter(Boolean);
    if (words[0] === 'exit') return { ...result, exitCode: Number(words[1] ?? result.exitCode) };
    if (words.length === 0) continue;
    const toStderr = words.at(-1) === '>&2';
    const { stdout, stderr, exitCode } = await runSimple(toStderr ? words.slice(0, -1) : words, curl);
    result.stdout += toStderr ? '' : stdout;
    result.stderr += stderr + (toStderr ? stdout : '');
    result.exitCode = exitCode;
  }
  return result;
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
    case 'curl': {
      const url = urlIn(rest);
      return url ? await curl(url, 1) : ended('', 'curl: (3) URL rejected\n', 3);
    }
    default:
      return ended('', `sh: ${program}: not found in the simulated cluster\n`, 127);
  }
}

function urlIn(words: string[]): URL | undefined {
  const word = words.find((one) => /^["']?(https?:\/\/)?[\w.-]+:\d+\//.test(one))?.replace(/["')]/g, '');
  const url = word?.includes('://') ? word : `http://${word}`;
  return word !== undefined && URL.canParse(url) ? new URL(url) : undefined;
}

function timesIn(script: string, rest: string[]): number {
  const [, inScript] = /\bseq (?:1 )?(\d+)|\{1\.\.(\d+)\}/.exec(script)?.filter((match) => match !== undefined) ?? [];
  return Number(inScript ?? rest.findLast((one) => /^\d+$/.test(one)) ?? 1);
}
