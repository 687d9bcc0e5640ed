import * as z from 'zod';
import { demoName } from '../../commands/payload.js';
import { demoStates, verdictOutcomes, virtualClusterNames, warmStates } from './demo.js';

/* The form of a demo's record. New fields are optional or have a default: records of earlier versions do not have them. */

export const date = z.iso.datetime().transform((text) => new Date(text));
export const text = (maxLength: number) => z.string().max(maxLength);

export const person = z.object({ id: z.string().regex(/^[UW][A-Z0-9]{1,20}$/), name: text(100) });
export const channel = z.string().regex(/^[CDG][A-Z0-9]{1,20}$/);

const messagePlace = z.object({ channel, ts: z.string().regex(/^\d+\.\d+$/), replaced: z.literal(true).optional() });

export const recordSchema = z.object({
  version: z.literal(1),
  name: demoName,
  id: z.uuid(),
  owner: person,
  channel,
  created: date,
  ttlMs: z.number().int().positive(),
  expires: date,
  state: z.enum(demoStates),
  ready: date.optional(),
  problem: text(500).optional(),
  credentialsEnd: date.optional(),
  paused: z
    .object({ since: date, leftMs: z.number().int().nonnegative().optional(), jobId: text(100).optional() })
    .optional(),
  used: date.optional(),
  traces: z.object({ seen: text(64), at: date }).optional(),
  card: messagePlace.optional(),
  /** The card of an earlier version: the progress of the last job. */
  progress: messagePlace.optional(),
  reminded: date.optional(),
  files: z
    .array(z.object({ id: text(50), to: text(50), user: text(100).optional() }))
    .max(500)
    .default([]),
  revoked: z.array(text(30)).max(1000).default([]),
  shared: z.array(text(30)).max(200).default([]),
  audit: z
    .array(z.object({ at: date, by: text(30).optional(), what: text(300) }))
    .max(200)
    .default([]),
  verdict: z.object({ outcome: z.enum(verdictOutcomes), reason: text(500), at: date }).optional(),
  schedule: z
    .object({ everyMs: z.number().int().positive(), last: date, told: z.enum(verdictOutcomes).optional() })
    .optional(),
  replacing: z
    .object({
      jobId: text(100),
      authorities: z.partialRecord(z.enum(virtualClusterNames), text(64)),
      served: z.array(text(50)).max(1000).default([]),
    })
    .optional(),
  begun: z.object({ jobId: text(100), askedAt: date }).optional(),
  done: z.array(text(100)).max(1000),
  doneBefore: date.optional(),
  pair: demoName.optional(),
  publicName: demoName.optional(),
  warm: z
    .object({
      state: z.enum(warmStates),
      since: date,
      configuration: text(64),
      fitsAnyName: z.boolean(),
      isPaused: z.boolean().optional(),
      by: z.object({ demo: demoName, jobId: text(100) }).optional(),
    })
    .optional(),
  namespaceUids: z.partialRecord(z.enum(virtualClusterNames), text(64)),
});

/** As it is read: earlier versions called the place of the card `progress`. */
export const storedRecord = recordSchema.transform(({ progress, ...record }) => ({
  ...record,
  card: record.card ?? progress,
}));
export type DemoRecord = z.infer<typeof storedRecord>;
