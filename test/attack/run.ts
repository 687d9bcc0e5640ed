import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { startStack, textOf } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';

/*
 * npm run test:attack: attacks on the host cluster of KUBECONFIG, with the settings of VCDEMO_CONFIG, by somebody with full
 * access to one demo. The demo is created once for all files here, and deleted at the end. Arguments select files.
 * With ATTACK_KUBECONFIG, the kubeconfig of an existing demo `attack`, nothing is created or deleted.
 */

const demo = 'attack';
const minute = 60_000;
const folder = fileURLToPath(new URL('.', import.meta.url));

if (!process.env.KUBECONFIG) {
  process.stderr.write('The attacks need a host cluster: set KUBECONFIG (and VCDEMO_CONFIG, see examples/).\n');
  process.exit(1);
}
process.exitCode = process.env.ATTACK_KUBECONFIG ? await attack(process.env.ATTACK_KUBECONFIG) : await withDemo(attack);

/** Runs the test files one after another; returns the exit code. */
async function attack(kubeconfig: string): Promise<number> {
  const chosen = process.argv.slice(2);
  const files = (await readdir(folder)).filter(
    (file) => file.endsWith('.test.ts') && (chosen.length === 0 || chosen.some((name) => file.startsWith(name))),
  );
  const args = ['--import', 'tsx', '--test', '--test-concurrency=1', ...files.map((file) => join(folder, file))];
  const { exitCode } = await execa(process.execPath, args, {
    reject: false,
    stdio: 'inherit',
    env: { ATTACK_KUBECONFIG: kubeconfig, ATTACK_DEMO: demo },
  });
  return exitCode ?? 1;
}

/** Creates and deletes the demo as a user would. */
async function withDemo(use: (kubeconfig: string) => Promise<number>): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'vcdemo-attack-'));
  const stack = await startStack();
  const { slack } = stack;
  try {
    await stack.startWorker();
    await stack.type(slack.alice, `create ${demo} --ttl 3h`);
    const [file] = await waitFor(
      'the kubeconfig of the demo',
      async () => {
        const texts = (await slack.messages(slack.channel)).map(textOf);
        const failure = texts.find((text) => /Creating demo .* failed/.test(text));
        if (failure) throw new Error(failure);
        const files = await slack.files(slack.channel);
        return files.length > 0 && files;
      },
      { withinMs: 15 * minute, everyMs: 1000 },
    );
    const kubeconfig = join(directory, 'kubeconfig');
    await writeFile(kubeconfig, file!.content, { mode: 0o600 });
    try {
      return await use(kubeconfig);
    } finally {
      await stack.confirm(slack.alice, `delete ${demo}`);
      await stack.message(new RegExp(`Demo \\*${demo}\\* has been deleted`), 5 * minute);
    }
  } finally {
    await stack.close();
    await rm(directory, { recursive: true, force: true });
  }
}
