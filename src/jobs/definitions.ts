import { z } from 'zod';

/*
 * What the bot may ask of the workers: the only thing that both share. Job data is clear text in Redis, so it holds
 * names and ids, never a secret.
 */

/** Two kinds of queue, so that a question about one demo does not wait behind the making of another. */
export const queueKinds = ['provisioning', 'verification'] as const;
export type QueueKind = (typeof queueKinds)[number];

/** A queue of the workers of one host cluster; where the configuration names no clusters there is one of each kind. */
export const queueName = (kind: QueueKind, hostCluster?: string): string =>
  hostCluster === undefined ? kind : `${kind}-${hostCluster}`;

/** BullMQ's lists by which KEDA scales workers: what waits wants a worker, what is being done keeps one. */
export const listsToScaleBy = (queue: string): string[] => ['wait', 'active'].map((list) => `bull:${queue}:${list}`);

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

/**
 * Which host cluster has a demo is known to that cluster alone. So a question without `--on` goes to the first; a worker
 * whose cluster has no such demo hands it on to the next of `elsewhere`.
 */
const hostClusters = z.array(z.string()).max(50).optional();
const onSomeCluster = onDemo.extend({ elsewhere: hostClusters, askedBefore: hostClusters });

export const jobs = {
  create: { queue: 'provisioning', payload: onDemo.extend({ ttlMs: z.number().int().positive().optional() }) },
  delete: { queue: 'provisioning', payload: onDemo },
  expire: { queue: 'provisioning', payload: z.object({ demo: demoName }) },
  kubeconfig: { queue: 'verification', payload: onSomeCluster },
  verify: { queue: 'verification', payload: onSomeCluster.extend({ requests: z.number().int().min(1).max(200) }) },
  status: { queue: 'verification', payload: onSomeCluster },
  dashboard: { queue: 'verification', payload: onSomeCluster },
  list: { queue: 'verification', payload: z.object({ requester }) },
} as const satisfies Record<string, { queue: QueueKind; payload: z.ZodType }>;

export type JobName = keyof typeof jobs;
export type JobPayload<Name extends JobName> = z.infer<(typeof jobs)[Name]['payload']>;
export type JobRequest = { [Name in JobName]: { name: Name; payload: JobPayload<Name> } }[JobName];
