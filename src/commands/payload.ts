import { z } from 'zod';

/*
 * The parts of which jobs are made. Job data is clear text in Redis, so it holds names and ids, never a secret.
 */

/** Kinds of queue, so that neither a removal nor a question about one demo waits behind the creation of another. */
export const queueKinds = ['provisioning', 'removal', 'verification'] as const;
export type QueueKind = (typeof queueKinds)[number];

/** A queue of the workers of one host cluster; where the configuration names no clusters there is one of each kind. */
export const queueName = (kind: QueueKind, hostCluster?: string): string =>
  hostCluster === undefined ? kind : `${kind}-${hostCluster}`;

/** BullMQ's lists by which KEDA scales workers: what waits needs a worker, what is active keeps one. */
export const listsToScaleBy = (queue: string): string[] => ['wait', 'active'].map((list) => `bull:${queue}:${list}`);

/** A DNS label, short enough for the names of namespaces and hosts that are made of it. */
export const demoName = z
  .string()
  .max(20)
  .regex(/^[a-z]([a-z0-9-]*[a-z0-9])?$/);

export const slackUserId = z.string().regex(/^[UW][A-Z0-9]+$/);

/** The person who asked and the channel where. Slack's ids; the name is for display and certificates. */
export const requester = z.object({
  userId: slackUserId,
  userName: z.string(),
  channelId: z.string().regex(/^[CDG][A-Z0-9]+$/),
});
export type Requester = z.infer<typeof requester>;

/**
 * Only a host cluster itself knows which demos it has. So a question without `--on` goes to the first of `searched`, and a
 * worker whose cluster has no such demo passes it on to the next.
 */
export const hostClusterNames = z.array(z.string()).max(50).optional();
