import type { WebClient } from '@slack/web-api';
import type { DemoConfig } from '../../config.js';
import { roleOf } from '../../access.js';
import { messageOf } from '../../errors.js';
import type { People } from '../../slack/people.js';

/** More members are not checked one by one, because Slack limits the rate of calls. */
const mostReaders = 100;

interface ReadersRequest {
  client: WebClient;
  people: Pick<People, 'isIn' | 'standingOf'>;
  access: DemoConfig['access'];
  /** People who must not have the file, whatever else they may. */
  revoked?: readonly string[] | undefined;
}

/**
 * Why a channel must not get a file that makes its readers administrators, as the end of a sentence; undefined if everybody
 * who can read the channel may use vcdemo. If that cannot be found out, that is the reason.
 */
export async function whyNotForAll(
  channelId: string,
  { client, people, access, revoked = [] }: ReadersRequest,
): Promise<string | undefined> {
  if (channelId.startsWith('D')) return undefined;
  try {
    const { channel } = await client.conversations.info({ channel: channelId });
    if (channel?.is_ext_shared || channel?.is_pending_ext_shared)
      return 'people from other organizations can read this channel';
    // Without joining it, so its members are not all who can.
    if (!channel?.is_private && (isRestricted(access) || revoked.length > 0))
      return revoked.length > 0
        ? 'the whole workspace can read this public channel, and so could somebody whose access was revoked'
        : 'the whole workspace can read this public channel, and not everybody is allowed to use vcdemo';
    const { members = [], response_metadata } = await client.conversations.members({
      channel: channelId,
      limit: mostReaders,
    });
    if (response_metadata?.next_cursor)
      return `this channel has more than ${mostReaders} members, too many to check for guests`;
    if (members.some((member) => revoked.includes(member)))
      return 'somebody whose access was revoked can read this channel';
    const humans: string[] = [];
    for (const member of members) {
      const standing = await people.standingOf(member);
      // Bots read the channel too, but do not open files.
      if (standing === 'bot') continue;
      if (standing === 'guest') return 'guests can read this channel';
      if (standing !== 'member' && standing !== 'deactivated')
        return 'people from other organizations can read this channel';
      humans.push(member);
    }
    const strangers = await withoutUse(humans, access, people);
    return strangers.length > 0 ? 'people who are not allowed to use vcdemo can read this channel' : undefined;
  } catch (error) {
    return `vcdemo cannot find out who can read this channel (${messageOf(error)})`;
  }
}

/** Whether there may be members of the workspace who may not use demos. */
const isRestricted = ({ users, viewers }: DemoConfig['access']): boolean => users.length + viewers.length > 0;

/** Those who may not use demos; nobody is asked about if everybody may. */
async function withoutUse(
  members: readonly string[],
  access: DemoConfig['access'],
  people: Pick<People, 'isIn' | 'standingOf'>,
): Promise<string[]> {
  if (!isRestricted(access)) return [];
  const roles = await Promise.all(members.map((userId) => roleOf(access, { userId }, people)));
  return members.filter((_, index) => roles[index] !== 'user' && roles[index] !== 'admin');
}
