import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { KubeConfig } from '@kubernetes/client-node';
import { execa } from 'execa';
import { parse, stringify } from 'yaml';
import { freePort } from '../support/free-port.js';
import { startSlack, type SlackWorkspace } from '../support/slack.js';
import { converseWith, textOf, type Conversation } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';
import { readDemoConfig } from '../../src/config.js';

/*
 * The chart on a real cluster with KEDA: bot, Valkey and workers in pods, with the permissions of the chart and no others.
 * VCDEMO_E2E_IMAGE names the image, which the cluster must have.
 */

const image = process.env.VCDEMO_E2E_IMAGE;
const chart = fileURLToPath(new URL('../../helm/vcdemo', import.meta.url));
const namespace = `vcdemo-${randomBytes(3).toString('hex')}`;
const minute = 60_000;
const kubectl = async (...args: string[]) => (await execa('kubectl', args)).stdout;

describe('in the cluster, with KEDA', { skip: image ? false : 'VCDEMO_E2E_IMAGE is not set' }, () => {
  let slack: SlackWorkspace;
  let people: Conversation;
  let forward: ChildProcess;

  before(async () => {
    slack = await startSlack({ address: await addressForPods() });
    await kubectl('create', 'namespace', namespace);
    await execa('kubectl', ['apply', '-n', namespace, '-f', '-'], { input: prerequisites(slack) });
    const install = ['upgrade', '--install', 'bot', chart, '-n', namespace, '--wait', '--timeout', '3m', '-f', '-'];
    await execa('helm', install, { input: values(slack) });
    const port = await freePort();
    const service = ['-n', namespace, 'port-forward', 'service/bot-bot', `${port}:80`];
    forward = spawn('kubectl', service, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(forward.stdout!, 'data');
    people = converseWith(slack, `http://127.0.0.1:${port}`);
  });
  after(async () => {
    forward?.kill();
    await execa('helm', ['uninstall', 'bot', '-n', namespace, '--wait'], { reject: false });
    await execa('kubectl', ['delete', 'namespace', namespace, '--ignore-not-found', '--wait=false']);
    await slack?.close();
  });

  /** Names of the worker's pods that are not terminating. */
  async function workers(): Promise<string[]> {
    const selector = 'app.kubernetes.io/component=worker';
    const output = await kubectl('get', 'pods', '-n', namespace, '-l', selector, '-o', 'json');
    const { items } = JSON.parse(output) as { items: { metadata: { name: string; deletionTimestamp?: string } }[] };
    return items.flatMap(({ metadata }) => (metadata.deletionTimestamp ? [] : [metadata.name]));
  }
  interface LogLine {
    msg: string;
    time: number;
    demo?: string;
    step?: string;
    cluster?: string;
    found?: boolean;
  }
  const logLines = (text: string) =>
    text.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as LogLine] : []));
  /** A pod's log, kept so that it can still be read after the pod is gone. */
  async function followLog(pod: string): Promise<() => LogLine[]> {
    const follower = spawn('kubectl', ['-n', namespace, 'logs', '--follow', pod], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const chunks: Buffer[] = [];
    follower.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(follower.stdout, 'data');
    return () => logLines(Buffer.concat(chunks).toString());
  }
  async function readLog(pod: string): Promise<() => LogLine[]> {
    const lines = logLines(await kubectl('-n', namespace, 'logs', pod));
    return () => lines;
  }
  const noWorkers = () =>
    waitFor('no worker', async () => (await workers()).length === 0, { withinMs: 3 * minute, everyMs: 1000 });

  /** Waits until the demo is ready; fails as soon as its create fails. */
  const ready = (demo: string) =>
    waitFor(
      `demo ${demo}`,
      async () => {
        const texts = slack.timeline.entries.map(textOf).filter((text) => text.includes(demo));
        const failure = texts.find((text) => /Creating demo .* failed/.test(text));
        assert.equal(failure, undefined);
        return texts.some((text) => text.includes(`Demo *${demo}* of`) && text.includes('is ready'));
      },
      { withinMs: 8 * minute, everyMs: 500, seen: () => textOf(slack.timeline.entries.at(-1)!) },
    );

  it('passes helm test', async () => {
    await execa('helm', ['test', 'bot', '-n', namespace]);
  });

  it('starts a worker for a create, which succeeds with the chart’s permissions, and verifies', async (test) => {
    await noWorkers();
    const start = performance.now();
    let firstStep: number | undefined;
    slack.timeline.onChange(({ text }, before) => {
      if (before && /[1-9]\d* of \d+ steps/.test(text)) firstStep ??= performance.now();
    });
    await people.type(slack.alice, 'create inpod');
    await waitFor('a worker', async () => (await workers()).length > 0, { withinMs: minute, everyMs: 200 });
    const worker = performance.now();
    await ready('inpod');
    const seconds = (from: number, to: number) => `${((to - from) / 1000).toFixed(1)} s`;
    test.diagnostic(
      `from the command to a worker's pod ${seconds(start, worker)}, to the first step in Slack ${seconds(start, firstStep!)}, to the kubeconfig ${seconds(start, performance.now())}`,
    );
    await people.type(slack.bob, 'verify inpod');
    assert.match(textOf(await people.message(/requests from sleep/, minute)), /v1: [1-9]\d* · v2: [1-9]/);
  });

  it('hands over a create when the workers are replaced in the middle: no step is done twice, and none is lost', async () => {
    await people.type(slack.alice, 'create roll');
    await people.message(/Creating demo roll: ([3-9]|1\d) of \d+ steps/, 3 * minute);
    const replaced = await Promise.all((await workers()).map(followLog));
    await kubectl('-n', namespace, 'rollout', 'restart', 'deployment/bot-worker');
    await ready('roll');
    const logs = [...replaced, ...(await Promise.all((await workers()).map(readLog)))];
    // Which worker completed which step on which cluster.
    const acted = logs.map((log) =>
      log().flatMap(({ demo, msg, step, cluster, found }) =>
        demo === 'roll' && msg === 'step done' && !found ? [`${step}${cluster ? ` on ${cluster}` : ''}`] : [],
      ),
    );
    const all = acted.flat();
    assert.deepEqual(
      all.filter((step, index) => all.indexOf(step) !== index),
      [],
    );
    const at = (what: RegExp) =>
      logs.flatMap((log) => log().flatMap(({ demo, msg, time }) => (demo === 'roll' && what.test(msg) ? [time] : [])));
    const [handedBack] = at(/^job handed back to its queue/);
    const starts = at(/^job started/).sort((a, b) => a - b);
    assert.ok(handedBack !== undefined && starts.at(-1)! >= handedBack, 'the next began when the first had ended');
    const delivered = slack.timeline.entries.filter(({ files, text }) => files.length > 0 && text.includes('*roll*'));
    assert.equal(delivered.length, 1);
    await people.type(slack.alice, 'status roll');
    assert.match(await people.whisper(slack.alice, /Demo roll:/, minute), /all parts are in place/);
  });

  it('deletes a demo on command, and an expired demo without any worker', async () => {
    await people.confirm(slack.alice, 'delete inpod', 2 * minute);
    await people.message(/Demo \*inpod\* has been deleted; nothing is left/, 5 * minute);
    await noWorkers();
    const selector = 'vcdemo.io/demo=roll';
    await expire('roll');
    await kubectl('-n', namespace, 'create', 'job', 'sweep-now', '--from=cronjob/bot-worker-sweep');
    await people.message(/Demo \*roll\* expired and has been deleted; nothing is left/, 5 * minute);
    assert.equal(await kubectl('get', 'namespace', '-l', selector, '-o', 'name'), '');
  });
});

