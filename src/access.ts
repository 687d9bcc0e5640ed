import type { DemoConfig } from './config.js';
import { Refusal } from './errors.js';
import { joinMrkdwn, mention, mrkdwn } from './mrkdwn.js';

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

/** What a person is in this workspace. */
export type Standing = 'member' | 'guest' | 'external' | 'deactivated' | 'unknown';

/**
 * Checks that a person of this standing may use vcdemo; `guests` is `access.guests` of the configuration.
 * @throws Refusal `not-a-member`
 */
export function assertMember(standing: Standing, guests: boolean): void {
  if (standing === 'member' || (guests && (standing === 'guest' || standing === 'external'))) return;
  const refusals = {
    guest: ['Guests of this workspace cannot use vcdemo.', operatorsCan],
    external: ['People from other organizations cannot use vcdemo.', operatorsCan],
    deactivated: ['This Slack account is deactivated.', undefined],
    unknown: ['Slack does not know this account.', 'Ask a member of the workspace to run the command.'],
  } as const;
  const [message, hint] = refusals[standing];
  throw new Refusal('not-a-member', message, { ...(hint && { hint }) });
}

const operatorsCan =
  'Ask a member of the workspace to run the command. The vcdemo operators can admit guests with `access.guests: true`.';

/** Administrators may do whatever the owner of a demo may do. */
export const isOwner = (
  { admins }: Pick<DemoConfig['access'], 'admins'>,
  userId: string,
  demo: { owner: { id: string } },
): boolean => demo.owner.id === userId || admins.includes(userId);

/**
 * Checks that this person may do what is reserved to a demo's owner and the administrators.
 * @param command `delete`
 * @throws Refusal `not-owner`
 */
export function assertOwner(
  { admins }: DemoConfig['access'],
  userId: string,
  demo: { name: string; owner: { id: string; name: string } },
  command: string,
): void {
  if (isOwner({ admins }, userId, demo)) return;
  throw new Refusal(
    'not-owner',
    `Demo ${demo.name} belongs to ${demo.owner.name || demo.owner.id}; only its owner or an administrator can run \`/vcdemo ${command}\` on it.`,
    {
      hint:
        admins.length > 0
          ? mrkdwn`Administrators: ${joinMrkdwn(admins.map(mention), ', ')}.`
          : 'The vcdemo operators can name administrators in `access.admins`.',
    },
  );
}
