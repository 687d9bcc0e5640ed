import { assertMayUse, assertMember, assertRole, type Standing } from '../../access.js';
import type { Requester } from '../../commands/payload.js';
import { commands, type CommandName } from '../../commands/table.js';
import type { DemoConfig } from '../../config.js';
import { seconds } from '../../duration.js';
import { messageOf, Refusal } from '../../errors.js';
import type { Log } from '../../log.js';
import { errorCodeOf } from '../../slack/client.js';
import type { People } from '../../slack/people.js';
import { within } from '../../within.js';
import type { Slack } from '../slack/slack.js';

/** After that a job starts without an answer. */
const askTimeoutMs = seconds(10);

export interface RequesterCheck {
  access: DemoConfig['access'];
  people: Pick<People, 'isIn' | 'standingOf'>;
  /** The command that the person gave. */
  command?: CommandName | undefined;
  log: Log;
}

/**
 * Checks that this person may use vcdemo and their role may run the command. The bot has checked as well, but anything that
 * can write to Redis could command the workers, and the bot does not wait for Slack.
 * @param isPatient whether to wait for a Slack that is away, as long as its client does; the result would have to wait too
 * @throws Refusal `not-allowed`, `not-a-member`; `not-known` if Slack cannot say who it is
 */
export async function assertMayAsk(
  requester: Requester,
  { access, people, command }: RequesterCheck,
  isPatient = true,
): Promise<void> {
  const asking = <Answer>(waits: boolean, ask: () => Promise<Answer>) => (waits ? ask() : within(askTimeoutMs, ask));
  const role = await asking(isPatient, () => assertMayUse(access, requester, people)).catch((error: unknown) => {
    throw error instanceof Refusal ? error : new NotKnown(error, groupScopes);
  });
  if (command !== undefined) assertRole(role, commands[command].who, command);
  let standing: Standing;
  try {
    standing = await asking(isPatient && !access.guests, () => people.standingOf(requester.userId));
  } catch (error) {
    if (access.guests) return;
    throw new NotKnown(error);
  }
  assertMember(standing, access.guests);
}

const groupScopes =
  'The vcdemo operators can add the scopes usergroups:read (for user groups) and channels:read, groups:read (for channels) to the Slack app and reinstall it.';

/**
 * The same for a job that takes minutes, so that an outage of Slack at its start does not end it: files are shared only
 * after Slack has said who the requester is. Returns a Slack that enforces this.
 */
export async function assertMayAskLater(requester: Requester, check: RequesterCheck, slack: Slack): Promise<Slack> {
  await assertMayAsk(requester, check, false).catch((error: unknown) => {
    if (!(error instanceof NotKnown && error.isOutage)) throw error;
    check.log.warn({ reason: error.message }, 'Slack will be asked again before the kubeconfig is sent');
  });
  return {
    ...slack,
    async shareFile(...args) {
      await assertMayAsk(requester, check);
      return await slack.shareFile(...args);
    },
  };
}

class NotKnown extends Refusal {
  /** Slack did not answer; otherwise it refused. */
  readonly isOutage: boolean;

  constructor(cause: unknown, remedy?: string) {
    const code = errorCodeOf(cause);
    const what = remedy === undefined ? 'whether you are a member of this workspace' : 'which groups you are in';
    super('not-known', `vcdemo could not ask Slack ${what}: ${messageOf(cause)}.`, {
      hint:
        code === undefined
          ? 'Try again when Slack is available.'
          : (remedy ??
            'The vcdemo operators can add the scope users:read to the Slack app and reinstall it, or set `access.guests: true`.'),
      cause,
    });
    this.isOutage = code === undefined;
  }
}
