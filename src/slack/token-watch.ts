import type { Log } from '../log.js';

/*
 * Slack rejects a token that was revoked, or whose app was uninstalled. Nobody can be told anything then, so the operators
 * have to notice.
 */

const tokenErrors: ReadonlySet<string> = new Set([
  ...['invalid_auth', 'not_authed', 'account_inactive', 'user_removed_from_team', 'team_disabled', 'token_revoked'],
  ...['token_expired', 'not_allowed_token_type'],
]);

/** Whether the code of Slack's answer means that it does not accept the token. */
export const isTokenError = (code: string): boolean => tokenErrors.has(code);

/** Remembers whether Slack accepts the token, and logs when that changes. */
export interface TokenWatch {
  /** `rejection` is Slack's error code; calls that Slack did not answer say nothing about the token. */
  note(outcome: { failure?: string | undefined; rejection?: string | undefined }): void;
  /** For operators: why Slack rejects the token, and what to do; undefined while it accepts it. */
  problem(): string | undefined;
}

const remedy =
  'Install the Slack app again, set SLACK_BOT_TOKEN to its token, and restart. Messages of running jobs wait until then.';

export function watchToken(log: Log): TokenWatch {
  let rejection: string | undefined;
  return {
    note(outcome) {
      if (outcome.failure !== undefined && outcome.rejection === undefined) return;
      if (outcome.rejection !== undefined && rejection === undefined)
        log.error({ reason: outcome.rejection, hint: remedy }, 'Slack rejects the token');
      if (outcome.rejection === undefined && rejection !== undefined) log.info('Slack accepts the token again');
      rejection = outcome.rejection;
    },
    problem: () => rejection && `Slack rejects SLACK_BOT_TOKEN: ${rejection}\n${remedy}`,
  };
}
