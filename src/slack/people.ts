import type { WebClient } from '@slack/web-api';
import type { Memberships, Standing } from '../access.js';
import { minutes, seconds } from '../duration.js';
import { errorCodeOf } from './client.js';
import { askInstallation, type Installation } from './installation.js';

/** Asks Slack who people are and what they are members of, and remembers it for a while. */
export interface People extends Memberships {
  /** Throws what the client throws if Slack cannot be asked. */
  standingOf(userId: string): Promise<Standing>;
  /** Their user name, for display and certificates; throws as well. */
  nameOf(userId: string): Promise<string>;
  /** Whether Slack knows a user group or channel, and lets the app see who is in it; throws as well. */
  isVisible(id: string): Promise<boolean>;
}

const rememberedMs = minutes(5);
/** Who joins or leaves a group notices soon. */
const membersRememberedMs = minutes(1);
/** So that not every command asks again while Slack is down. */
const failureRememberedMs = seconds(10);
const mostRemembered = 2_000;

/**
 * Needs the scope users:read; for user groups usergroups:read, for channels channels:read and groups:read. `installation` is
 * where the app is installed; it decides who is external.
 */
export function createPeople(client: WebClient, installation: () => Promise<Installation>): People {
  const read = remembering(membersRememberedMs, async (id: string) => new Set(await readMembers(client, id)));
  const membersOf = (id: string) =>
    read(id).catch((error: unknown) => {
      if (unknownGroup.has(errorCodeOf(error))) return undefined;
      throw error;
    });

  async function ask(userId: string): Promise<Standing> {
    const [{ user }, ours] = await Promise.all([client.users.info({ user: userId }), installation()]);
    return user === undefined ? 'unknown' : standingFrom(user, ours);
  }

  return {
    nameOf: remembering(rememberedMs, async (userId) => (await client.users.info({ user: userId })).user?.name ?? ''),
    standingOf: remembering(rememberedMs, (userId) =>
      ask(userId).catch((error: unknown) => {
        if (errorCodeOf(error) === 'user_not_found') return 'unknown' as const;
        throw error;
      }),
    ),
    isIn: async (id, userId) => (await membersOf(id))?.has(userId) ?? false,
    isVisible: async (id) => (await membersOf(id)) !== undefined,
  };
}

/** Asks once for each key, and again when the time is over. */
function remembering<Answer>(forMs: number, ask: (key: string) => Promise<Answer>): (key: string) => Promise<Answer> {
  const remembered = new Map<string, { answer: Promise<Answer>; until: number }>();
  return (key) => {
    const known = remembered.get(key);
    if (known !== undefined && known.until > Date.now()) return known.answer;
    remembered.delete(key);
    const answer = ask(key).catch((error: unknown) => {
      entry.until = Date.now() + failureRememberedMs;
      throw error;
    });
    // Later callers get the error too; there may be none.
    answer.catch(() => undefined);
    const entry = { answer, until: Date.now() + forMs };
    remembered.set(key, entry);
    const [oldest = key] = remembered.keys();
    if (remembered.size > mostRemembered) remembered.delete(oldest);
    return answer;
  };
}

/** More members than five full pages are not read. */
const mostPages = 5;

/** The people in a user group or channel. */
async function readMembers(client: WebClient, id: string): Promise<string[]> {
  if (id.startsWith('S')) return (await client.usergroups.users.list({ usergroup: id })).users ?? [];
  const members: string[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < mostPages; page++) {
    const answer = await client.conversations.members({ channel: id, limit: 1000, ...(cursor && { cursor }) });
    members.push(...(answer.members ?? []));
    cursor = answer.response_metadata?.next_cursor;
    if (!cursor) break;
  }
  return members;
}

/** Slack does not know it, or the app is not in it. */
const unknownGroup: ReadonlySet<string | undefined> = new Set([
  'no_such_subteam',
  'subteam_not_found',
  'channel_not_found',
]);

/** People, for when only Slack knows where the app is installed; it is asked once. */
export function peopleAround(client: WebClient): People {
  let installation: Promise<Installation> | undefined;
  return createPeople(client, () => {
    installation ??= askInstallation(client);
    installation.catch(() => (installation = undefined));
    return installation;
  });
}

/** The fields of users.info that count. */
interface SlackUser {
  id?: string;
  is_bot?: boolean;
  deleted?: boolean;
  is_stranger?: boolean;
  is_restricted?: boolean;
  is_ultra_restricted?: boolean;
  team_id?: string;
  enterprise_user?: { enterprise_id?: string };
}

export function standingFrom(user: SlackUser, { teamId, enterpriseId }: Installation): Standing {
  if (user.deleted) return 'deactivated';
  const sameTeam = !teamId || user.team_id === undefined || user.team_id === teamId;
  const sameOrganisation = Boolean(enterpriseId) && user.enterprise_user?.enterprise_id === enterpriseId;
  if (user.is_stranger || !(sameTeam || sameOrganisation)) return 'external';
  // Slack's own bot does not say that it is one.
  if (user.is_bot || user.id === 'USLACKBOT') return 'bot';
  if (user.is_restricted || user.is_ultra_restricted) return 'guest';
  return 'member';
}
