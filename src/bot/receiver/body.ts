import * as z from 'zod';
import { parseJson } from '../../json.js';

/** Bytes of a slash command; what people type is much shorter. */
export const commandLimit = 64 * 1024;
/** Bytes of anything else: a click in App Home carries the whole view. */
export const interactionLimit = 1024 * 1024;

/** How long a body that starts like this may be, in bytes. */
export function limitFor(contentType: string | undefined, beginning: Buffer): number {
  const isCommand = mediaType(contentType) === formType && !beginning.subarray(0, 8).equals(payloadPrefix);
  return isCommand ? commandLimit : interactionLimit;
}

const formType = 'application/x-www-form-urlencoded';
const payloadPrefix = Buffer.from('payload=');

export type Command = z.infer<typeof command>;
type Interaction = z.infer<typeof interaction>;
export type SlackEvent = z.infer<typeof slackEvent>;

/** What Slack sends, by how it has to be answered. */
export type Incoming =
  | { kind: 'sslCheck' }
  | { kind: 'challenge'; challenge: string }
  | { kind: 'command'; body: Command }
  | { kind: 'interaction'; body: Interaction }
  | { kind: 'event'; body: SlackEvent };

const named = z.looseObject({ id: z.string() });

const command = z.looseObject({
  command: z.string().startsWith('/'),
  user_id: z.string(),
  channel_id: z.string(),
  trigger_id: z.string(),
  text: z.string().default(''),
  team_id: z.string().optional(),
  enterprise_id: z.string().optional(),
  api_app_id: z.string().optional(),
  response_url: z.string().optional(),
});

/** The fields that Bolt reads; it tells the kinds apart by them. */
const interaction = z
  .looseObject({
    type: z.string(),
    user: z.looseObject({ id: z.string(), team_id: z.string().nullish() }),
    team: z.looseObject({ id: z.string(), enterprise_id: z.string().nullish() }).nullish(),
    enterprise: named.nullish(),
    channel: named.optional(),
    view: z.looseObject({}).optional(),
    actions: z.array(z.looseObject({})).min(1).optional(),
    api_app_id: z.string().optional(),
    response_url: z.string().optional(),
    event: z.undefined().optional(),
    command: z.undefined().optional(),
  })
  .refine(({ type, view }) => !type.startsWith('view_') || view !== undefined);

const slackEvent = z.looseObject({
  event: z.looseObject({ type: z.string() }),
  team_id: z.string().nullish(),
  enterprise_id: z.string().nullish(),
  api_app_id: z.string().optional(),
  command: z.undefined().optional(),
});

/** Parses a body; undefined if it is malformed. */
export function parseBody(text: string, contentType: string | undefined): Incoming | undefined {
  switch (mediaType(contentType)) {
    case formType:
      return parseForm(new URLSearchParams(text));
    case 'application/json':
      return parseEvent(parseJson(text));
    default:
      return undefined;
  }
}

/** A payload from the socket, which has already been parsed as JSON. */
export function parseEnvelope(payload: unknown): Incoming | undefined {
  const keys = typeof payload === 'object' && payload !== null ? payload : {};
  if ('command' in keys) return as('command', command.safeParse(payload));
  return 'event' in keys
    ? as('event', slackEvent.safeParse(payload))
    : as('interaction', interaction.safeParse(payload));
}

const mediaType = (contentType = '') => contentType.replace(/;.*/s, '').trim().toLowerCase();

function parseForm(form: URLSearchParams): Incoming | undefined {
  const payload = form.get('payload');
  if (payload !== null) return as('interaction', interaction.safeParse(parseJson(payload)));
  if (form.has('command')) return as('command', command.safeParse(Object.fromEntries(form)));
  return form.get('ssl_check') === '1' ? { kind: 'sslCheck' } : undefined;
}

function parseEvent(json: unknown): Incoming | undefined {
  const challenge = z.object({ type: z.literal('url_verification'), challenge: z.string() }).safeParse(json);
  if (challenge.success) return { kind: 'challenge', challenge: challenge.data.challenge };
  return as('event', slackEvent.safeParse(json));
}

function as<Kind extends string, Body>(kind: Kind, parsed: z.ZodSafeParseResult<Body>) {
  return parsed.success ? { kind, body: parsed.data } : undefined;
}
