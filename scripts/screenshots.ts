import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { servePage } from '../sandbox/page.js';
import { simulatedHost } from '../test/support/host.js';
import { startStack } from '../test/support/stack.js';
import { startBrowser } from './browser.js';

/*
 * npm run screenshots: takes the README's pictures of the channel from the stand-in's page, with headless Chromium (Debian:
 * chromium and fonts-noto-color-emoji).
 */

const pictures = fileURLToPath(new URL('../docs/images', import.meta.url));
await mkdir(pictures, { recursive: true });
const host = await simulatedHost(undefined, 0.1); // so that the failure shows soon
const stack = await startStack(host.environment, { notice: host.notice });
const page = await servePage(stack.slack, host.notice);
const browser = await startBrowser();
try {
  const { alice, bob } = stack.slack;
  await stack.startWorker();
  await stack.type(alice, 'create team-a --ttl 4h');
  await stack.message(/Demo \*team-a\* of .* is ready/, 60_000);
  await take('create', 4);
  await stack.type(bob, 'verify team-a');
  await stack.message(/requests from sleep/);
  await take('verify', 3);
  await host.cluster.inject('pods-pending');
  await stack.type(bob, 'create team-b');
  await stack.message(/Creating demo \*team-b\* failed/, 90_000);
  await take('failure', 1);
} finally {
  await browser.close();
  page.close();
  await stack.close();
  await host.close();
}

/** The last entries of the channel. */
async function take(name: string, last: number): Promise<void> {
  await browser.picture(`${page.url}/?still&last=${last}`, join(pictures, `${name}.png`), 900);
  console.log(join('docs/images', `${name}.png`));
}
