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
      const pair = found ? withMissingPlaces(found) : planPair(payload.demo, config, claimNamespace(host));
      await makePair(run, claimed, pair);
    },
  );

async function makePair(run: WarmRun, claimed: ClaimedHost, planned: Demo): Promise<void> {
  const { host } = claimed;
  const pair = await markDemo(host, planned, 'creating');
  try {
    await runReportedFlow({ run, claimed, demo: pair, flow: warmFlow, card: silentCard });
    await changeExisting(host, pair, (current) =>
      // It may have been drained meanwhile.
      current.warm?.state === 'making' ? { ...withState(current, 'ready'), state: 'ready' } : current,
    );
    await changePoolNotes(host, (notes) => (notes.failures > 0 ? withoutFailures(notes) : notes));
  } catch (error) {
    if (!(error instanceof FlowError)) throw error;
    // It is deleted, and the next one is tried later.
    const problem = messageOf(error);
    await changeExisting(host, pair, (current) => ({ ...withState(current, 'draining'), state: 'failed' }));
    await changePoolNotes(host, (notes) => withFailure(notes, problem));
    throw error;
  }
}
