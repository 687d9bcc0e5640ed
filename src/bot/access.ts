import type { DemoConfig } from '../config.js';
import { UserError } from '../errors.js';
import type { Requester } from '../jobs/definitions.js';

/**
 * Lets pass who is listed, in the channels that are listed; an empty list means everybody, everywhere.
 * @throws UserError `not-allowed`
 */
export function authorise({ userId, channelId }: Requester, { users, channels, admins }: DemoConfig['access']): void {
  if (users.length > 0 && !users.includes(userId) && !admins.includes(userId))
    throw new UserError('not-allowed', 'You are not among the people who may use vcdemo here.', {
      hint: `Ask whoever runs vcdemo to add your Slack id ${userId} to access.users in its configuration.`,
    });
  if (channels.length > 0 && !channels.includes(channelId))
    throw new UserError('not-allowed', 'vcdemo cannot be used in this channel.', {
      hint: `Use it in ${channels.join(', ')}, or ask whoever runs vcdemo to add ${channelId} to access.channels.`,
    });
}
