import * as z from 'zod';
import { hours } from './duration.js';
import { directChannelId, slackUserId, type Requester } from './commands/payload.js';

/*
 * Who has opened the app's Home lately. Redis keeps it as a sorted set, by time; whoever is in it gets only what they may
 * see, because the workers check that again.
 */

/** Where the person's Home leads: their direct messages with the bot. */
export type Viewer = Pick<Requester, 'userId' | 'channelId'>;

/** The key in Redis, one for each host cluster; a Home shows one of them. */
export const viewersKey = (hostCluster?: string): string =>
  hostCluster === undefined ? 'bull:home-viewers' : `bull:home-viewers-${hostCluster}`;

/** For how long a Home is refreshed after it was opened. */
export const viewedForMs = hours(1);

export const memberOf = ({ userId, channelId }: Viewer): string => `${userId} ${channelId}`;

const viewer = z
  .string()
  .transform((member) => member.split(' '))
  .transform(([userId, channelId]) => ({ userId, channelId }))
  .pipe(z.object({ userId: slackUserId, channelId: directChannelId }));

/** Undefined for anything that this version does not write. */
export const viewerOf = (member: string): Viewer | undefined => viewer.safeParse(member).data;
