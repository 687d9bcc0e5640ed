import { guestsHint, roleOf, whyNoMember, type Role } from '../access.js';
import { Refusal } from '../errors.js';
import { mentionAny, mrkdwn } from '../mrkdwn.js';
import type { JobRun } from './job-run.js';

/* Whom a demo, or a share of one, can be given to: it would be lost on those who cannot use it. */

type Giving = Pick<JobRun<'share'>, 'config' | 'people'>;

/**
 * Checks that a person may use demos, and returns their role.
 * @throws Refusal `not-allowed`; what `People` throws
 */
export async function assertMayReceive({ config, people }: Giving, person: string): Promise<Role> {
  const { access } = config;
  const standing = await people.standingOf(person);
  const problem = whyNoMember(standing, access.guests);
  if (problem !== undefined)
    throw new Refusal('not-allowed', problem, { hint: guestsHint(standing) ?? 'Choose somebody else.' });
  const role = await roleOf(access, { userId: person }, people);
  if (role === 'user' || role === 'admin') return role;
  throw new Refusal('not-allowed', 'That person is not allowed to use demos.', {
    hint: `The vcdemo operators can add ${person} to \`access.users\` in the configuration.`,
  });
}

/**
 * The same for a person, a user group or a channel.
 * @throws Refusal `not-allowed`, `not-visible`; what `People` throws
 */
export async function assertCanReceive(giving: Giving, audience: string): Promise<void> {
  if (/^[UW]/.test(audience)) return void (await assertMayReceive(giving, audience));
  if (await giving.people.isVisible(audience)) return;
  throw new Refusal('not-visible', 'vcdemo cannot see who is in it, so nobody there could use the share.', {
    hint: audience.startsWith('S')
      ? mrkdwn`Choose a user group other than ${mentionAny(audience)}, or a channel.`
      : mrkdwn`If ${mentionAny(audience)} is a private channel, invite vcdemo there with \`/invite @vcdemo\`; then share the demo again.`,
  });
}
