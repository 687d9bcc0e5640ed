import * as z from 'zod';
import type { Who } from '../access.js';
import type { Mrkdwn } from '../mrkdwn.js';
import type { Topic } from './topics.js';
import {
  audienceId,
  demoName,
  hostClusterNames,
  requester,
  slackUserId,
  type QueueKind,
  type Requester,
} from './payload.js';

/** What a command's flags are checked against. */
export interface Limits {
  maxTtlMs: number;
}

/** A value that people type. */
interface Typed<Value> {
  /** A sample value, for the usage text. */
  example: string;
  /** Parses what was typed; throws an Error whose message says why it was refused. */
  parse(text: string, limits: Limits): Value;
  /** What the workers accept in the payload. */
  schema: z.ZodType<Value>;
}

/** A flag of a command, such as `--ttl 8h`. */
export interface Flag<Value> extends Typed<Value> {
  /** As people type it: `--ttl`. */
  name: `--${string}`;
  /** It takes no value; `parse` gets an empty text. */
  isSwitch?: true;
  /** Not in help: buttons fill it in. */
  isHidden?: true;
}

/** A word after the name of the demo, such as the `4h` of `extend team-a 4h`. */
export interface Word<Value> extends Typed<Value> {
  /** What it is, for the message that says that it is missing: `how long`. */
  what: string;
  /** If it is left out, the field is; a word that is not one of its values is then tried on the next one. */
  isOptional?: true;
  /** The values of an optional word; any text if undefined. */
  values?: readonly string[];
  /** It takes all words that are left. */
  isRest?: true;
}

/** One row of the table of commands. */
export interface Command {
  /** Where help lists it. */
  topic: Topic;
  summary: string;
  example: string;
  /** Whether the name of a demo is optional, required or not allowed; `any` is optional, and without it the command finds one. */
  demo: 'optional' | 'any' | 'required' | 'none';
  /** Whether a person can be named, as `@name`. */
  person?: 'optional' | 'required';
  /** Whether a person, user group or channel must be named. */
  audience?: 'required';
  /** Keyed by the field of the payload that holds the value, in the order in which they are typed. */
  words?: Readonly<Record<string, Word<unknown>>>;
  /** Keyed by the field of the payload that holds the value. */
  flags: Readonly<Record<string, Flag<unknown>>>;
  /** The workers' queue; undefined if the bot answers by itself. */
  queue?: QueueKind;
  /**
   * Which host clusters get the job if `--on` names none: the first, the one that has the demo (they are searched in
   * turn), or every one.
   */
  askedOn: 'first' | 'search' | 'every';
  /**
   * Who may run it: viewers and all others; everybody but viewers; the owner of the demo, the people it is shared with and
   * administrators; the owner and administrators; only administrators.
   */
  who: Who;
  /** It may hand out credentials or logs of the demo, or the right to them: it is refused to people whose access was revoked. */
  handsOut?: true;
  /**
   * A worker finds the demo and asks first; the command runs when the person has confirmed it. With `where`, only if several
   * host clusters are searched for the demo: a command that changes one is signed for a single host cluster.
   */
  asks?: 'always' | 'where';
  /**
   * What the person sees at once, while the job waits for a worker; without a demo if its name is not known yet.
   * @param where the progress is shown: `this channel`
   */
  accepted?: (demo: string | undefined, where: Mrkdwn) => Mrkdwn;
}

type FlagValues<Flags> = {
  [Field in keyof Flags]?: Flags[Field] extends Flag<infer Value> ? Value | undefined : never;
};

type WordValues<Words> = {
  [Field in keyof Words as Words[Field] extends { isOptional: true } ? never : Field]: ValueOf<Words[Field]>;
} & {
  [Field in keyof Words as Words[Field] extends { isOptional: true } ? Field : never]?:
    ValueOf<Words[Field]> | undefined;
};
type ValueOf<Of> = Of extends Word<infer Value> ? Value : never;

/** The payload of a command's job. */
export type PayloadOf<Row extends Command> = { requester: Requester } & (Row['demo'] extends 'none'
  ? unknown
  : { demo: string; ofThread?: boolean | undefined }) &
  (Row['demo'] extends 'any' ? { isUnnamed?: boolean | undefined; searched?: string[] | undefined } : unknown) &
  (Row extends { person: 'required' } ? { person: string } : unknown) &
  (Row extends { person: 'optional' } ? { person?: string | undefined } : unknown) &
  (Row extends { audience: string } ? { audience: string } : unknown) &
  (Row extends { words: infer Words } ? WordValues<Words> : unknown) &
  FlagValues<Row['flags']> &
  (Row['askedOn'] extends 'search' ? { searched?: string[] | undefined } : unknown);

/** The zod schema of a command's payload, derived from its row. */
export function payloadSchema<Row extends Command>(row: Row): z.ZodType<PayloadOf<Row>> {
  const { demo, person, audience, words = {}, flags, askedOn }: Command = row;
  const typed = Object.entries(words).map(
    ([field, { schema, isOptional }]) => [field, isOptional ? schema.optional() : schema] as const,
  );
  const values = Object.entries(flags).map(([field, { schema }]) => [field, schema.optional()] as const);
  const schema: z.ZodType = z.object({
    requester,
    ...(demo !== 'none' && { demo: demoName, ofThread: z.boolean().optional() }),
    ...(demo === 'any' && { isUnnamed: z.boolean().optional() }),
    ...(person && { person: person === 'required' ? slackUserId : slackUserId.optional() }),
    ...(audience && { audience: audienceId }),
    ...Object.fromEntries([...typed, ...values]),
    // A command without a name may be about a demo that only one host cluster knows: that of a thread, or one's own.
    ...((askedOn === 'search' || demo === 'any') && { searched: hostClusterNames }),
  });
  return schema as z.ZodType<PayloadOf<Row>>;
}
