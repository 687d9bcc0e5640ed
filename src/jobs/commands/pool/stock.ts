import type { DemoConfig } from '../../../config.js';
import type { Cluster } from '../../../k8s/client/cluster.js';
import { listDemos } from '../../../k8s/demo/demo-record.js';
import type { UnreadableDemo } from '../../../k8s/demo/stored-record.js';
import { findMaintenance } from '../../../k8s/demo/maintenance.js';
import { warmStates, type Demo, type WarmState } from '../../../k8s/demo/demo.js';
import {
  isTooOld,
  isToChange,
  isUseless,
  newPairName,
  readPoolNotes,
  retryAt,
  wantedPairs,
  type PoolNotes,
} from '../../../k8s/demo/pool.js';
import { recordOf } from '../../../records.js';

/** What decides which warm pairs are made and deleted. */
export interface Stock {
  demos: readonly Demo[];
  /** Demos whose records cannot be read; they count all the same. */
  unreadable: readonly Pick<UnreadableDemo, 'pair'>[];
  pairs: readonly Demo[];
  notes: PoolNotes;
  /** When it was read, by the host cluster's clock. */
  now: Date;
  /** No pairs are made during maintenance. */
  isUnderMaintenance: boolean;
}

export async function readStock(host: Cluster): Promise<Stock> {
  const [{ demos, unreadable, pairs }, notes, maintenance] = await Promise.all([
    listDemos(host),
    readPoolNotes(host),
    findMaintenance(host),
  ]);
  return { demos, unreadable, pairs, notes, now: host.now(), isUnderMaintenance: maintenance !== undefined };
}

/** What is due for the pool: pairs to delete, and the pair to make, if any. */
interface PoolPlan {
  drain: Demo[];
  /** The name of a new pair, or of one that is not finished, or is to be paused or started. */
  warm?: string;
}

/**
 * Pairs that are of no use, whose demo has its record, or that are too many are deleted. One pair is made, paused or started
 * at a time, and of those that are too old, one is replaced at a time. Ready ones stay before those that are being made. None
 * is begun before the limits have room for it beside those that are still being deleted.
 */
export function planPool(stock: Stock, config: DemoConfig, now = stock.now): PoolPlan {
  const { pairs, notes, isUnderMaintenance } = stock;
  const isLeft = (pair: Demo) => isTaken(pair, stock);
  const drain = pairs.filter((pair) => isLeft(pair) || isUseless(pair, config, now));
  const staying = pairs
    .filter((pair) => !drain.includes(pair) && pair.warm?.state !== 'claimed')
    .toSorted((a, b) => Number(b.warm?.state === 'ready') - Number(a.warm?.state === 'ready'));
  const wanted = wantedNow(stock, config);
  drain.push(...staying.slice(wanted));
  const kept = staying.slice(0, wanted);
  const unfinished = kept.find(({ warm }) => warm?.state === 'making');
  const isComplete = kept.length === wanted && !unfinished;
  const old = isComplete ? kept.find((pair) => isTooOld(pair, config, now)) : undefined;
  if (old) drain.push(old);
  const other = isComplete && !old ? kept.find((pair) => isToChange(pair, config)) : undefined;
  const untaken = pairs.filter((pair) => !isLeft(pair));
  const hasRoom = countDemos(stock) + untaken.length < config.limits.demos;
  const warm = (unfinished ?? other)?.name ?? (kept.length < wanted && hasRoom ? newPairName() : undefined);
  const isWaiting = isUnderMaintenance || (retryAt(notes)?.getTime() ?? 0) > now.getTime();
  return { drain, ...(warm !== undefined && !isWaiting && { warm }) };
}

/** How many pairs there should be, with what already counts as a demo. */
export function wantedNow(stock: Stock, config: DemoConfig): number {
  const { pairs, notes } = stock;
  const becoming = pairs.filter((pair) => pair.warm?.state === 'claimed' && !isTaken(pair, stock));
  return wantedPairs(config, notes, countDemos(stock) + becoming.length);
}

const countDemos = ({ demos, unreadable }: Stock): number => demos.length + unreadable.length;

/** Whether the pair's namespaces are a demo's. */
export const isTaken = ({ name }: Demo, { demos, unreadable }: Pick<Stock, 'demos' | 'unreadable'>): boolean =>
  [...demos, ...unreadable].some(({ pair }) => pair === name);

/** How many pairs there are, by state. */
export const countPairs = (pairs: readonly Demo[]): Record<WarmState, number> =>
  recordOf(warmStates, (state) => pairs.filter(({ warm }) => warm?.state === state).length);
