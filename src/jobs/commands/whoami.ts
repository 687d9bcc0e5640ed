import { commandLine } from '../../commands/command-line.js';
import { countOf } from '../../text.js';
import { isSharedWith, roleOf, type Role, type Who } from '../../access.js';
import { commandsOf } from '../../commands/table.js';
import type { DemoConfig } from '../../config.js';
import { formatDuration } from '../../duration.js';
import { listDemos } from '../../k8s/demo/demo-record.js';
import type { Demo } from '../../k8s/demo/demo.js';
import { joinMrkdwn, mention, mrkdwn } from '../../mrkdwn.js';
import type { SlackMessage } from '../../slack-message.js';
import { withHost } from '../host-cluster.js';
import type { Handler } from '../job-run.js';
import { describeState, endText, firstLines, message, onCluster } from '../slack/messages.js';

/** Shows a person what they may do, and with which demos they have to do. */
export const whoami: Handler<'whoami'> = async (run) => {
  const { payload, config, people, slack } = run;
  const { requester } = payload;
  const { demos } = await withHost(run, listDemos);
  const role = await roleOf(config.access, requester, people);
  const own = demos.filter(({ owner }) => owner.id === requester.userId);
  const shared: Demo[] = [];
  for (const demo of demos) if (!own.includes(demo) && (await isSharedWith(demo, requester, people))) shared.push(demo);
  await slack.whisper(requester, whoamiMessage(config, requester.userId, { role, own, shared }));
};

/** Of each kind: all of them must fit into the message. */
const mostListed = 15;

const list = (...who: Who[]): string =>
  commandsOf(...who)
    .map((name) => `\`${name}\``)
    .join(', ');

const mayDo: Record<Role, string> = {
  viewer: `you can look at demos (${list('viewers')}), but not use them`,
  user: `you can create demos and use all of them; ${list('owner', 'shared')} work only on your own, and ${list('shared')} also on those shared with you`,
  admin: `you can run every command on every demo, and ${list('admins')}; limits do not apply to you`,
};

export function whoamiMessage(
  config: DemoConfig,
  userId: string,
  { role = 'user', own, shared }: { role: Role | undefined; own: readonly Demo[]; shared: readonly Demo[] },
): SlackMessage {
  const { limits, ttl } = config;
  const lineOf = (demo: Demo) => mrkdwn`• *${demo.name}*: ${describeState(demo)}; ${endText(demo)}`;
  const listOf = (title: string, demos: readonly Demo[]) =>
    demos.length > 0 &&
    joinMrkdwn(
      [
        mrkdwn`*${title}*`,
        ...firstLines(
          demos,
          mostListed,
          lineOf,
          (count) => mrkdwn`and ${count} more; ${commandLine({ hostCluster: config.hostCluster }, 'list')} has all`,
        ),
      ],
      '\n',
    );
  const lists = [listOf('Your demos', own), listOf('Shared with you', shared)];
  return message(
    joinMrkdwn(
      [
        mrkdwn`:bust_in_silhouette: You are ${mention(userId)} (\`${userId}\`), role *${role}*${onCluster(config)}: ${mayDo[role]}.`,
        role !== 'viewer' &&
          mrkdwn`You have ${countOf(own, 'demo')}${role === 'user' && ` (limit: ${limits.demosPerPerson})`}. The lifetime of a demo is ${formatDuration(ttl.default)} unless \`--ttl\` says otherwise; it can expire at most ${formatDuration(ttl.max)} from now.`,
        ...lists,
      ],
      '\n',
    ),
  );
}
