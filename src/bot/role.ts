import { assertMayUse, assertRole, type Asker, type Memberships, type Role } from '../access.js';
import { commands, type CommandName } from '../commands/table.js';
import type { SharedConfig } from '../config.js';
import { seconds } from '../duration.js';
import { messageOf, Refusal, UserError } from '../errors.js';
import type { Log } from '../log.js';
import { within } from '../within.js';

/** Slack waits three seconds for an answer; if it has not said by then what a person is in, the worker decides. */
const askTimeoutMs = seconds(1);

/**
 * Refuses at once what the role of a person does not include; the worker checks again.
 * @returns the role; undefined if Slack did not say it in time
 * @throws Refusal `not-allowed`
 */
export async function assertMayGive(
  name: CommandName,
  asker: Asker,
  { access, people, log }: { access: SharedConfig['access']; people: Memberships; log: Log },
): Promise<Role | undefined> {
  try {
    const role = await within(askTimeoutMs, () => assertMayUse(access, asker, people));
    assertRole(role, commands[name].who, name);
    return role;
  } catch (error) {
    if (error instanceof UserError) throw error;
    log.warn({ reason: messageOf(error) }, 'cannot ask Slack which groups this person is in; the worker will check');
    return undefined;
  }
}

/**
 * Refuses a channel that a person picked without being in it: Slack lets them pick any public one.
 * @throws Refusal `not-allowed`
 */
export async function assertIsIn(
  channelId: string,
  { userId }: Pick<Asker, 'userId'>,
  { people, log }: { people: Memberships; log: Log },
): Promise<void> {
  const isIn = await within(askTimeoutMs, () => people.isIn(channelId, userId)).catch((error: unknown) => {
    log.warn({ reason: messageOf(error) }, 'cannot ask Slack whether this person is in the channel that they picked');
    return true;
  });
  if (!isIn)
    throw new Refusal('not-allowed', 'vcdemo cannot see that you are in this channel.', {
      hint: 'Join it, and invite the app if it is private; or leave this field empty.',
    });
}
