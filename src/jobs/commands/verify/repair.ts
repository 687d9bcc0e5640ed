import { mrkdwn } from '../../../mrkdwn.js';
import type { CommandButton } from '../../../slack-message.js';
import { button, type Named } from '../../slack/card/card-buttons.js';
import type { Cause } from './causes.js';

/**
 * The button that mends what was found: `create`, which restores what vcdemo made. Where that takes new pods, Slack asks
 * first. Undefined if it mends none of the causes.
 */
export function repairButton(named: Named, causes: readonly Cause[]): CommandButton | undefined {
  const { name: demo } = named;
  const mended = causes.filter(({ isRepairable }) => isRepairable);
  if (mended.length === 0) return undefined;
  const repair = { label: 'Repair', command: 'create', style: 'primary' } as const;
  if (!mended.some(({ restarts }) => restarts)) return button(named, repair);
  const text = mrkdwn`This restarts istiod, helloworld and sleep in both virtual clusters of *${demo}*. Requests fail for about half a minute; nothing else is restarted.`;
  return {
    ...button(named, { ...repair, words: '--restart' }),
    question: { title: `Repair ${demo}`.slice(0, 100), text: text.text },
  };
}
