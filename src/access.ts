import type { DemoConfig } from './config.js';
import { Refusal } from './errors.js';
import { channelMention, joinMrkdwn, mention, mrkdwn } from './mrkdwn.js';

/**
 * What people may do: viewers only look, users create demos and use them, administrators may do everything with every demo.
 */
export type Role = 'viewer' | 'user' | 'admin';

/** Whom a row of the table of commands admits: a role, or those who have to do with the demo. */
export type Who = 'viewers' | 'everybody' | 'shared' | 'owner' | 'admins';

/** A person, and the channel in which they say they gave their command; empty outside of channels. */
export interface Asker {
  userId: string;
  channelId: string;
}

/** Who is in which user group or channel. */
export interface Memberships {
  /** Throws what Slack's client throws if Slack cannot be asked. */
  isIn(id: string, userId: string): Promise<boolean>;
}

/** Whether a person is one of these people, or a member of one of these user groups and channels. */
async function isAmong(
  ids: readonly string[],
  { userId }: Pick<Asker, 'userId'>,
  memberships: Memberships,
): Promise<boolean> {
  if (ids.includes(userId)) return true;
  // The channel of a command proves nothing: a view, or whoever can write to Redis, may have set it. So Slack is asked.
  const groups = ids.filter((id) => /^[SCG]/.test(id));
  const found = await Promise.all(groups.map((id) => memberships.isIn(id, userId)));
  return found.includes(true);
}

/** In `access.viewers`: all those who are not listed otherwise. */
const everybodyElse = 'everybody';

/** The role of a person; undefined if they may not use vcdemo at all. Asks Slack only about groups and channels. */
export async function roleOf(
  { viewers, users, admins }: Pick<DemoConfig['access'], 'viewers' | 'users' | 'admins'>,
  asker: Pick<Asker, 'userId'>,
  memberships: Memberships,
): Promise<Role | undefined> {
  if (await isAmong(admins, asker, memberships)) return 'admin';
  if (await isAmong(users, asker, memberships)) return 'user';
  if (viewers.includes(everybodyElse) || (await isAmong(viewers, asker, memberships))) return 'viewer';
  return users.length === 0 ? 'user' : undefined;
}

/**
 * Checks that this person may use vcdemo in this channel, and returns their role. Both the bot and the worker check:
 * otherwise anything that can write to Redis could command the worker.
 * @throws Refusal `not-allowed`; what `Memberships` throws
 */
export async function assertMayUse(
  access: DemoConfig['access'],
  asker: Asker,
  memberships: Memberships,
): Promise<Role> {
  const role = await roleOf(access, asker, memberships);
  const { channels } = access;
  if (role === undefined)
    throw new Refusal('not-allowed', 'You are not allowed to use vcdemo.', {
      hint: `Ask the vcdemo operators to add your Slack ID ${asker.userId} to \`access.users\` in the configuration.`,
    });
  if (channels.length > 0 && !channels.includes(asker.channelId))
    throw new Refusal('not-allowed', 'vcdemo cannot be used in this channel.', {
      hint: mrkdwn`Use it in ${joinMrkdwn(channels.map(channelMention), ', ')}, or ask the vcdemo operators to add ${asker.channelId} to \`access.channels\`.`,
    });
  return role;
}

/**
 * Checks what can be known without the demo: that this role may run a command at all.
 * @throws Refusal `not-allowed`
 */
export function assertRole(role: Role, who: Who, command: string): void {
  if (who === 'admins' && role !== 'admin')
    throw new Refusal('not-allowed', `Only administrators can run \`/vcdemo ${command}\`.`, {
      hint: 'The vcdemo operators can name administrators in `access.admins`.',
    });
  if (who !== 'viewers' && role === 'viewer')
    throw new Refusal('not-allowed', `Your role is viewer, which does not include \`/vcdemo ${command}\`.`, {
      hint: 'Ask the vcdemo operators to add you to `access.users` in the configuration. `/vcdemo whoami` shows what you may do.',
    });
}

