import type { WebClient } from '@slack/web-api';
import type { Standing } from '../access.js';
import { minutes, seconds } from '../duration.js';
import { errorCodeOf } from './client.js';
import { askInstallation, type Installation } from './installation.js';

/** Asks Slack who people are, and remembers it for a while. */
export interface People {
  /** Throws what the client throws if Slack cannot be asked. */
  standingOf(userId: string): Promise<Standing>;
}

const rememberedMs = minutes(5);
/** So that not every command asks again while Slack is down. */
const failureRememberedMs = seconds(10);
const mostRemembered = 2_000;

/** Needs the scope users:read. `installation` is where the app is installed; it decides who is external. */
export function createPeople(client: WebClient, installation: () => Promise<Installation>): People {
  const remembered = new Map<string, { standing: Promise<Standing>; until: number }>();

  async function ask(userId: string): Promise<Standing> {
    const [{ user }, ours] = await Promise.all([client.users.info({ user: userId }), installation()]);
    return user === undefined ? 'unknown' : standingFrom(user, ours);
  }

  return {
    standingOf(userId) {
      const known = remembered.get(userId);
      if (known !== undefined && known.until > Date.now()) return known.standing;
      remembered.delete(userId);
      const standing = ask(userId).catch((error: unknown) => {
        if (errorCodeOf(error) === 'user_not_found') return 'unknown' as const;
        entry.until = Date.now() + failureRememberedMs;
        throw error;
      });
      // Later callers get the error too; there may be none.
      standing.catch(() => undefined);
      const entry = { standing, until: Date.now() + rememberedMs };
      remembered.set(userId, entry);
      const [oldest = userId] = remembered.keys();
      if (remembered.size > mostRemembered) remembered.delete(oldest);
      return standing;
    },
  };
}

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
export interface SlackUser {
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
  if (user.is_restricted || user.is_ultra_restricted) return 'guest';
  return 'member';
}
