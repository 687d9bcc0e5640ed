import { createHash, randomBytes } from 'node:crypto';
import * as z from 'zod';
import { pairPrefix } from '../../commands/payload.js';
import type { DemoConfig } from '../../config.js';
import { sharedConfig } from '../../config/schema.js';
import { hours, minutes } from '../../duration.js';
import type { Cluster } from '../client/cluster.js';
import { changeExisting } from './demo-record.js';
import { wildcardName } from '../virtual-cluster/hostnames.js';
import { changeKept, readKept } from './kept-value.js';
import { planDemo, problemOf, type Demo, type WarmPair } from './demo.js';

/*
 * Warm pairs: demos that are made in advance. A pair has a record like a demo, with `warm` set, so that
 * the steps of create can make it; nobody can reach it by a command. A create claims it: the demo's record lists the pair's
 * namespaces from then on, and the pair's record is removed.
 */

export const newPairName = (): string => `${pairPrefix}${randomBytes(4).toString('hex')}`;

/** Stands for the owner and the channel of what has none yet. */
const nobody = { owner: { id: 'U0POOL', name: 'pool' }, channel: 'C0POOL' };

/** A warm pair that does not exist yet. */
export function planPair(name: string, config: DemoConfig, claimNamespace: string, now: Date): Demo {
  return {
    // It does not expire: the pool decides how long it is kept.
    ...planDemo({ name, hostCluster: config.hostCluster, ...nobody, now, ttlMs: hours(24 * 365), claimNamespace }),
    warm: {
      state: 'making',
      since: now,
      configuration: configurationHash(config),
      fitsAnyName: fitsAnyName(config),
    },
  };
}

/** Settings that change nothing in a pair. */
const settledLater = [
  ...Object.keys(sharedConfig.shape),
  ...['hostCluster', 'pool', 'pause', 'autoPause', 'credentials', 'delivery', 'stepDeadlineFactor'],
];

/** Equal for configurations from which the same pair would be made. */
export function configurationHash(config: DemoConfig): string {
  const kept = Object.entries(config).filter(([key]) => !settledLater.includes(key));
  return createHash('sha256').update(JSON.stringify(kept)).digest('hex').slice(0, 16);
}

const fitsAnyName = (config: DemoConfig): boolean =>
  config.exposure.kind === 'none' || wildcardName(config) !== undefined;

// ------------------------------------------------------------------ claiming

/** A create that wants a pair. */
interface Claimant {
  demo: string;
  jobId: string;
}

/**
 * Claims a pair for a demo, or returns undefined if none is ready. Of two creates, only one gets a pair, because the API
 * server refuses the second write. A create that was interrupted gets the pair that it has claimed before.
 */
export async function claimPair(
  host: Cluster,
  pairs: readonly Demo[],
  claimant: Claimant,
  config: DemoConfig,
  now = host.now(),
): Promise<Demo | undefined> {
  const isOwn = ({ warm }: Demo) =>
    warm?.state === 'claimed' &&
    warm.by?.jobId === claimant.jobId &&
    warm.by.demo === claimant.demo &&
    // It may have changed since this create was interrupted.
    warm.configuration === configurationHash(config);
  const ready = pairs.filter((pair) => isReady(pair, config));
  const [paused, awake] = [ready.filter(isPausedPair), ready.filter((pair) => !isPausedPair(pair))];
  const wanted = [...pairs.filter(isOwn), ...awake, ...paused];
  for (const pair of wanted) {
    const claimed = await changeExisting(host, pair, (current) =>
      // It is also written if this create has it already, so that nobody drains it now.
      current.warm && (isOwn(current) || current.warm.state === 'ready')
        ? withState({ ...current, warm: { ...current.warm, by: claimant } }, 'claimed', now)
        : current,
    );
    if (claimed && isOwn(claimed)) return { ...claimed, places: pair.places };
  }
  return undefined;
}

/** The demo, made of a pair; paused if that is, until its work begins. */
export const ofPair = (demo: Demo, { name, namespaceUids, places, warm }: Demo): Demo => ({
  ...demo,
  pair: name,
  ...(!warm?.fitsAnyName && { publicName: name }),
  ...(warm?.isPaused && { paused: { since: warm.since } }),
  namespaceUids,
  places,
});

