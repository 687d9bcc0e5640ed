import { createButtonOf, type ButtonDemo } from '../../slack/demo-buttons.js';
import { joinMrkdwn, mrkdwn } from '../../../mrkdwn.js';
import type { CommandButton } from '../../../slack-message.js';
import type { Cause } from './causes.js';

/**
 * The button that mends what was found: `create`, which restores what vcdemo made. Where that starts or restarts
 * something, Slack asks first. Undefined if it mends none of the causes.
 */
export function repairButton(demo: ButtonDemo, causes: readonly Cause[]): CommandButton | undefined {
  const mended = causes.filter(({ isRepairable }) => isRepairable);
  if (mended.length === 0) return undefined;
  const restarts = mended.some((cause) => cause.restarts);
  const pressed = createButtonOf(demo, 'ready', { words: restarts ? ['--restart'] : [], style: 'primary' });
  const acts = [
    mended.some(({ starts }) => starts) &&
      mrkdwn`This starts the virtual cluster of *${demo.name}* that somebody has scaled to 0.`,
    restarts &&
      mrkdwn`This restarts istiod, the ingress gateway, helloworld and sleep in both virtual clusters of *${demo.name}*. Requests fail for about half a minute; nothing else is restarted.`,
  ].filter((act) => act !== false);
  if (acts.length === 0) return pressed;
  return { ...pressed, question: { title: `Repair ${demo.name}`.slice(0, 100), text: joinMrkdwn(acts, ' ').text } };
}
