import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { parse, stringify } from 'yaml';
import { readDemoConfig } from '../src/config.js';
import { connectCluster } from '../src/k8s/client/cluster.js';
import { listDemos } from '../src/k8s/demo/demo-record.js';
import { hostAccess } from '../src/k8s/client/host-access.js';
import { startStack, textOf } from '../test/support/stack.js';
import { waitFor } from '../test/support/wait-for.js';

/*
 * npm run bench:claim [-- CLAIMS [PAIRS [paused]]]: seconds from the slash command to the kubeconfig in the channel, for creates
 * that take a warm pair: one at a time with a full pool, then once more at once after each other, while the pool refills. With
 * `paused`, the pool pauses its pairs. Needs the lab, a local one-node Kubernetes, whose command LAB names (by default
 * ../shared/lab/lab).
 */

const claims = Number(process.argv[2] ?? 20);
const size = Number(process.argv[3] ?? 2);
const paused = process.argv[4] === 'paused';
const lab = process.env.LAB ?? '../shared/lab/lab';
process.env.VCDEMO_CONFIG ??= 'examples/lab.yaml';
const minute = 60_000;

const original = process.env.VCDEMO_CONFIG;
const { domain } = readDemoConfig(original);
const names = Array.from({ length: claims + size }, (_, index) => `claim-${index + 1}`);
await execa(lab, [
  'hosts',
  ...names.flatMap((demo) =>
    ['vc1', 'vc2'].flatMap((vc) => [`${demo}-${vc}.${domain}`, `${demo}-${vc}-dashboard.${domain}`]),
  ),
]);
const directory = await mkdtemp(join(dirname(original), '.bench-claim-')).catch(() =>
  mkdtemp(join(tmpdir(), 'claim-')),
);
const config = join(directory, 'config.yaml');
const configured = parse(await readFile(original, 'utf8')) as object;
const setSize = (size: number) =>
  writeFile(config, stringify({ ...configured, pool: { size, max: Math.max(size, 1), paused } }));
await setSize(size);
const cluster = connectCluster('host', hostAccess({ KUBECONFIG: process.env.KUBECONFIG }));
const steps: { step: string; cluster?: string; demo: string; tookMs: number }[] = [];
const stack = await startStack({ VCDEMO_CONFIG: config });
const { slack } = stack;
await stack.startWorker({}, (line) => {
  if (line.includes('"step done"')) steps.push(JSON.parse(line) as (typeof steps)[number]);
  if (/"level":(40|50)/.test(line)) console.error(line.slice(0, 300));
});
try {
  const full: number[] = [];
  for (const demo of names.slice(0, claims)) {
    await pairs(size);
    full.push(await claim(demo));
    console.log(`${demo}: ${full.at(-1)!.toFixed(1)} s  (${slowest(demo)})`);
    await remove(demo);
  }
  report('with a full pool', full);
  const refilling: number[] = [];
  await pairs(size);
  for (const demo of names.slice(claims)) refilling.push(await claim(demo));
  report('one after the other while the pool refills', refilling);
  for (const demo of names.slice(claims)) await remove(demo);
  await setSize(0);
  await pairs(0);
} finally {
  await stack.close();
  cluster.close();
  await rm(directory, { recursive: true });
}

/** Waits until this many pairs are ready, and nothing else is made or deleted. */
async function pairs(count: number): Promise<void> {
  await waitFor(
    `${count} warm pairs`,
    async () => {
      const { pairs } = await listDemos(cluster);
      return pairs.length === count && pairs.every(({ warm }) => warm?.state === 'ready');
    },
    { withinMs: 10 * minute, everyMs: 1000 },
  );
}

/** Seconds from the slash command to the kubeconfig in the channel. */
async function claim(demo: string): Promise<number> {
  const start = performance.now();
  await stack.type(slack.alice, `create ${demo}`);
  await waitFor(
    `the kubeconfig of ${demo}`,
    async () => {
      const failure = (await slack.messages(slack.channel))
        .map(textOf)
        .find((text) => /Creating demo .* failed/.test(text));
      if (failure !== undefined) throw new Error(failure);
      return (await slack.files(slack.channel)).some(({ name }) => name === `${demo}.kubeconfig.yaml`);
    },
    { withinMs: 5 * minute, everyMs: 50 },
  );
  const seconds = (performance.now() - start) / 1000;
  const { demos } = await listDemos(cluster);
  if (demos.find(({ name }) => name === demo)?.pair === undefined) console.log(`${demo} was not made of a warm pair`);
  return seconds;
}

async function remove(demo: string): Promise<void> {
  await stack.confirm(slack.alice, `delete ${demo}`);
  await stack.message(new RegExp(`Demo \\*${demo}\\* has been deleted`), 5 * minute);
}

function slowest(demo: string): string {
  return steps
    .filter((step) => step.demo === demo)
    .toSorted((a, b) => b.tookMs - a.tookMs)
    .slice(0, 6)
    .map(({ step, cluster, tookMs }) => `${step}${cluster ? ` ${cluster}` : ''} ${(tookMs / 1000).toFixed(1)}`)
    .join(', ');
}

function report(what: string, seconds: readonly number[]): void {
  const sorted = seconds.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!.toFixed(1);
  console.log(`${what}: ${sorted.length} claims, median ${at(0.5)} s, p95 ${at(0.95)} s, at most ${at(1)} s`);
}
