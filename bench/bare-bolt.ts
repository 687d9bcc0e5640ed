import type { AddressInfo } from 'node:net';
import { App, HTTPReceiver } from '@slack/bolt';

/* The least that Bolt can do: the yardstick of bench/ack.ts. */

const [signingSecret = '', token = '', slackApiUrl = ''] = process.argv.slice(2);
const receiver = new HTTPReceiver({ signingSecret });
const app = new App({ receiver, token, clientOptions: { slackApiUrl } });
app.command('/vcdemo', async ({ ack }) => {
  await ack({ response_type: 'ephemeral', text: 'Accepted' });
});
const server = await receiver.start(0);
process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`);
