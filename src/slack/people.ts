import type { WebClient } from '@slack/web-api';
import { minutes, seconds } from '../duration.js';
import { Refusal } from '../errors.js';
import { errorCodeOf } from './client.js';
import { askInstallation, type Installation } from './installation.js';

/** What somebody is in this workspace. */
export type Standing = 'member' | 'guest' | 'external' | 'deactivated' | 'unknown';

/** Who people are, asked of Slack and remembered for a while. */
export interface People {
  /** Throws what the client throws when Slack cannot be asked. */
  standingOf(userId: string): Promise<Standing>;
}

const rememberedMs = minutes(5);
/** So that an outage of Slack is not asked about by each command. */
const failureRememberedMs = seconds(10);
const mostRemembered = 2_000;

/** Needs the scope users:read. `installation` is where the app is; what is external is decided by it. */
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
      // Those who ask later hear of it; nobody may be left who does.
      standing.catch(() => undefined);
      const entry = { standing, until: Date.now() + rememberedMs };
      remembered.set(userId, entry);
      if (remembered.size > mostRemembered) remembered.delete(remembered.keys().next().value!);
      return standing;
    },
  };
}

/** People, where Slack itself has to say where the app is installed; that is asked once. */
export function peopleAround(client: WebClient): People {
  let installation: Promise<Installation> | undefined;
  return createPeople(client, () => {
    installation ??= askInstallation(client);
    installation.catch(() => (installation = undefined));
    return installation;
  });
}

/** What of users.info decides. */
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

/**
 * Whether somebody of that standing may use vcdemo, `guests` being `access.guests` of the configuration.
 * @throws Refusal `not-a-member`
 */
export function assertMember(standing: Standing, guests: boolean): void {
  if (standing === 'member' || (guests && (standing === 'guest' || standing === 'external'))) return;
  const refusals = {
    guest: ['Guests of this workspace may not use vcdemo.', operatorsCan],
    external: ['People of other organizations may not use vcdemo.', operatorsCan],
    deactivated: ['This Slack account is deactivated.', undefined],
    unknown: ['Slack does not know this account.', 'Ask somebody of the workspace to run the command.'],
  } as const;
  const [message, hint] = refusals[standing];
  throw new Refusal('not-a-member', message, { ...(hint && { hint }) });
}

const operatorsCan = 'Ask a member to run the command; operators can let guests in with `access.guests: true`.';