/** Sets the expiry in the demo's record to the past. */
async function expire(demo: string): Promise<void> {
  const record = ['-n', namespace, 'configmap', `vcdemo-${demo}`];
  const data = JSON.parse(await kubectl('get', ...record, '-o', 'jsonpath={.data.record}')) as object;
  const patch = { data: { record: JSON.stringify({ ...data, expires: '2020-01-01T00:00:00.000Z' }) } };
  await kubectl('patch', ...record, '--type=merge', '--patch', JSON.stringify(patch));
}

/** This machine's address on the route to the cluster's API. */
async function addressForPods(): Promise<string> {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(process.env.KUBECONFIG!);
  const { hostname, port } = new URL(kubeConfig.getCurrentCluster()!.server);
  const socket = net.connect(Number(port || 443), hostname);
  await once(socket, 'connect');
  const address = socket.localAddress!;
  socket.destroy();
  return address;
}

/** The Slack app's Secret and, if it is a file, the vcluster chart. */
function prerequisites(slack: SlackWorkspace): string {
  const { vcluster } = readDemoConfig(process.env.VCDEMO_CONFIG);
  const isFile = vcluster.chart.endsWith('.tgz');
  return stringify({
    apiVersion: 'v1',
    kind: 'List',
    items: [
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'slack' },
        stringData: { SLACK_BOT_TOKEN: slack.botToken, SLACK_SIGNING_SECRET: slack.signingSecret },
      },
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'charts' },
        binaryData: isFile ? { 'vcluster.tgz': readFileSync(vcluster.chart).toString('base64') } : {},
      },
    ],
  });
}

function values(slack: SlackWorkspace): string {
  const [, repository, tag, digest = ''] = /^(.*?):([^:/@]+)(?:@(sha256:\w+))?$/.exec(image!)!;
  const text = readFileSync(process.env.VCDEMO_CONFIG!, 'utf8').replace(
    '${LAB_VCLUSTER_CHART}',
    '/charts/vcluster.tgz',
  );
  return stringify({
    image: { repository, tag, digest },
    slack: { existingSecret: 'slack', apiUrl: slack.apiUrl },
    config: parse(text) as object,
    valkey: { enabled: true, storage: '' },
    worker: {
      keda: { enabled: true, pollingInterval: 2, cooldownPeriod: 10, maxReplicas: 2 },
      extraVolumes: [{ name: 'charts', configMap: { name: 'charts' } }],
      extraVolumeMounts: [{ name: 'charts', mountPath: '/charts', readOnly: true }],
    },
  });
}
