import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { servePage } from '../sandbox/page.js';
import { readWorkerSettings } from '../src/config.js';
import { hours, minutes } from '../src/duration.js';
import { withHost } from '../src/jobs/host-cluster.js';
import { changeRecord, findDemo } from '../src/k8s/demo/demo-record.js';
import { simulatedHost } from '../test/support/host.js';
import { jobKeys } from '../test/support/job-keys.js';
import { startStack } from '../test/support/stack.js';
import type { Entry } from '../test/support/timeline.js';
import { waitFor } from '../test/support/wait-for.js';
import { startBrowser } from './browser.js';

/*
 * npm run screenshots: takes the pictures of docs/slack.md and the README from the stand-in's page, with headless Chromium
 * (Debian: chromium and fonts-noto-color-emoji). Names after npm run screenshots -- take only those.
 */

const pictures = fileURLToPath(new URL('../docs/images', import.meta.url));
/** Pixels. */
const phone = 390;
const wanted = process.argv.slice(2);
await mkdir(pictures, { recursive: true });
const host = await simulatedHost(undefined, 0.4); // so that the failure shows soon
const stack = await startStack(host.environment, { notice: host.notice });
const page = await servePage(stack.slack, host.notice);
const browser = await startBrowser();
const { alice, bob, timeline, views } = stack.slack;
try {
  await stack.startWorker();
  await stack.type(alice, '');
  await take('form', '?modal');
  views.close(views.modal!.id);
  await stack.type(alice, 'create team-a --ttl 4h');
  await shown(/("complete".*){8}/);
  await take('making', '?last=1');
  await take('making-dark', '?last=1&theme=dark');
  await shown(/"verify team-a/);
  await take('ready', '?last=1&no-threads');
  await take('ready-phone', '?last=1&no-threads', phone);
  await stack.type(bob, 'verify team-a');
  await shown(/versions answer/);
  await take('verify', '?last=1&no-threads');
  await remind('team-a');
  await shown(/extend team-a/, ({ thread }) => thread !== undefined);
  await take('reminder', '?direct&last=1');
  await stack.type(alice, 'pause team-a');
  await shown(/Resume[\s\S]*resume team-a/);
  await take('paused', `?like=${encodeURIComponent('Demo team-a of ')}&last=1&no-threads`);
  await stack.type(alice, 'resume team-a');
  await shown(/"verify team-a/);
  await host.cluster.inject('pods-pending');
  await stack.type(bob, 'create team-b');
  await shown(/team-b\*? failed/);
  await take('failed', '?last=1&no-threads');
  await stack.type(alice, 'list');
  await shown(/data_table/);
  await take('list', '?last=1');
  await stack.openHome(alice);
  await homeShown(/team-b/);
  await take('home', '?home');
  await take('home-dark', '?home&theme=dark');
  await take('home-phone', '?home', phone);
} finally {
  await browser.close();
  page.close();
  await stack.close();
  await host.close();
}

/** Waits until somebody reads something like it. */
async function shown(pattern: RegExp, isMeant: (entry: Entry) => boolean = () => true): Promise<void> {
  const texts = () => timeline.entries.filter(isMeant).map(({ text, blocks }) => JSON.stringify({ text, blocks }));
  await waitFor(
    `an entry like ${pattern}`,
    () => Promise.resolve(texts().some((text) => pattern.test(text)) || undefined),
    {
      withinMs: 300_000,
      everyMs: 50,
      seen: () => texts().at(-1),
    },
  );
}

/** Lets a demo expire soon, so that its owner is reminded at the next upkeep. */
async function remind(name: string): Promise<void> {
  const { botToken: SLACK_BOT_TOKEN } = stack.slack;
  const settings = readWorkerSettings({ ...host.environment, ...jobKeys, SLACK_BOT_TOKEN, REDIS_URL: stack.redis.url });
  await withHost({ settings }, async (cluster) => {
    const demo = await findDemo(cluster, name);
    const dates = { ready: new Date(Date.now() - hours(3)), expires: new Date(Date.now() + minutes(25)) };
    await changeRecord(cluster, demo!, (current) => ({ ...current, ...dates }));
  });
}

async function homeShown(pattern: RegExp): Promise<void> {
  const text = () => JSON.stringify(views.homes.get(alice.userId));
  await waitFor('a Home', () => Promise.resolve(pattern.test(text()) || undefined), { withinMs: 30_000, seen: text });
}

async function take(name: string, query: string, width = 760): Promise<void> {
  if (wanted.length > 0 && !wanted.includes(name)) return;
  await browser.picture(`${page.url}/${query}&still`, join(pictures, `${name}.png`), width);
  console.log(join('docs/images', `${name}.png`));
}
