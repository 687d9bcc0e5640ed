import type { DemoConfig } from './config.js';
import { Refusal } from './errors.js';

/**
 * Checks that this person may use vcdemo in this channel. Both the bot and the worker check: otherwise anything that can
 * write to Redis could command the worker.
 * @throws Refusal `not-allowed`
 */
export function assertMayUse(
  { users, channels, admins }: DemoConfig['access'],
  { userId, channelId }: { userId: string; channelId: string },
): void {
  if (users.length > 0 && !users.includes(userId) && !admins.includes(userId))
    throw new Refusal('not-allowed', 'You are not allowed to use vcdemo.', {
      hint: `Ask the vcdemo operators to add your Slack ID ${userId} to \`access.users\` in the configuration.`,
    });
  if (channels.length > 0 && !channels.includes(channelId))
    throw new Refusal('not-allowed', 'vcdemo cannot be used in this channel.', {
      hint: `Use it in ${channels.join(', ')}, or ask the vcdemo operators to add ${channelId} to \`access.channels\`.`,
    });
}

/** Administrators may do whatever the owner of a demo may do. */
export const isOwner = (
  { admins }: Pick<DemoConfig['access'], 'admins'>,
  userId: string,
  demo: { owner: { id: string } },
): boolean => demo.owner.id === userId || admins.includes(userId);

/**
 * Checks that this person may do what is reserved to a demo's owner and the administrators.
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
    `Demo ${demo.name} belongs to ${demo.owner.name || demo.owner.id}; only its owner or an administrator can ${act}.`,
    {
      hint:
        admins.length > 0
          ? `Administrators: ${admins.map((id) => `<@${id}>`).join(', ')}.`
          : 'The vcdemo operators can name administrators in `access.admins`.',
    },
  );
}
