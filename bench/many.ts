import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { simulatedHost } from '../test/support/host.js';
import { watchJobs } from '../sandbox/jobs.js';
import { startStack } from '../test/support/stack.js';
import { labels } from '../src/k8s/demo/demo.js';

/*
 * npm run bench:many [-- DEMOS]: creates this many demos at once on the simulated cluster, with one worker and with three.
 * The simulated cluster and the stand-in for Slack run in this process, on the same cores as the workers.
 */

const count = Number(process.argv[2] ?? 50);
const one = await measure(1, 1);
console.log(row(1, 1, one));
for (const workers of [1, 3]) console.log(row(workers, count, await measure(workers, count)));

interface Figures {
  seconds: number;
  delayP99Ms: number[];
  peakMb: number[];
  slackCalls: number;
  lost: number;
  twice: number;
}

async function measure(workers: number, demos: number): Promise<Figures> {
  const directory = await mkdtemp(join(tmpdir(), 'vcdemo-bench-'));
  const host = await simulatedHost(undefined);
  const stack = await startStack({
    ...host.environment,
    LOG_LEVEL: 'warn',
    NODE_OPTIONS: `--import ${fileURLToPath(new URL('event-loop.mjs', import.meta.url))}`,
    VCDEMO_BENCH_FILE: join(directory, 'figures'),
  });
  const jobs = await watchJobs(stack.redis.url);
  try {
    const pids = new Set<string>();
    for (let index = 0; index < workers; index++) pids.add(String((await stack.startWorker()).pid));
    const { slack } = stack;
    const callsBefore = slack.calls.length;
    const names = Array.from({ length: demos }, (_, index) => `many-${index + 1}`);
    const start = performance.now();
    const outcomes = await Promise.allSettled(
      names.map(async (name) => jobs.finished((await stack.type(slack.alice, `create ${name}`)).triggerId)),
    );
    const seconds = (performance.now() - start) / 1000;
    const slackCalls = (slack.calls.length - callsBefore) / demos;

    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromFile(host.environment.KUBECONFIG!);
    const { items } = await kubeConfig.makeApiClient(CoreV1Api).listNamespace();
    const made = (name: string) => items.filter(({ metadata }) => metadata!.labels?.[labels.demo] === name).length;
    const delivered = (name: string) =>
      slack.timeline.entries.filter(({ files, text }) => files.length > 0 && text.includes(`Demo *${name}* of`)).length;
    const lost = names.filter((name, index) => outcomes[index]!.status === 'rejected' || delivered(name) === 0).length;
    const twice = names.filter((name) => delivered(name) > 1 || made(name) > 2).length;

    await jobs.close();
    await stack.close();
    const files = (await readdir(directory)).filter((file) => pids.has(file.split('.').at(-1)!));
    const figures = await Promise.all(
      files.map(async (file) => JSON.parse(await readFile(join(directory, file), 'utf8')) as WorkerFigures),
    );
    return {
      seconds,
      slackCalls,
      lost,
      twice,
      delayP99Ms: figures.map(({ delayP99Ms }) => delayP99Ms),
      peakMb: figures.map(({ peakMb }) => peakMb),
    };
  } finally {
    await host.close();
    await rm(directory, { recursive: true });
  }
}

interface WorkerFigures {
  delayP99Ms: number;
  peakMb: number;
}

function row(
  workers: number,
  demos: number,
  { seconds, delayP99Ms, peakMb, slackCalls, lost, twice }: Figures,
): string {
  const rounded = (values: number[]) => values.map((value) => Math.round(value)).join(', ');
  return `| ${workers} | ${demos} | ${seconds.toFixed(1)} s (${(seconds / one.seconds).toFixed(1)} × one) | ${rounded(delayP99Ms)} ms | ${rounded(peakMb)} MB | ${slackCalls.toFixed(1)} | ${lost} | ${twice} |`;
}
