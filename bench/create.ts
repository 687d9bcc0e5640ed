import { readFileSync } from 'node:fs';
import { execa } from 'execa';
import { readDemoConfig } from '../src/config.js';
import { startStack, textOf, type RunningProcess } from '../test/support/stack.js';
import { waitFor } from '../test/support/wait-for.js';

/*
 * Compares a demo set up by hand with one by the bot, on the same cluster in one run; then creates two demos at once to
 * measure memory. Needs the lab, a local one-node Kubernetes, whose command LAB names (by default ../shared/lab/lab) and
 * whose `baseline` sets up the demo by hand.
 */

const lab = process.env.LAB ?? '../shared/lab/lab';
process.env.VCDEMO_CONFIG ??= 'examples/lab.yaml';
const demos = ['bench', 'bench-a', 'bench-b'];
const minute = 60_000;

interface StepTime {
  step: string;
  cluster?: string;
  /** When it ended, in milliseconds since 1970. */
  time: number;
  tookMs: number;
}

/** The ticks of all cores since the machine started. */
interface CpuSample {
  at: number;
  busy: number;
  all: number;
}

await prepare();
const byHand = await baseline();
const stack = await startStack();
const steps: StepTime[] = [];
const worker = await stack.startWorker({}, (line) => steps.push(...stepTimes(line)));
try {
  const began = Date.now();
  const { result: createSeconds, samples } = await whileSampling(() => create('bench'));
  const oneDemo = steps.splice(0);
  const verifySeconds = await verify('bench');
  const idle = [memoryOf(stack.bot), memoryOf(worker)];
  await remove('bench');
  await Promise.all([create('bench-a'), create('bench-b')]);
  const busy = [memoryOf(stack.bot), memoryOf(worker)];
  for (const demo of ['bench-a', 'bench-b']) await remove(demo);
  profile(began, oneDemo, samples);
  report({ createSeconds, verifySeconds, idle, busy });
} finally {
  await stack.close();
}

async function prepare(): Promise<void> {
  const { domain } = readDemoConfig(process.env.VCDEMO_CONFIG);
  const names = demos.flatMap((demo) =>
    ['vc1', 'vc2'].flatMap((vc) => [`${demo}-${vc}.${domain}`, `${demo}-${vc}-dashboard.${domain}`]),
  );
  await execa(lab, ['hosts', ...names]);
}

/** Sets up the demo by hand, returns the seconds of each part, and removes it. */
async function baseline(): Promise<Map<string, number>> {
  const { stdout } = await execa(lab, ['baseline'], { stderr: 'inherit' });
  for (const name of ['vc1', 'vc2']) {
    await execa('helm', ['-n', name, 'uninstall', name]);
    await execa('kubectl', ['delete', 'namespace', name]);
  }
  return new Map([...stdout.matchAll(/^(.*\S)\s+([\d.]+) s$/gm)].map(([, part, seconds]) => [part!, Number(seconds)]));
}

/** Seconds from the slash command to the kubeconfig in the channel. */
async function create(demo: string): Promise<number> {
  const start = performance.now();
  await stack.type(stack.slack.alice, `create ${demo}`);
  await waitFor(
    `the kubeconfig of ${demo}`,
    async () => {
      const failure = (await stack.slack.messages(stack.slack.channel))
        .map(textOf)
        .find((text) => /Creating demo .* failed/.test(text));
      if (failure !== undefined) throw new Error(failure);
      return (await stack.slack.files(stack.slack.channel)).some(({ name }) => name === `${demo}.kubeconfig.yaml`);
    },
    { withinMs: 10 * minute, everyMs: 200 },
  );
  return (performance.now() - start) / 1000;
}

async function verify(demo: string): Promise<number> {
  const start = performance.now();
  await stack.type(stack.slack.alice, `verify ${demo} --requests 12`);
  const message = textOf(await stack.message(/requests from sleep.*12 in parallel/, minute, 20));
  const seconds = (performance.now() - start) / 1000;
  console.log(message);
  return seconds;
}

