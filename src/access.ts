import type { DemoConfig } from './config.js';
import { Refusal } from './errors.js';

/**
 * Whether this person may use vcdemo in this channel. The bot asks, and the worker asks again: whatever can write to
 * Redis could else command it.
 * @throws Refusal `not-allowed`
 */
export function assertMayUse(
  { users, channels, admins }: DemoConfig['access'],
  { userId, channelId }: { userId: string; channelId: string },
): void {
  if (users.length > 0 && !users.includes(userId) && !admins.includes(userId))
    throw new Refusal('not-allowed', 'You are not among the people who may use vcdemo.', {
      hint: `Ask its operators to add your Slack id ${userId} to \`access.users\` in the configuration.`,
    });
  if (channels.length > 0 && !channels.includes(channelId))
    throw new Refusal('not-allowed', 'vcdemo may not be used in this channel.', {
      hint: `It may be used in ${channels.join(', ')}; operators can add ${channelId} to \`access.channels\`.`,
    });
}

/** Administrators may do whatever a demo's owner may. */
export const isOwner = (
  { admins }: Pick<DemoConfig['access'], 'admins'>,
  userId: string,
  demo: { owner: { id: string } },
): boolean => demo.owner.id === userId || admins.includes(userId);

/**
 * Whether this person may do what only a demo's owner and administrators may.
 * @param act `delete it`
 * @throws Refusal `not-owner`
 */
export function assertOwner(
  { admins }: DemoConfig['access'],
  userId: string,
  demo: { name: string; owner: { id: string; name: string } },
  act: string,
): void {
  if (isOwner({ admins }, userId, demo)) return;
  throw new Refusal(
    'not-owner',
    `Demo ${demo.name} belongs to ${demo.owner.name || demo.owner.id}; only they or an administrator may ${act}.`,
    {
      hint:
        admins.length > 0
          ? `Administrators: ${admins.map((id) => `<@${id}>`).join(', ')}.`
          : 'Operators can name administrators in `access.admins`.',
    },
  );
}
