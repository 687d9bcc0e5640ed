import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { WebSocketServer, type WebSocket } from 'ws';
import { startRedis } from '../support/redis.js';

const main = fileURLToPath(new URL('../../src/bot/main.ts', import.meta.url));

/** As much of Slack as Socket Mode needs; the emulator has none of it. */
async function startSocketModeSlack() {
  const server = createServer((request, response) => {
    const { port } = server.address() as AddressInfo;
    const answer = request.url?.endsWith('apps.connections.open')
      ? { ok: true, url: `ws://127.0.0.1:${port}/` }
      : { ok: true, user_id: 'U0BOT', bot_id: 'B0BOT', team_id: 'T0' };
    request.resume();
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  const sockets = new WebSocketServer({ server });
  const connected = once(sockets, 'connection').then(([socket]: WebSocket[]) => {
    socket?.send(JSON.stringify({ type: 'hello', num_connections: 1, connection_info: { app_id: 'A0' } }));
    return socket!;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/`,
    async send(payload: object) {
      const socket = await connected;
      const envelope = randomUUID();
      const answered = once(socket, 'message');
      socket.send(
        JSON.stringify({ type: 'slash_commands', envelope_id: envelope, accepts_response_payload: true, payload }),
      );
      const [data] = await answered;
      return JSON.parse(String(data)) as { envelope_id: string; payload: { text: string; response_type: string } };
    },
    close() {
      sockets.clients.forEach((socket) => socket.terminate());
      server.close();
      server.closeAllConnections();
    },
  };
}

test('in Socket Mode a command is answered over the socket, and health over HTTP', async () => {
  const [redis, slack] = await Promise.all([startRedis(), startSocketModeSlack()]);
  // As a process: Bolt's Socket Mode client leaves a timer of 30 s behind when it is stopped.
  const bot = execa(process.execPath, ['--import', 'tsx', main], {
    env: {
      PATH: process.env.PATH,
      SLACK_MODE: 'socket',
      SLACK_BOT_TOKEN: 'xoxb-test',
      SLACK_APP_TOKEN: 'xapp-test',
      SLACK_API_URL: slack.apiUrl,
      REDIS_URL: redis.url,
      PORT: '0',
    },
    extendEnv: false,
    reject: false,
    killSignal: 'SIGKILL',
    timeout: 30_000,
  });
  const port = await new Promise<number>((resolve, reject) => {
    createInterface({ input: bot.stdout }).on('line', (line) => {
      const found = /"port":(\d+)/.exec(line)?.[1];
      if (found !== undefined) resolve(Number(found));
    });
    void bot.then(({ stderr }) => reject(new Error(`The bot ended: ${stderr}`)));
  });
  const { payload } = await slack.send({
    command: '/vcdemo',
    text: 'status team-a',
    user_id: 'U0ALICE',
    user_name: 'alice',
    channel_id: 'C0DEMOS',
    team_id: 'T0',
    trigger_id: '1.1',
  });
  assert.equal(payload.response_type, 'ephemeral');
  assert.match(payload.text, /status-team-a-[0-9a-f]{6}/);
  assert.equal((await fetch(`http://127.0.0.1:${port}/readyz`)).status, 200);
  assert.equal((await fetch(`http://127.0.0.1:${port}/slack/events`, { method: 'POST' })).status, 404);
  bot.kill('SIGTERM');
  assert.equal((await bot).exitCode, 0);
  slack.close();
  await redis.stop();
});