/** What a person is in this workspace. */
export type Standing = 'member' | 'guest' | 'external' | 'bot' | 'deactivated' | 'unknown';

const whyNot: Record<Exclude<Standing, 'member'>, string> = {
  guest: 'Guests of this workspace cannot use vcdemo.',
  external: 'People from other organizations cannot use vcdemo.',
  bot: 'Apps cannot use vcdemo.',
  deactivated: 'This Slack account is deactivated.',
  unknown: 'Slack does not know this account.',
};

const isGuest = (standing: Standing): boolean => standing === 'guest' || standing === 'external';

/** Why somebody of this standing may not use vcdemo; undefined if they may. `guests` is `access.guests` of the configuration. */
export const whyNoMember = (standing: Standing, guests: boolean): string | undefined =>
  standing === 'member' || (guests && isGuest(standing)) ? undefined : whyNot[standing];

/** What can be done about it. */
export const guestsHint = (standing: Standing): string | undefined =>
  isGuest(standing) ? 'The vcdemo operators can admit guests with `access.guests: true`.' : undefined;

/**
 * Checks that a person of this standing may use vcdemo; `guests` is `access.guests` of the configuration.
 * @throws Refusal `not-a-member`
 */
export function assertMember(standing: Standing, guests: boolean): void {
  const message = whyNoMember(standing, guests);
  if (message === undefined) return;
  const others = isGuest(standing) || standing === 'unknown' ? askMember : undefined;
  const hint = [others, guestsHint(standing)].filter(Boolean).join(' ');
  throw new Refusal('not-a-member', message, { ...(hint && { hint }) });
}

const askMember = 'Ask a member of the workspace to run the command.';

/** A demo, as far as it decides who may do what. */
interface Owned {
  name: string;
  owner: { id: string; name: string };
  /** Slack IDs of the people, user groups and channels that it is shared with. */
  shared: readonly string[];
  /** Slack IDs of the people whose access was revoked, whatever groups they are in. */
  revoked: readonly string[];
}

/** Whether a demo is shared with a person, and their access was not revoked. */
export const isSharedWith = async (
  { shared, revoked }: Pick<Owned, 'shared' | 'revoked'>,
  asker: Pick<Asker, 'userId'>,
  memberships: Memberships,
): Promise<boolean> => !revoked.includes(asker.userId) && (await isAmong(shared, asker, memberships));

/** Administrators may do whatever the owner of a demo may do. */
export const isOwner = (role: Role | undefined, userId: string, { owner }: Pick<Owned, 'owner'>): boolean =>
  role === 'admin' || owner.id === userId;

/**
 * Checks that this person may do what is reserved to those who have to do with a demo.
 * @throws Refusal `not-owner`; what `Memberships` throws
 */
export async function assertOwner(
  { access, memberships }: { access: DemoConfig['access']; memberships: Memberships },
  asker: Pick<Asker, 'userId'>,
  demo: Owned,
  { command, who }: { command: string; who: 'owner' | 'shared' },
): Promise<void> {
  const role = await roleOf(access, asker, memberships);
  if (isOwner(role, asker.userId, demo)) return;
  if (who === 'shared' && (await isSharedWith(demo, asker, memberships))) return;
  const { admins } = access;
  const others = who === 'shared' ? ', the people it is shared with' : '';
  const people = admins.filter((id) => /^[UW]/.test(id));
  throw new Refusal(
    'not-owner',
    `Demo ${demo.name} belongs to ${demo.owner.name || demo.owner.id}; only its owner${others} or an administrator can run \`/vcdemo ${command}\` on it.`,
    {
      hint:
        people.length > 0
          ? mrkdwn`Administrators: ${joinMrkdwn(people.map(mention), ', ')}.`
          : admins.length > 0
            ? mrkdwn`Ask ${mention(demo.owner.id)}.`
            : 'The vcdemo operators can name administrators in `access.admins`.',
    },
  );
}