/** The pair in another state. */
export const withState = (pair: Demo, state: WarmPair['state'], now: Date): Demo => ({
  ...pair,
  ...(pair.warm && { warm: { ...pair.warm, state, since: now } }),
});

/** One that is too old serves until its turn to be replaced comes. */
const isReady = ({ warm, places }: Demo, config: DemoConfig): boolean =>
  warm?.state === 'ready' && places.length === 2 && warm.configuration === configurationHash(config);

export const isTooOld = ({ warm, created }: Demo, { pool }: Pick<DemoConfig, 'pool'>, now: Date): boolean =>
  warm?.state === 'ready' && now.getTime() - created.getTime() > pool.maxAge;

export const isPausedPair = ({ warm }: Demo): boolean => warm?.isPaused === true;

/** A ready pair that runs although the pool's pairs are to be paused, or the other way round. */
export const isToChange = (pair: Demo, { pool }: Pick<DemoConfig, 'pool'>): boolean =>
  pair.warm?.state === 'ready' && isPausedPair(pair) !== pool.paused;

/** Far longer than a create needs from its claim to its record, even if another worker has to resume it. */
const claimedForMs = minutes(10);

/** Whether a pair is of no use, so that it is to be deleted now. */
export function isUseless(pair: Demo, config: DemoConfig, now: Date): boolean {
  const { warm } = pair;
  switch (warm?.state) {
    case 'draining':
      return true;
    case 'claimed':
      return now.getTime() - warm.since.getTime() > claimedForMs;
    case 'making':
      return warm.configuration !== configurationHash(config);
    case 'ready':
      return !isReady(pair, config);
    case undefined:
      return false;
  }
}

// ------------------------------------------------------------------ the pool's own notes

const notesSchema = z.object({
  /** Set by a command; otherwise the configuration decides. */
  size: z.number().int().nonnegative().optional(),
  /** Who set it, and when that was asked for. */
  by: z.string().max(30).optional(),
  at: z.iso
    .datetime()
    .transform((text) => new Date(text))
    .optional(),
  /** How many pairs in a row could not be made, and what happened to the last one. */
  failures: z.number().int().nonnegative().default(0),
  failed: z
    .object({ at: z.iso.datetime().transform((text) => new Date(text)), reason: z.string().max(500) })
    .optional(),
});
export type PoolNotes = z.output<typeof notesSchema>;

const none: PoolNotes = { failures: 0 };
const kept = { name: 'vcdemo.pool' as const, key: 'pool', schema: notesSchema };

/** What the pool remembers. */
export const readPoolNotes = async (host: Cluster): Promise<PoolNotes> => (await readKept(host, kept)) ?? none;

const tries = 10;

/** @throws Error if other workers kept writing them meanwhile */
export async function changePoolNotes(host: Cluster, change: (notes: PoolNotes) => PoolNotes): Promise<PoolNotes> {
  let notes = none;
  let isSame = true;
  const isWritten = await changeKept(
    host,
    kept,
    (before = none) => {
      notes = change(before);
      isSame = notes === before;
      return isSame ? undefined : notes;
    },
    tries,
  );
  if (!isSame && !isWritten) throw new Error(`ConfigMap ${kept.name} was not written: other workers kept changing it.`);
  return notes;
}

export const withFailure = (notes: PoolNotes, reason: string, now: Date): PoolNotes => ({
  ...notes,
  failures: notes.failures + 1,
  failed: { at: now, reason: problemOf(reason) },
});

export const withoutFailures = ({ failures, failed: _, ...notes }: PoolNotes): PoolNotes => ({ ...notes, failures: 0 });

const longestBackoffMs = hours(1);

/** When the next pair may be made after failures: later with each of them. */
export const retryAt = ({ failures, failed }: PoolNotes): Date | undefined =>
  failed && new Date(failed.at.getTime() + Math.min(longestBackoffMs, minutes(1) * 2 ** (failures - 1)));

/** How many pairs the pool is to have: never more than the configuration and the limits leave. */
export const wantedPairs = (
  { pool, limits }: Pick<DemoConfig, 'pool' | 'limits'>,
  { size = pool.size }: Pick<PoolNotes, 'size'>,
  demos: number,
): number => Math.max(0, Math.min(size, pool.max, limits.demos - demos));
