import type { WebClient } from '@slack/web-api';
import type { DemoConfig } from '../../config.js';
import { messageOf } from '../../errors.js';
import type { People } from '../../slack/people.js';

/** More are not looked at one by one: Slack limits how often it is asked. */
const mostReaders = 100;

/**
 * Why a channel must not get a file that makes its readers administrators, in words that end a sentence; undefined where
 * everybody who reads it may use vcdemo. What cannot be found out counts as a reason.
 */
export async function whyNotForAll(
  channelId: string,
  { client, people, access }: { client: WebClient; people: People; access: DemoConfig['access'] },
): Promise<string | undefined> {
  if (channelId.startsWith('D')) return undefined;
  try {
    const { channel } = await client.conversations.info({ channel: channelId });
    if (channel?.is_ext_shared || channel?.is_pending_ext_shared)
      return 'people of other organizations read this channel';
    const { members = [], response_metadata } = await client.conversations.members({
      channel: channelId,
      limit: mostReaders,
    });
    if (response_metadata?.next_cursor)
      return `more than ${mostReaders} people read this channel, too many to know that no guest is among them`;
    for (const member of members) {
      const standing = await people.standingOf(member);
      if (standing === 'guest') return 'guests read this channel';
      if (standing !== 'member' && standing !== 'deactivated') return 'people of other organizations read this channel';
    }
    const { users, admins } = access;
    const strangers = await humansAmong(
      users.length === 0 ? [] : members.filter((member) => !users.includes(member) && !admins.includes(member)),
      client,
    );
    return strangers.length > 0 ? 'people who may not use vcdemo read this channel' : undefined;
  } catch (error) {
    return `it is not known who reads this channel (${messageOf(error)})`;
  }
}

/** Bots read along, and open no files. */
async function humansAmong(members: readonly string[], client: WebClient): Promise<string[]> {
  const infos = await Promise.all(members.map((user) => client.users.info({ user })));
  return members.filter((_, index) => !infos[index]?.user?.is_bot);
}
