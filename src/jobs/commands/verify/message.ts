import type { Hits } from '../../../k8s/helloworld.js';
import { escapeMrkdwn, plain, sections, smallPrint, type SlackMessage } from '../../../slack-message.js';
import { brief } from '../../slack/messages.js';
import { verdictOf } from './verdict.js';

/** The hit distribution, the verdict first. */
export function verifyMessage(demo: string, hits: Hits, tookMs: number): SlackMessage {
  const verdict = verdictOf(hits);
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
      smallPrint(`${(tookMs / 1000).toFixed(1)} s`),
    ],
  };
}

const bar = (count: number, total: number): string => {
  const filled = Math.min(20, Math.round((count / Math.max(1, total)) * 20));
  return '█'.repeat(filled) + '░'.repeat(20 - filled);
};
