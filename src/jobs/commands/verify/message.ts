import type { Hits } from '../../../k8s/helloworld.js';
import { escapeMrkdwn, plain, sections, smallPrint, type SlackMessage } from '../../../slack-message.js';
import { brief } from '../../slack/messages.js';
import { verdictOf, type Verdict } from './verdict.js';

/** Why the public names do not work for the worker, and whether that means that the demo has failed. */
export interface PublicWay {
  problem: string;
  isRequired: boolean;
}

/** The verdict, then the hit distribution. */
export function verifyMessage(demo: string, hits: Hits, tookMs: number, publicWay?: PublicWay): SlackMessage {
  const verdict = withPublicWay(verdictOf(hits), publicWay);
  const icon = { balanced: ':white_check_mark:', unsure: ':warning:', failed: ':x:' }[verdict.kind];
  const bars = Object.entries(hits.instances)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([instance, count]) => `${bar(count, hits.requests)} ${String(count).padStart(3)}  ${instance}`);
  const errors = Object.entries(hits.errors).map(
    ([error, count]) => `${bar(count, hits.requests)} ${String(count).padStart(3)}  error: ${brief(error)}`,
  );
  const counts = ['v1', 'v2'].map((version) => `${version}: ${hits.versions[version] ?? 0}`).join(' · ');
  const title = `*${demo}*: ${verdict.says}`;
  return {
    text: `${plain(title)} (${counts})`,
    blocks: [
      ...sections(
        `${icon} ${title}\n*${counts}* of ${hits.requests} requests from sleep in vc1\n\`\`\`\n${escapeMrkdwn([...bars, ...errors].join('\n'))}\n\`\`\`${verdict.hint ? `\n*What to do:* ${verdict.hint.replaceAll('{demo}', demo)}` : ''}`,
      ),
      ...(publicWay ? sections(publicWayText(publicWay)) : []),
      smallPrint(`${(tookMs / 1000).toFixed(1)} s`),
    ],
  };
}

/** If the proof is required, a demo that cannot be reached has failed, whatever its mesh does. */
function withPublicWay(verdict: Verdict, publicWay: PublicWay | undefined): Verdict {
  if (!publicWay?.isRequired) return verdict;
  return { ...verdict, kind: 'failed', says: `${verdict.says}; its public name does not work` };
}

const publicWayText = ({ problem, isRequired }: PublicWay): string =>
  isRequired
    ? `:x: The public name does not work: ${escapeMrkdwn(problem)}`
    : `:warning: The worker could not reach the public name; it may still work for you: ${escapeMrkdwn(problem)}`;

const bar = (count: number, total: number): string => {
  const filled = Math.min(20, Math.round((count / Math.max(1, total)) * 20));
  return '█'.repeat(filled) + '░'.repeat(20 - filled);
};
