import { z } from 'zod';
import { demoName, hostClusterNames, requester, slackUserId, type QueueKind, type Requester } from './payload.js';

/** What a command's flags are checked against. */
export interface Limits {
  maxTtlMs: number;
}

/** A flag of a command, such as `--ttl 8h`. */
export interface Flag<Value> {
  /** As it is typed: `--ttl`. */
  name: `--${string}`;
  /** A value that shows in the usage how one is written. */
  example: string;
  /** Understands what was typed; throws an Error whose message completes "refused because". */
  parse(text: string, limits: Limits): Value;
  /** What the workers accept in the job. */
  schema: z.ZodType<Value>;
}

/** One row of the table of commands. */
export interface Command {
  summary: string;
  example: string;
  /** Whether the name of a demo may, must or must not be given. */
  demo: 'optional' | 'required' | 'none';
  /** Whether a person may be named, as `@name`. */
  person?: 'optional';
  /** By the field of the job's payload that holds the value. */
  flags: Readonly<Record<string, Flag<unknown>>>;
  /** The workers' queue; undefined where the bot answers by itself. */
  queue?: QueueKind;
  /**
   * Which host clusters get the job when `--on` names none: the first one, the one that has the demo (each is searched
   * in turn), every one, or the one that the person picks from the buttons of the confirmation.
   */
  askedOn: 'first' | 'search' | 'every' | 'picked';
  /** Whom it is open to, among those who may use vcdemo at all. */
  who: 'everybody' | 'owner';
  /** The question that comes before it is done. */
  confirm?: (demo: string, person?: string) => string;
  /** What the person reads at once, while the job waits for a worker. */
  accepted?: (demo: string) => string;
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

/** The zod schema of a command's payload, made from its row. */
export function payloadSchema<Row extends Command>({ demo, person, flags, askedOn }: Row): z.ZodType<PayloadOf<Row>> {
  const values = Object.entries(flags).map(([field, { schema }]) => [field, schema.optional()]);
  const shape = {
    requester,
    ...(demo !== 'none' && { demo: demoName }),
    ...(person && { person: slackUserId.optional() }),
    ...(Object.fromEntries(values) as Record<string, z.ZodType>),
    ...(askedOn === 'search' && { searched: hostClusterNames }),
  };
  return z.object(shape) as unknown as z.ZodType<PayloadOf<Row>>;
}
