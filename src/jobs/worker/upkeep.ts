import type { UpkeepName } from '../../commands/job-payloads.js';
import type { DemoConfig } from '../../config.js';
import { minutes } from '../../duration.js';
import { isIdle, isLookDue, lastUse, lookEveryMs } from '../../k8s/demo/idle.js';
import { demoStates, verdictOutcomes, type Demo } from '../../k8s/demo/demo.js';
import { isDue, isReminderDue, nextVerify } from '../../k8s/demo/demo-life.js';
import type { DemoCounts } from '../../metrics.js';
import { planPool, type Stock } from '../commands/pool/stock.js';

/** A job that no person asks for. */
export interface UpkeepRequest {
  name: UpkeepName;
  payload: { demo: string };
  /** The same for what is due once, however many workers find it. */
  dedupeId: string;
  /** When it is due, if that is not now. */
  at?: Date;
}

export const isDueNow = ({ at }: UpkeepRequest, now: Date): boolean => at === undefined || at <= now;

/**
 * The upkeep that demos need: those that are due are removed, owners of those that expire soon are reminded, credentials that
 * expire soon are renewed, lost labels are restored, meshes with a schedule are verified at their time, and demos that nobody uses are paused.
 */
export function upkeepFor(
  demos: readonly Demo[],
  config: Pick<DemoConfig, 'credentials' | 'autoPause'>,
  now: Date,
): UpkeepRequest[] {
  const { credentials, autoPause } = config;
  const renewBefore = now.getTime() + credentials.maxAge / 4;
  const endsSoon = ({ state, credentialsEnd, expires }: Demo) =>
    state === 'ready' &&
    credentialsEnd !== undefined &&
    credentialsEnd.getTime() < Math.min(renewBefore, expires.getTime());
  const staying = demos.filter((demo) => !isDue(demo, now));
  return [
    ...demos.filter((demo) => isDue(demo, now)).map((demo) => requestFor('expire', demo)),
    ...staying
      .filter((demo) => isReminderDue(demo, now))
      .map((demo) => requestFor('remind', demo, String(demo.expires.getTime()))),
    ...staying.filter(endsSoon).map((demo) => requestFor('renew', demo)),
    ...staying
      .filter((demo) => demo.isUnlabelled && demo.state !== 'deleting' && !endsSoon(demo))
      .map((demo) => requestFor('renew', demo, `labels-${Math.floor(now.getTime() / minutes(1))}`)),
    ...staying.flatMap((demo) => {
      const at = nextVerify(demo);
      if (at === undefined || at > demo.expires) return [];
      return [{ ...requestFor('reverify', demo, String(demo.schedule?.last.getTime())), at }];
    }),
    ...staying.flatMap((demo) => {
      // What cannot be found out is tried again at the time of the next look.
      const turn = `${lastUse(demo).getTime()}-${Math.floor(now.getTime() / lookEveryMs(autoPause.idle ?? 1))}`;
      if (isIdle(demo, config, now)) return [requestFor('autopause', demo, turn)];
      return isLookDue(demo, config, now) ? [requestFor('look', demo, turn)] : [];
    }),
  ];
}

/** The warm pairs to make and to delete; one is made at a time. */
export function poolUpkeep(stock: Stock, config: DemoConfig): UpkeepRequest[] {
  const { drain, warm } = planPool(stock, config);
  return [
    ...drain.map((pair) => requestFor('drain', pair)),
    ...(warm === undefined ? [] : [{ name: 'warm' as const, payload: { demo: warm }, dedupeId: 'warm' }]),
  ];
}

const requestFor = (name: UpkeepName, { name: demo }: Demo, turn?: string): UpkeepRequest => ({
  name,
  payload: { demo },
  dedupeId: [name, demo, ...(turn === undefined ? [] : [turn])].join('-'),
});

/** How many demos there are, for the metrics. */
export function countDemos(demos: readonly Demo[], now: Date): DemoCounts {
  const staying = demos.filter((demo) => demo.state === 'ready' && !isDue(demo, now) && demo.schedule !== undefined);
  const isOverdue = ({ schedule }: Demo) =>
    schedule !== undefined && schedule.last.getTime() + 2 * schedule.everyMs + allowanceMs < now.getTime();
  return {
    byState: counted(demoStates, (state) => demos.filter((demo) => demo.state === state)),
    expired: demos.filter((demo) => isDue(demo, now)).length,
    scheduled: counted(verdictOutcomes, (outcome) => staying.filter(({ verdict }) => verdict?.outcome === outcome)),
    overdue: staying.filter(isOverdue).length,
  };
}

/** Workers may be started every ten minutes only. */
const allowanceMs = minutes(10);

const counted = (names: readonly string[], select: (name: string) => readonly Demo[]): Record<string, number> =>
  Object.fromEntries(names.map((name) => [name, select(name).length]));