async function remove(demo: string): Promise<void> {
  await stack.confirm(stack.slack.alice, `delete ${demo}`);
  await stack.message(new RegExp(`Demo \\*${demo}\\* has been deleted`), 5 * minute);
}

/** Megabytes, now and at the peak. */
function memoryOf({ pid }: RunningProcess): { now: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const megabytes = (field: string) => Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)![1]) / 1024);
  return { now: megabytes('VmRSS'), peak: megabytes('VmHWM') };
}

function stepTimes(line: string): StepTime[] {
  const entry = line.startsWith('{') ? (JSON.parse(line) as StepTime & { msg?: string }) : undefined;
  return entry?.msg === 'step done' ? [entry] : [];
}

/** Each step with the share of the cores that were busy meanwhile: near 100 % it needs CPU time, else it waits. */
function profile(began: number, done: readonly StepTime[], samples: readonly CpuSample[]): void {
  const busyShare = (from: number, until: number) => {
    const first = samples.findLast(({ at }) => at <= from) ?? samples[0]!;
    const last = samples.find(({ at }) => at >= until) ?? samples.at(-1)!;
    return Math.round((100 * (last.busy - first.busy)) / Math.max(1, last.all - first.all));
  };
  console.log('\nby bot, step by step (seconds since the command; steps run in parallel)');
  for (const { step, cluster = '', time, tookMs } of done.toSorted((a, b) => a.time - a.tookMs - (b.time - b.tookMs))) {
    const from = ((time - tookMs - began) / 1000).toFixed(1).padStart(5);
    const until = ((time - began) / 1000).toFixed(1).padStart(5);
    const busy = busyShare(time - tookMs, time);
    console.log(`  ${`${step} ${cluster}`.padEnd(26)} ${from} to ${until}, cores ${busy} % busy`);
  }
  console.log(`  in all: cores ${busyShare(began, Number.MAX_SAFE_INTEGER)} % busy`);
}

async function whileSampling<Result>(work: () => Promise<Result>): Promise<{ result: Result; samples: CpuSample[] }> {
  const samples = [cpuSample()];
  const timer = setInterval(() => samples.push(cpuSample()), 200);
  const result = await work().finally(() => clearInterval(timer));
  samples.push(cpuSample());
  return { result, samples };
}

function cpuSample(): CpuSample {
  const ticks = readFileSync('/proc/stat', 'utf8').split('\n')[0]!.trim().split(/\s+/).slice(1, 9).map(Number);
  const all = ticks.reduce((sum, each) => sum + each, 0);
  const [, , , idle = 0, waiting = 0] = ticks;
  return { at: Date.now(), busy: all - idle - waiting, all };
}

function report(measured: {
  createSeconds: number;
  verifySeconds: number;
  idle: { now: number; peak: number }[];
  busy: { now: number; peak: number }[];
}): void {
  const { createSeconds, verifySeconds, idle, busy } = measured;
  console.log('\nby hand (seconds)');
  for (const [part, seconds] of byHand) console.log(`  ${part.padEnd(26)} ${seconds.toFixed(1)}`);
  const total = byHand.get('total')!;
  const loop = byHand.get('verify')!;
  console.log(
    `\ncreate: by hand ${total.toFixed(1)} s, by bot ${createSeconds.toFixed(1)} s, ratio ${(createSeconds / total).toFixed(2)} (aim: 0.33)`,
  );
  console.log(
    `verify of 12: by hand ${loop.toFixed(1)} s, by bot ${verifySeconds.toFixed(2)} s, ratio ${(verifySeconds / loop).toFixed(2)} (at most 0.55; see bench:verify)`,
  );
  const memory = ([bot, worker]: { now: number; peak: number }[]) =>
    `bot ${bot!.now} MB (peak ${bot!.peak}), worker ${worker!.now} MB (peak ${worker!.peak})`;
  console.log(`memory after one demo: ${memory(idle)}`);
  console.log(`memory after two demos at once: ${memory(busy)} (at most 90, 150)`);
}
