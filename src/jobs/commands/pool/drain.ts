import { changeExisting, forgetDemo, markDemo } from '../../../k8s/demo/demo-record.js';
import type { Demo } from '../../../k8s/demo/demo.js';
import { withState } from '../../../k8s/demo/pool.js';
import { silentCard } from '../../demo-card.js';
import { FlowError } from '../../flow.js';
import { withClaimedDemo, type ClaimedHost } from '../../host-cluster.js';
import type { Handler, JobRun } from '../../job-run.js';
import { runReportedFlow } from '../../run-flow.js';
import { deleteFlow } from '../delete/flow.js';
import { isTaken, planPool, readStock } from './stock.js';

/** Nobody has a file of a pair, and nobody is told of its end. */
const drainFlow = deleteFlow.without('files', 'told');

/** Deletes a warm pair that is to go; of one whose demo has taken over its namespaces, only the record. */
export const drain: Handler<'drain'> = (run) =>
  withClaimedDemo(
    run,
    async () => run.log.info('pair is busy; the next sweep will retry'),
    (claimed) => drainClaimed(run, claimed),
  );

async function drainClaimed(run: JobRun<'drain'>, claimed: ClaimedHost): Promise<void> {
  const { host } = claimed;
  const stock = await readStock(host);
  const seen = planPool(stock, run.config).drain.find(({ name }) => name === run.payload.demo);
  if (!seen) return run.log.info('the pair is kept');
  if (isTaken(seen, stock)) return await forgetDemo(host, { name: seen.name });
  // A create may claim it at this moment: the same write decides.
  const pair = await changeExisting(host, seen, (current) =>
    isSame(current, seen) ? { ...withState(current, 'draining', host.now()), state: 'deleting' } : current,
  );
  if (pair?.warm?.state !== 'draining') return run.log.info('the pair has just been claimed');
  const demo = { ...pair, places: seen.places };
  try {
    await runReportedFlow({ run, claimed, demo, flow: drainFlow, card: silentCard });
  } catch (error) {
    if (error instanceof FlowError) await markDemo(host, demo, 'deleting', error.message);
    throw error;
  }
}

const isSame = ({ warm }: Demo, { warm: seen }: Demo): boolean =>
  warm?.state === seen?.state && warm?.since.getTime() === seen?.since.getTime();
