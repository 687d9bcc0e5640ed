import { z } from 'zod';
import type { Mrkdwn } from '../mrkdwn.js';
import { demoName, hostClusterNames, requester, slackUserId, type QueueKind, type Requester } from './payload.js';

/** What a command's flags are checked against. */
export interface Limits {
  maxTtlMs: number;
}

/** A flag of a command, such as `--ttl 8h`. */
export interface Flag<Value> {
  /** As people type it: `--ttl`. */
  name: `--${string}`;
  /** A sample value, for the usage text. */
  example: string;
  /** Parses what was typed; throws an Error whose message says why it was refused. */
  parse(text: string, limits: Limits): Value;
  /** What the workers accept in the payload. */
  schema: z.ZodType<Value>;
}

/** One row of the table of commands. */
export interface Command {
  summary: string;
  example: string;
  /** Whether the name of a demo is optional, required or not allowed. */
  demo: 'optional' | 'required' | 'none';
  /** Whether a person can be named, as `@name`. */
  person?: 'optional';
  /** Keyed by the field of the payload that holds the value. */
  flags: Readonly<Record<string, Flag<unknown>>>;
  /** The workers' queue; undefined if the bot answers by itself. */
  queue?: QueueKind;
  /**
   * Which host clusters get the job if `--on` names none: the first, the one that has the demo (they are searched in
   * turn), every one, or the one that the person picks with a button of the confirmation.
   */
  askedOn: 'first' | 'search' | 'every' | 'picked';
  /** Who may run it, among those who may use vcdemo at all. */
  who: 'everybody' | 'owner';
  /** It may hand out credentials of the demo, so it is refused to people whose access was revoked. */
  handsOut?: true;
  /** The question to confirm before the command runs. */
  confirm?: (demo: string, person?: string) => Mrkdwn;
  /** What the person sees at once, while the job waits for a worker. */
  accepted?: (demo: string) => Mrkdwn;
}

type FlagValues<Flags> = {
  [Field in keyof Flags]?: Flags[Field] extends Flag<infer Value> ? Value | undefined : never;
};

/** The payload of a command's job. */
export type PayloadOf<Row extends Command> = { requester: Requester } & (Row['demo'] extends 'none'
  ? unknown
  : { demo: string }) &
  (Row extends { person: string } ? { person?: string | undefined } : unknown) &
  FlagValues<Row['flags']> &
  (Row['askedOn'] extends 'search' ? { searched?: string[] | undefined } : unknown);

/** The zod schema of a command's payload, derived from its row. */
export function payloadSchema<Row extends Command>({ demo, person, flags, askedOn }: Row): z.ZodType<PayloadOf<Row>> {
  const values = Object.entries(flags).map(([field, { schema }]) => [field, schema.optional()] as const);
  const shape: z.ZodRawShape = {
    requester,
    ...(demo !== 'none' && { demo: demoName }),
    ...(person && { person: slackUserId.optional() }),
    ...Object.fromEntries(values),
    ...(askedOn === 'search' && { searched: hostClusterNames }),
  };
  return z.object(shape) as unknown as z.ZodType<PayloadOf<Row>>;
}
