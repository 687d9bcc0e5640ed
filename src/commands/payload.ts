import * as z from 'zod';

/*
 * The building blocks of jobs. Job data is clear text in Redis, so it holds names and ids, never a secret.
 */

/** Separate kinds of queue, so that deleting or checking one demo does not wait until another has been created. */
export const queueKinds = ['provisioning', 'removal', 'verification'] as const;
export type QueueKind = (typeof queueKinds)[number];

/** A queue for the workers of one host cluster; if the configuration names no clusters, there is one of each kind. */
export const queueName = (kind: QueueKind, hostCluster?: string): string =>
  hostCluster === undefined ? kind : `${kind}-${hostCluster}`;

/** The BullMQ lists by which KEDA scales workers: a waiting job needs a worker, an active one keeps it. */
export const listsToScaleBy = (queue: string): string[] => ['wait', 'active'].map((list) => `bull:${queue}:${list}`);

/** A DNS label, short enough for the namespaces and hostnames that contain it. */
export const demoName = z
  .string()
  .max(20)
  .regex(/^[a-z]([a-z0-9-]*[a-z0-9])?$/);

/** Whether only a warm pair may have this name. */
export const isPairName = (name: string): boolean => name.startsWith(pairPrefix);
export const pairPrefix = 'pool-';

export const slackUserId = z.string().regex(/^[UW][A-Z0-9]{1,20}$/);

/** A person, a user group or a channel, by Slack ID. */
export const audienceId = z.string().regex(/^[UWSCG][A-Z0-9]{1,20}$/);

/** The direct messages of a person with the bot. */
export const directChannelId = z.string().regex(/^D[A-Z0-9]+$/);

/** The person who sent the command, and the channel, by Slack ID; the name is for display and certificates. */
export const requester = z.object({
  userId: slackUserId,
  userName: z.string(),
  channelId: z.string().regex(/^[CDG][A-Z0-9]{1,20}$/),
  /** The timestamp of the message under which a mention was written, or of the mention itself. */
  thread: z
    .string()
    .regex(/^\d{1,12}\.\d{1,9}$/)
    .optional(),
});
export type Requester = z.infer<typeof requester>;

/**
 * Only a host cluster itself knows which demos it has. So a command without `--on` goes to the first of `searched`, and a
 * worker whose cluster does not have the demo passes it on to the next.
 */
export const hostClusterNames = z.array(z.string()).max(50).optional();
