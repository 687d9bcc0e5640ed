import type { WebClient } from '@slack/web-api';
import { isRefusedForGood } from './client.js';

/** Where the app is installed. `null` means that there is none, undefined that it is not known. */
export interface Installation {
  /** `null` if it is installed for a whole organization. */
  teamId?: string | null;
  /** The Enterprise Grid organization. */
  enterpriseId?: string | null;
  appId?: string;
}

/** What the settings say; `SLACK_TEAM_ID` may name an organization. */
export function configuredInstallation({
  SLACK_TEAM_ID: id,
  SLACK_APP_ID: appId,
}: {
  SLACK_TEAM_ID?: string | undefined;
  SLACK_APP_ID?: string | undefined;
}): Installation {
  return {
    ...(id?.startsWith('T') && { teamId: id }),
    ...(id?.startsWith('E') && { teamId: null, enterpriseId: id }),
    ...(appId !== undefined && { appId }),
  };
}

/** Asks Slack whom the token belongs to; throws what the client throws. */
export async function askInstallation(client: WebClient): Promise<Installation> {
  const { team_id, enterprise_id, is_enterprise_install, app_id, bot_id } = await client.auth.test();
  const appId = app_id ?? (bot_id === undefined ? undefined : await appOfBot(client, bot_id));
  return {
    teamId: is_enterprise_install ? null : (team_id ?? null),
    enterpriseId: enterprise_id ?? null,
    ...(appId !== undefined && { appId }),
  };
}

/** Undefined without the scope users:read. */
async function appOfBot(client: WebClient, bot: string): Promise<string | undefined> {
  return await client.bots.info({ bot }).then(
    (answer) => answer.bot?.app_id,
    (error: unknown) => {
      if (isRefusedForGood(error)) return undefined;
      throw error;
    },
  );
}
