import assert from 'node:assert/strict';
import { delimiter } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pino } from 'pino';
import { hours } from '../../src/duration.js';
import { connectCluster, type Cluster } from '../../src/k8s/client/cluster.js';
import { hostAccess } from '../../src/k8s/client/host-access.js';
import { changeRecord } from '../../src/k8s/demo/demo-record.js';
import { simulatedHost, type SimulatedHost } from '../support/host.js';
import { plannedDemo } from '../support/planned-demo.js';
import { startProduct, type Product } from '../support/product.js';
import { startRedis, type LocalRedis } from '../support/redis.js';
import { mentionBot, startSlack, type SlackWorkspace } from '../support/slack.js';
import { waitFor } from '../support/wait-for.js';

/* The lines that operators ship: who did what, with which demo. */

describe('the audit log', () => {
  let host: SimulatedHost;
  let redis: LocalRedis;
  let slack: SlackWorkspace;
  let product: Product;
  let cluster: Cluster;
  const written: string[] = [];
  before(async () => {
    [redis, slack, host] = await Promise.all([startRedis(), startSlack(), simulatedHost(undefined)]);
    const tools = host.environment.PATH!.split(delimiter)[0]!;
    if (!process.env.PATH!.startsWith(tools)) process.env.PATH = host.environment.PATH!;
    const log = pino({ level: 'info' }, { write: (line) => void written.push(line) });
    product = await startProduct({ slack, host, redis: { REDIS_URL: redis.url }, log });
    cluster = connectCluster('host', hostAccess({ KUBECONFIG: host.cluster.kubeconfigFile }));
  });
  after(async () => {
    cluster?.close();
    await product?.close();
    await Promise.all([redis?.stop(), slack?.close(), host?.close()]);
  });

  /** The lines about a command, once its end is among them. */
  async function linesOf(command: string): Promise<{ raw: string; act: string; demo?: string; words?: object }[]> {
    const all = () =>
      written
        .map((raw) => ({ raw, ...(JSON.parse(raw) as { audit?: true; act: string; job?: string; command?: string }) }))
        .filter(({ audit, job, command: named }) => audit && (job === command || named === command));
    await waitFor(`the end of ${command}`, () =>
      Promise.resolve(all().some(({ act }) => act === 'command') || undefined),
    );
    return all();
  }

  it('names the demo of the card under which a command was given, once in each line', async () => {
    const { channel, alice } = slack;
    const { ts = '' } = await slack.client.chat.postMessage({ channel, text: 'card' });
    const now = new Date(Date.now() - hours(1));
    const owner = { id: alice.userId, name: alice.userName };
    const planned = plannedDemo({ name: 'team-a', owner, channel, now, claimNamespace: 'default' });
    const expires = new Date(Date.now() + hours(1));
    const fields = { card: { channel, ts }, ready: now, expires, places: [] };
    await changeRecord(cluster, { ...planned, ...fields, state: 'ready' }, (current) => current);
    await mentionBot(product.url, slack.signingSecret, { ...alice, channelId: channel, text: 'extend 4h', thread: ts });
    const lines = await linesOf('extend');
    assert.deepEqual(
      lines.map(({ act, demo }) => [act, demo]),
      [
        ['extended', 'team-a'],
        ['command', 'team-a'],
      ],
    );
    for (const { raw } of lines) assert.equal(raw.replace(/"words":\{[^}]*\}/, '').match(/"demo":/g)?.length, 1, raw);
    assert.match(JSON.stringify(lines.at(-1)?.words), /"demo":"team-a"/);
  });

  it('has commands that the bot answers by itself, too', async () => {
    await product.say('help');
    assert.match((await linesOf('help')).map(({ raw }) => raw).join(), /"outcome":"answered"/);
  });
});
