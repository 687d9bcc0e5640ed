import * as z from 'zod';
import { payloadSchema, type PayloadOf } from './command.js';
import { stop } from './flags.js';
import { audienceId, demoName, hostClusterNames, requester, slackUserId, type QueueKind } from './payload.js';
import { commandNames, commands, isAsking, isCommandName, type CommandName, type JobCommandName } from './table.js';
import { lifetime } from './words.js';

/* The jobs that workers run: one for each command that needs a worker, and those that workers enqueue themselves. */

const upkeepPayload = z.object({ demo: demoName });
const homePayload = z.object({ requester });
const questionPayload = z.object({
  requester,
  command: z.enum(commandNames.filter(isAsking)),
  demo: demoName,
  ofThread: z.boolean().optional(),
  person: slackUserId.optional(),
  audience: audienceId.optional(),
  byMs: lifetime.schema.optional(),
  stop: stop.schema.optional(),
  searched: hostClusterNames,
});
const preflightPayload = z.object({
  requester,
  demo: demoName,
  isUnnamed: z.boolean().optional(),
  ofThread: z.boolean().optional(),
  searched: hostClusterNames,
});

/**
 * Jobs that no person asks for; `look` looks whether a demo is used, `autopause` pauses one that is not, `warm` makes a warm
 * pair, and `drain` deletes one.
 */
export type UpkeepName = 'expire' | 'renew' | 'remind' | 'reverify' | 'look' | 'autopause' | 'warm' | 'drain';

/**
 * `home` fills the app's Home, which somebody has opened; `question` asks whether a command is meant; `preflight` is
 * `create --check`.
 */
export type JobName = JobCommandName | UpkeepName | 'home' | 'question' | 'preflight';

/** Jobs that only look at demos, so that they can run side by side. A command's queue decides. */
type ReadingJob =
  | 'home'
  | 'question'
  | 'preflight'
  | {
      [Name in JobCommandName]: (typeof commands)[Name]['queue'] extends 'verification' ? Name : never;
    }[JobCommandName];

/** Commands that look at one demo. */
export type ReadingDemoCommand = {
  [Name in JobCommandName]: (typeof commands)[Name] extends { queue: 'verification'; demo: 'optional' | 'required' }
    ? Name
    : never;
}[JobCommandName];

/** Jobs that change a demo: one at a time. */
export type WritingJob = Exclude<JobName, ReadingJob | 'reverify' | 'look'>;

export type JobPayload<Name extends JobName> = Name extends JobCommandName
  ? PayloadOf<(typeof commands)[Name]>
  : Name extends 'home'
    ? z.infer<typeof homePayload>
    : Name extends 'question'
      ? z.infer<typeof questionPayload>
      : Name extends 'preflight'
        ? z.infer<typeof preflightPayload>
        : z.infer<typeof upkeepPayload>;

interface JobDefinition<Name extends JobName> {
  queue: QueueKind;
  payload: z.ZodType<JobPayload<Name>>;
}

export const isJobCommand = (name: CommandName): name is JobCommandName => 'queue' in commands[name];

const ofCommands = commandNames.filter(isJobCommand).map((name) => {
  const command = commands[name];
  return [name, { queue: command.queue, payload: payloadSchema(command) }] as const;
});

const definitions: Record<string, { queue: QueueKind; payload: z.ZodType }> = {
  ...Object.fromEntries(ofCommands),
  expire: { queue: 'removal', payload: upkeepPayload },
  home: { queue: 'verification', payload: homePayload },
  question: { queue: 'verification', payload: questionPayload },
  preflight: { queue: 'verification', payload: preflightPayload },
  renew: { queue: 'provisioning', payload: upkeepPayload },
  remind: { queue: 'verification', payload: upkeepPayload },
  reverify: { queue: 'verification', payload: upkeepPayload },
  look: { queue: 'verification', payload: upkeepPayload },
  autopause: { queue: 'provisioning', payload: upkeepPayload },
  warm: { queue: 'provisioning', payload: upkeepPayload },
  drain: { queue: 'removal', payload: upkeepPayload },
};

export const jobs = definitions as { [Name in JobName]: JobDefinition<Name> };

interface Given {
  /** The values of its flags. */
  flags: Record<string, unknown>;
  isConfirmed: boolean;
  /** Several host clusters may have the demo, and none was named. */
  isSearched: boolean;
}

/** The job of a command that somebody gave. */
export function jobOf(command: JobCommandName, { flags, isConfirmed, isSearched }: Given): JobName {
  if (isAsking(command) && !isConfirmed && (isSearched || commands[command].asks === 'always')) return 'question';
  return flags.check === true ? 'preflight' : command;
}

/** What `cancel` can stop halfway. */
const cancellableJobs = ['create', 'resume', 'revoke'] as const;
/** What it can take off its queue: also what has to be finished once it has begun. */
const removableJobs = [...cancellableJobs, 'pause', 'delete'] as const;
export type RemovableJob = (typeof removableJobs)[number];

export const isCancellable = (name: string): boolean => cancellableJobs.some((cancellable) => cancellable === name);

export const isRemovable = (name: string): name is RemovableJob =>
  removableJobs.some((removable) => removable === name);

/** The command that somebody gave: a Home shows what `list` shows, and a question is about a command. */
export function commandOf({ name, payload }: { name: JobName; payload: object }): CommandName | undefined {
  if (name === 'home') return 'list';
  if (name === 'preflight') return 'create';
  if (name === 'question') return (payload as JobPayload<'question'>).command;
  return isCommandName(name) ? name : undefined;
}

/** The demo that somebody named; undefined if a worker has to find the one that is meant, or there is none. */
export function namedDemoIn(payload: object): string | undefined {
  const { demo, ofThread, isUnnamed } = payload as { demo?: string; ofThread?: boolean; isUnnamed?: boolean };
  return ofThread || isUnnamed ? undefined : demo;
}

export const isJobName = (name: string): name is JobName => Object.hasOwn(jobs, name);

export type JobRequest<Name extends JobName = JobName> = {
  [Each in Name]: { name: Each; payload: JobPayload<Each> };
}[Name];
