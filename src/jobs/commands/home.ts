import type { DemoConfig } from '../../config.js';
import type { ButtonRules } from '../slack/demo-buttons.js';
import { listDemos, type AllDemos, type DemoList } from '../../k8s/demo/demo-record.js';
import { joinMrkdwn, mention, mrkdwn } from '../../mrkdwn.js';
import { startsInText } from '../../queue-turn.js';
import { buttonRows, sections, smallPrint, type CommandButton, type MessageBlock } from '../../slack-message.js';
import { withHost } from '../host-cluster.js';
import type { Handler, QueuedJob } from '../job-run.js';
import { poolBlocks } from './pool/pool.js';
import { createButton, demoBlocks } from '../slack/demo-list.js';
import { firstLines } from '../slack/messages.js';

/** Fills somebody's Home. */
export const home: Handler<'home'> = async (run) => {
  const { payload, config, slack, queued } = run;
  const [demos, waiting] = await Promise.all([withHost(run, listDemos), queued?.() ?? []]);
  const { userId } = payload.requester;
  await slack.publishHome(payload.requester, homeBlocks({ demos, waiting, userId, config }));
};

interface HomeContent {
  demos: DemoList & Partial<Pick<AllDemos, 'pairs'>>;
  waiting: readonly QueuedJob[];
  userId: string;
  config: ButtonRules & Pick<DemoConfig, 'clusters' | 'hostCluster'> & Partial<Pick<DemoConfig, 'pool'>>;
}

export function homeBlocks({ demos, waiting, userId, config }: HomeContent): MessageBlock[] {
  const { clusters, hostCluster } = config;
  const own = demos.demos.filter(({ owner }) => owner.id === userId);
  const switches = clusters
    .filter((name) => name !== hostCluster)
    .map((name): CommandButton => ({ label: `Show ${name}`, value: name, action: 'home' }));
  const refresh: CommandButton = { label: 'Refresh', value: hostCluster ?? '', action: 'home' };
  const help: CommandButton = { label: 'Help', value: 'help' };
  return [
    {
      type: 'header',
      text: { type: 'plain_text', text: hostCluster === undefined ? 'Your demos' : `Your demos on ${hostCluster}` },
    },
    ...(own.length === 0
      ? sections(
          mrkdwn`You have no demo. A demo is two virtual clusters joined by one Istio mesh, ready in about a minute.`,
        )
      : []),
    ...buttonRows([createButton(hostCluster), refresh, help, ...switches]),
    ...demoBlocks({ ...demos, userId, config }),
    ...poolBlocks(demos.pairs ?? [], config),
    ...(waiting.length > 0 ? sections(queueText(waiting)) : []),
    smallPrint(mrkdwn`Replies to your clicks here arrive in your direct messages with vcdemo.`),
  ];
}

const mostShown = 10;

function queueText(waiting: readonly QueuedJob[]) {
  const lines = firstLines(waiting, mostShown, ({ name, demo, userId, isActive, startsInMs }, index) => {
    const turn = isActive ? 'now' : `${index + 1 - waiting.filter((job) => job.isActive).length}.`;
    const command = demo === undefined ? name : `${name} ${demo}`;
    const begins = startsInMs === undefined ? undefined : `, ${startsInText(startsInMs)}`;
    return mrkdwn`• ${turn} \`${command}\`${userId !== undefined && mrkdwn` of ${mention(userId)}`}${begins}`;
  });
  return joinMrkdwn([mrkdwn`*Queue*`, ...lines], '\n');
}
