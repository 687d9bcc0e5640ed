import { messageOf } from '../../../errors.js';
import { changeExisting, findDemo, markDemo } from '../../../k8s/demo/demo-record.js';
import { claimNamespace } from '../../../k8s/demo/managed-by.js';
import { changePoolNotes, planPair, withFailure, withoutFailures, withState } from '../../../k8s/demo/pool.js';
import { withMissingPlaces, type Demo } from '../../../k8s/demo/demo.js';
import { FlowError } from '../../flow.js';
import { withClaimedDemo, type ClaimedHost } from '../../host-cluster.js';
import type { Handler, JobRun } from '../../job-run.js';
import { runReportedFlow } from '../../run-flow.js';
import { warmFlow } from '../create/flow.js';
import { restFlow } from '../pause/flow.js';
import { silentCard } from '../../demo-card.js';
import { planPool, readStock } from './stock.js';

const named = (wanted: string) => (pair: Demo) => pair.name === wanted;

type WarmRun = JobRun<'warm'>;

/** Makes a warm pair, or finishes one, if the pool still needs it. */
export const warm: Handler<'warm'> = (run) =>
  withClaimedDemo(
    run,
    async () => run.log.info('the pair is being worked on'),
    async (claimed) => {
      const { payload, config, log } = run;
      const { host } = claimed;
      const stock = await readStock(host);
      const { warm: wanted } = planPool(stock, config);
      const found = await findDemo(host, payload.demo);
      // Any new name will do, but an unfinished pair comes first.
      const isWanted = found ? wanted === found.name : wanted !== undefined && !stock.pairs.some(named(wanted));
      if (!isWanted) return log.info('the pool does not need this pair any more');
      const pair = found ? withMissingPlaces(found) : planPair(payload.demo, config, claimNamespace(host), host.now());
      await makePair(run, claimed, pair);
    },
  );

async function makePair(run: WarmRun, claimed: ClaimedHost, planned: Demo): Promise<void> {
  const { config, log } = run;
  const { host } = claimed;
  const pair = await beginPair(host, planned);
  if (pair === undefined) return log.info('the pair has just been claimed or drained');
  const isPaused = config.pool.paused;
  try {
    await runReportedFlow({ run, claimed, demo: pair, flow: warmFlow, card: silentCard });
    if (isPaused) await runReportedFlow({ run, claimed, demo: pair, flow: restFlow, card: silentCard });
    await changeExisting(host, pair, (current) =>
      // It may have been drained meanwhile.
      current.warm?.state === 'making'
        ? { ...current, state: 'ready', warm: { ...current.warm, state: 'ready', since: host.now(), isPaused } }
        : current,
    );
    await changePoolNotes(host, (notes) => (notes.failures > 0 ? withoutFailures(notes) : notes));
  } catch (error) {
    if (!(error instanceof FlowError)) throw error;
    // It is deleted, and the next one is tried later.
    const problem = messageOf(error);
    await changeExisting(host, pair, (current) => ({ ...withState(current, 'draining', host.now()), state: 'failed' }));
    await changePoolNotes(host, (notes) => withFailure(notes, problem, host.now()));
    throw error;
  }
}

/** A pair that is ready cannot be claimed any more once it is recorded as being made: of both writes, one decides. */
async function beginPair(host: ClaimedHost['host'], planned: Demo): Promise<Demo | undefined> {
  if (planned.warm?.state !== 'ready') return await markDemo(host, planned, 'creating');
  const begun = await changeExisting(host, planned, (current) =>
    current.warm?.state === 'ready' ? { ...withState(current, 'making', host.now()), state: 'creating' } : current,
  );
  return begun?.warm?.state === 'making' ? { ...begun, places: planned.places } : undefined;
}
