import { Refusal } from '../../errors.js';
import type { Installation } from '../../slack/installation.js';
import type { Command, Incoming, SlackEvent } from './body.js';

/** Where a request says it comes from, and from whom; what it does not say is undefined. */
export interface Origin {
  teamId?: string | undefined;
  enterpriseId?: string | undefined;
  appId?: string | undefined;
  /** Undefined for an event that nobody caused. */
  userId?: string | undefined;
  /** The person's own team; in a shared channel it may differ from the team they act in. */
  userTeamId?: string | undefined;
}

export function originOf(incoming: Extract<Incoming, { body: unknown }>): Origin {
  if (incoming.kind === 'interaction') {
    const { team, user, enterprise, api_app_id: appId } = incoming.body;
    return {
      teamId: team?.id ?? user.team_id ?? undefined,
      enterpriseId: enterprise?.id ?? team?.enterprise_id ?? undefined,
      appId,
      userId: user.id,
      userTeamId: user.team_id ?? undefined,
    };
  }
  if (incoming.kind === 'event') {
    const { user, user_team: userTeamId } = incoming.body.event;
    const known = typeof user === 'string' ? { userId: user } : {};
    return { ...appOf(incoming.body), ...known, ...(typeof userTeamId === 'string' && { userTeamId }) };
  }
  return { ...appOf(incoming.body), userId: incoming.body.user_id };
}

function appOf({ team_id: teamId, enterprise_id: enterpriseId, api_app_id: appId }: Command | SlackEvent): Origin {
  return { teamId: teamId ?? undefined, enterpriseId: enterpriseId ?? undefined, appId };
}

/**
 * Refuses requests from anywhere but where the app is installed, as far as that is known.
 * @throws Refusal `another-workspace`
 */
export function assertInstalledThere(installation: Installation, origin: Origin): void {
  const { teamId, enterpriseId, appId } = installation;
  const isForeign =
    (teamId && origin.teamId !== teamId) ||
    (teamId === null && enterpriseId && origin.enterpriseId !== enterpriseId) ||
    (enterpriseId !== undefined && origin.enterpriseId && origin.enterpriseId !== enterpriseId) ||
    (appId && origin.appId && origin.appId !== appId);
  if (!isForeign) return;
  throw new Refusal('another-workspace', 'This vcdemo belongs to another Slack workspace, organization or app.', {
    hint: 'Use the vcdemo app that is installed in your own workspace.',
  });
}

/** Whether the person is known to belong to another organization; in an Enterprise Grid only Slack can tell. */
export function isExternal({ teamId, enterpriseId }: Installation, { userTeamId }: Origin): boolean {
  return Boolean(teamId && enterpriseId === null && userTeamId && userTeamId !== teamId);
}
