import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

/* The manifest asks Slack for exactly what the source uses. */

const root = fileURLToPath(new URL('../..', import.meta.url));
const text = readFileSync(join(root, 'slack-manifest.yaml'), 'utf8');
const manifest = parse(text) as {
  features: { slash_commands: { command: string; should_escape: boolean }[]; app_home: { home_tab_enabled: boolean } };
  oauth_config: { scopes: { bot: string[] } };
  settings: { event_subscriptions: { bot_events: string[] } };
};
const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => readFileSync(join(root, 'src', path), 'utf8'))
  .join('\n');

/** The scopes of each method that is used. @see https://docs.slack.dev/reference/methods */
const scopesOf: Record<string, string[]> = {
  'api.test': [],
  'auth.test': [],
  'bots.info': ['users:read'],
  'chat.getPermalink': [],
  'chat.postEphemeral': ['chat:write'],
  'chat.postMessage': ['chat:write'],
  'chat.update': ['chat:write'],
  'conversations.info': ['channels:read', 'groups:read', 'mpim:read'],
  'conversations.join': ['channels:join'],
  'conversations.members': ['channels:read', 'groups:read', 'mpim:read'],
  'conversations.open': ['im:write'],
  'files.completeUploadExternal': ['files:write'],
  'files.delete': ['files:write'],
  'files.getUploadURLExternal': ['files:write'],
  'usergroups.users.list': ['usergroups:read'],
  'users.info': ['users:read'],
  'views.open': [],
  'views.publish': [],
  'views.update': [],
};
const scopesOfEvents: Record<string, string[]> = { app_mention: ['app_mentions:read'], app_home_opened: [] };

/** Methods of the Web API that the source calls, such as `chat.postMessage`. */
const methods = [
  ...new Set(
    [...sources.matchAll(/\b(?:client|quick|slack)\s*\.((?:[a-z]+\.)+[a-zA-Z\d]+)\(/gi)]
      .map((match) => match[1]!)
      .filter((method) => /^(api|auth|bots|chat|conversations|files|usergroups|users|views)\./.test(method)),
  ),
].sort();
const events = [...new Set([...sources.matchAll(/app\.event(?:<[^>]*>)?\('(\w+)'/g)].map((match) => match[1]!))].sort();

test('the methods of Slack that the source calls are known with their scopes', () => {
  assert.ok(methods.includes('chat.postMessage') && methods.includes('views.open'), methods.join(', '));
  for (const method of methods) assert.ok(method in scopesOf, `${method} is not in the table of this test`);
});

test('the manifest asks for each scope that the source needs, and for no other', () => {
  const needed = new Set([
    'commands',
    ...methods.flatMap((method) => scopesOf[method] ?? []),
    ...events.flatMap((event) => scopesOfEvents[event] ?? []),
  ]);
  assert.deepEqual(manifest.oauth_config.scopes.bot.toSorted(), [...needed].toSorted());
});

test('the manifest subscribes to each event that the bot listens to, and to no other', () => {
  assert.deepEqual(manifest.settings.event_subscriptions.bot_events.toSorted(), events);
});

test('the manifest gives the reason for each scope and event', () => {
  for (const name of [...manifest.oauth_config.scopes.bot, ...manifest.settings.event_subscriptions.bot_events])
    assert.match(text, new RegExp(`- ${name} # \\S`), name);
});

test('mentions in commands arrive as IDs', () => {
  assert.ok(manifest.features.slash_commands.every((command) => command.should_escape));
});
