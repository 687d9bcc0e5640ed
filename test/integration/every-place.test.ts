import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { SimulatedCluster } from '../../simulator/index.js';
import { isJobCommand } from '../../src/commands/job-payloads.js';
import { parseCommand } from '../../src/commands/parse.js';
import { commandNames, commands } from '../../src/commands/table.js';
import { hours } from '../../src/duration.js';
import type { Slack } from '../../src/jobs/slack/slack.js';
import { tellFailure } from '../../src/jobs/worker/tell-failure.js';
import type { Cluster } from '../../src/k8s/client/cluster.js';
import { changeRecord, findDemo, forgetDemo } from '../../src/k8s/demo/demo-record.js';
import { createLog } from '../../src/log.js';
import { commandRunner } from '../support/command-run.js';
import { plannedDemo } from '../support/planned-demo.js';
import { withSimulatedCluster } from '../support/simulated-cluster.js';
import { botUserId, startSlack, type SlackWorkspace } from '../support/slack.js';
import { textOf } from '../support/stack.js';
import { workerSlack } from '../support/worker-slack.js';

/* Every command in every kind of conversation: it is answered there, or directly with the reason and what to do. */

const log = createLog('test', 'silent');

interface Place {
  channelId: string;
  thread?: string;
  /** Why nothing can be written there; undefined if it can. */
  reason?: RegExp;
}

describe('is answered', () => {
  let host: Cluster;
  let simulated: SimulatedCluster;
  let workspace: SlackWorkspace;
  let slack: Slack;
  let direct: string;
  withSimulatedCluster((connected, cluster) => ([host, simulated] = [connected, cluster]));
  before(async () => {
    workspace = await startSlack();
    slack = workerSlack(workspace, { patienceMs: 2_000 });
    direct = await workspace.directMessages(workspace.alice.userId);
  });
  after(() => workspace.close());

  const channel = async (name: string, isPrivate: boolean) =>
    (await workspace.asAlice.conversations.create({ name, is_private: isPrivate })).channel!.id!;
  const refusing = async (name: string, error: string, isPrivate = false) => {
    const channelId = await channel(name, isPrivate);
    workspace.refuseChannel(channelId, error);
    return channelId;
  };
  const together = async (users: string[]) =>
    (await workspace.asAlice.conversations.open({ users: users.join() })).channel!.id!;
  const places: Record<string, () => Promise<Place>> = {
    'in a public channel': () => Promise.resolve({ channelId: workspace.channel }),
    'in a thread of it, by mention': async () => {
      const { ts } = await workspace.client.chat.postMessage({ channel: workspace.channel, text: 'above' });
      return { channelId: workspace.channel, thread: ts! };
    },
    'in the direct messages with the bot, as at Home': () => Promise.resolve({ channelId: direct }),
    'in a group’s direct messages with the bot': async () => ({
      channelId: await together([workspace.bob.userId, botUserId]),
    }),
    'in a group’s direct messages without the bot': () => {
      workspace.refuseChannel('G0BETWEEN', 'channel_not_found');
      return Promise.resolve({ channelId: 'G0BETWEEN', reason: /cannot see the conversation.*`\/invite @vcdemo`/ });
    },
    'in a private channel without the bot': async () => ({
      channelId: await refusing('hidden', 'channel_not_found', true),
      reason: /cannot see the conversation.*`\/invite @vcdemo`/,
    }),
    'in an archived channel': async () => ({
      channelId: await refusing('past', 'is_archived'),
      reason: /is archived.*Unarchive it, or use vcdemo in another channel/,
    }),
    'in a public channel that the bot cannot join': async () => ({
      channelId: await refusing('shut', 'not_in_channel'),
      reason: /is not in <#\w+>.*`\/invite @vcdemo`/,
    }),
  };

  /** Ready, and with nothing behind its record, so that what needs more is refused at once. */
  async function prepare(name: string): Promise<void> {
    const present = await findDemo(host, name);
    if (present) await forgetDemo(host, present);
    const { userId: id, userName } = workspace.alice;
    const planned = plannedDemo({ name, owner: { id, name: userName }, now: new Date(), claimNamespace: 'default' });
    const dates = { ready: new Date(), expires: new Date(Date.now() + hours(1)) };
    await changeRecord(host, { ...planned, ...dates, state: 'failed', places: [] }, (current) => current);
  }

  /** All that Alice can read there, or directly: the texts, and in which thread. */
  async function read(channelId: string) {
    const { userId } = workspace.alice;
    const own = workspace.calls.filter(
      ({ method, arguments: sent, response }) =>
        method === 'chat.postEphemeral' && response.ok && sent.user === userId && sent.channel === channelId,
    );
    const posts = (id: string) =>
      workspace.calls.filter(
        ({ method, arguments: sent, response }) =>
          response.ok &&
          ((method === 'chat.postMessage' && sent.channel === id) ||
            (method === 'files.completeUploadExternal' && sent.channel_id === id)),
      );
    return { there: [...own, ...posts(channelId)], directly: posts(direct) };
  }

  for (const [where, find] of Object.entries(places))
    describe(where, () => {
      let place: Place;
      before(async () => {
        place = await find();
      });
      for (const name of commandNames.filter(isJobCommand))
        it(`\`${name}\``, async () => {
          await prepare('team-a');
          const { channelId, thread, reason } = place;
          const text = commands[name].example.replace(/@\w+/, `<@${workspace.bob.userId}>`).replace('--ttl 4h', '');
          const { demo, flags, person, audience } = parseCommand(text, { maxTtlMs: hours(72), clusters: [] });
          const words = { demo, person, audience, ...flags };
          const requester = { ...workspace.alice, channelId, ...(thread !== undefined && { thread }) };
          const before = await read(channelId);
          const run = commandRunner(simulated, { access: { admins: [workspace.alice.userId] } });
          // Creating one takes a host that can run pods; whether it can is answered in the same way.
          const job = name === 'create' ? 'preflight' : name === 'delete' || name === 'revoke' ? 'question' : name;
          const asked = { ...words, requester, ...(job === 'question' && { command: name }) };
          const draining = AbortSignal.abort(new Error('no step is done'));
          const { error } = await run(job, workspace.alice.userId, asked, { slack, draining });
          if (error)
            await tellFailure(
              { slack, log },
              { id: `${name}-1`, name: job, payload: { requester, ...words } as never },
              error,
            );
          const { there, directly } = await read(channelId);
          const isDirect = channelId === direct;
          const news = isDirect ? [] : directly.slice(before.directly.length);
          const shown = there.slice(before.there.length);
          if (reason === undefined) {
            assert.ok(shown.length + news.length > 0, 'something is said');
            if (!isDirect)
              assert.ok(
                shown.length > 0,
                `said elsewhere: ${JSON.stringify(news.map(({ arguments: sent }) => sent.text))}`,
              );
            for (const { method, arguments: sent } of shown)
              if (method === 'chat.postEphemeral') assert.equal(sent.thread_ts, thread);
          } else {
            assert.deepEqual(shown, []);
            const texts = news.map(({ arguments: { text: said = '', blocks = '[]' } }) =>
              textOf({ text: said, blocks: JSON.parse(blocks) as unknown[] }),
            );
            assert.ok(texts.length > 1 && texts.some((said) => reason.test(said)), texts.join('\n'));
          }
        });
    });
});
