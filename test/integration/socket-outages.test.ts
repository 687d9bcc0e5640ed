import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { startSocketReceiver, type SocketReceiver } from '../../src/bot/receiver/socket.js';
import { createLog } from '../../src/log.js';
import { startSocketModeSlack, type OpenFault, type SocketModeSlack } from '../support/socket-mode.js';
import { waitFor } from '../support/wait-for.js';

/* Outages of Socket Mode that last longer than the bot waits for a connection. */

interface Connected {
  slack: SocketModeSlack;
  receiver: SocketReceiver;
  /** Cuts the connection, and fails the next ones. */
  breakWith(fault: OpenFault): Promise<void>;
  says(pattern: RegExp): Promise<unknown>;
}

async function connected(test: TestContext): Promise<Connected> {
  const slack = await startSocketModeSlack();
  const receiver = await startSocketReceiver({
    appToken: 'xapp-test',
    apiUrl: slack.apiUrl,
    dispatch: () => ({ answer: Promise.resolve({ status: 200 }), done: Promise.resolve() }),
    observe: () => undefined,
    log: createLog('test', 'silent'),
  });
  test.after(async () => {
    receiver.close();
    await slack.close();
  });
  assert.equal(receiver.problem(), undefined);
  return {
    slack,
    receiver,
    async breakWith(fault) {
      slack.failOpen(fault);
      (await slack.connected()).terminate();
    },
    says: (pattern) =>
      waitFor(`a problem like ${pattern}`, () => Promise.resolve(pattern.test(receiver.problem() ?? '')), {
        withinMs: 40_000,
        seen: receiver.problem,
      }),
  };
}

const reconnected = ({ receiver }: Connected) =>
  waitFor('a connection', () => Promise.resolve(receiver.problem() === undefined), {
    withinMs: 40_000,
    seen: receiver.problem,
  });

describe('the bot in Socket Mode', { concurrency: true }, () => {
  it('asks a Slack that limits it once, when it may, and says so until then', async (test) => {
    const bot = await connected(test);
    const { slack, receiver } = bot;
    await bot.breakWith({ status: 429, retryAfter: 25 });
    await bot.says(/rate-limit.* in 25 seconds/);
    const { opens } = slack.counts;
    slack.failOpen(undefined);
    const problems = new Set<string | undefined>();
    await waitFor('the next attempt', () => {
      problems.add(receiver.problem());
      return Promise.resolve(slack.counts.opens > opens);
    });
    await reconnected(bot);
    assert.deepEqual(slack.counts, { opens: opens + 1, connections: 2 });
    problems.delete(undefined);
    assert.equal(problems.size, 1, [...problems].join('\n'));
  });

  it('says that no WebSocket can be opened while something accepts connections and never answers', async (test) => {
    const silent = createServer((socket) => socket.on('error', () => undefined).resume()).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const bot = await connected(test);
    test.after(() => silent.close());
    await bot.breakWith({ url: `ws://127.0.0.1:${(silent.address() as AddressInfo).port}/` });
    await bot.says(/no WebSocket could be opened/);
    bot.slack.failOpen(undefined);
    await reconnected(bot);
  });
});
