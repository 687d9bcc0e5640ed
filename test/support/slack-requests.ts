import { request } from 'node:http';
import { sign, triggerId } from './slack.js';

/* Requests with any content, signed as Slack does. */

const workspace = { team: 'T000000001', app: 'A0VCDEMO0' };
const formType = 'application/x-www-form-urlencoded';

/** The form of `/vcdemo <text>`; `changes` replaces its fields, or removes those that are undefined. */
export function commandForm(text: string, changes: Record<string, string | undefined> = {}): string {
  const fields = {
    command: '/vcdemo',
    text,
    user_id: 'U0ALICE',
    user_name: 'alice',
    channel_id: 'C0DEMOS',
    team_id: workspace.team,
    api_app_id: workspace.app,
    trigger_id: triggerId(),
    response_url: 'http://127.0.0.1:9/unused',
    ...changes,
  };
  const given = Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return new URLSearchParams(given).toString();
}

/** The form of a click on a button. */
export function interactionForm(changes: Record<string, unknown> = {}): string {
  const payload = {
    type: 'block_actions',
    team: { id: workspace.team, domain: 'test' },
    user: { id: 'U0ALICE', username: 'alice', team_id: workspace.team },
    api_app_id: workspace.app,
    container: { type: 'message', message_ts: '1.1', channel_id: 'C0DEMOS', is_ephemeral: true },
    channel: { id: 'C0DEMOS', name: 'demos' },
    trigger_id: triggerId(),
    actions: [{ type: 'button', block_id: 'b', action_id: 'of_an_older_version', value: 'team-a', action_ts: '1.1' }],
    ...changes,
  };
  return new URLSearchParams({ payload: JSON.stringify(payload) }).toString();
}

export const nowInSeconds = () => Math.floor(Date.now() / 1000);

export function signedHeaders(
  signingSecret: string,
  body: string,
  timestamp: number = nowInSeconds(),
  type = formType,
) {
  return {
    'content-type': type,
    'x-slack-request-timestamp': String(timestamp),
    'x-slack-signature': sign(signingSecret, timestamp, body),
  };
}

/** An event as an HTTP API passes it to a function. */
export function lambdaEvent(signingSecret: string, body: string, timestamp?: number, type?: string) {
  return {
    version: '2.0',
    requestContext: { http: { method: 'POST' } },
    headers: signedHeaders(signingSecret, body, timestamp, type),
    body: Buffer.from(body).toString('base64'),
    isBase64Encoded: true,
  };
}

/** Starts a request and leaves it open; `ended` resolves with the status, or undefined if the server just closes it. */
export function openRequest(url: string, headers: Record<string, string>, beginning: string | Buffer) {
  const open = request(`${url}/slack/events`, { method: 'POST', headers });
  const ended = new Promise<number | undefined>((resolve) => {
    open.on('response', (response) => resolve(response.resume().statusCode));
    open.on('error', () => resolve(undefined));
    open.on('close', () => resolve(undefined));
  });
  open.write(beginning);
  return { ended, destroy: () => void open.destroy() };
}
