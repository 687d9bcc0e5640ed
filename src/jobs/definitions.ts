import { z } from 'zod';

/*
 * What the bot may ask of the workers: the only thing that both share. Job data is clear text in Redis, so it holds
 * names and ids, never a secret.
 */

/** Two queues, so that a question about one demo does not wait behind the making of another. */
export const queueNames = { provisioning: 'provisioning', verification: 'verification' } as const;
export type QueueName = keyof typeof queueNames;

/** A DNS label, short enough for the names of namespaces and hosts that are made of it. */
export const demoName = z
  .string()
  .max(20)
  .regex(/^[a-z]([a-z0-9-]*[a-z0-9])?$/);

/** The person who asked and the channel where. Slack's ids; the name is for display and certificates. */
const requester = z.object({
  userId: z.string().regex(/^[UW][A-Z0-9]+$/),
  userName: z.string(),
  channelId: z.string().regex(/^[CDG][A-Z0-9]+$/),
});
export type Requester = z.infer<typeof requester>;

const onDemo = z.object({ requester, demo: demoName });

export const jobs = {
  create: { queue: 'provisioning', payload: onDemo.extend({ ttlMs: z.number().int().positive().optional() }) },
  delete: { queue: 'provisioning', payload: onDemo },
  expire: { queue: 'provisioning', payload: z.object({ demo: demoName }) },
  kubeconfig: { queue: 'verification', payload: onDemo },
  verify: { queue: 'verification', payload: onDemo.extend({ requests: z.number().int().min(1).max(200) }) },
  status: { queue: 'verification', payload: onDemo },
  dashboard: { queue: 'verification', payload: onDemo },
  list: { queue: 'verification', payload: z.object({ requester }) },
} as const satisfies Record<string, { queue: QueueName; payload: z.ZodType }>;

export type JobName = keyof typeof jobs;
export type JobPayload<Name extends JobName> = z.infer<(typeof jobs)[Name]['payload']>;
export type JobRequest = { [Name in JobName]: { name: Name; payload: JobPayload<Name> } }[JobName];
