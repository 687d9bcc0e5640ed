import { commandLine } from '../../../commands/command-line.js';
import { Refusal } from '../../../errors.js';
import { findDemo, listDemos } from '../../../k8s/demo/demo-record.js';
import type { Demo } from '../../../k8s/demo/demo.js';
import { isResumed } from '../../../k8s/demo/done-jobs.js';
import { withClaimedDemo, withHost, type ClaimedHost } from '../../host-cluster.js';
import type { JobRun } from '../../job-run.js';
import { tellHolder } from '../../tell-holder.js';

type CreateRun = JobRun<'create'>;

const mostNames = 200;

/**
 * Runs `work` with the default name or, if that is taken, with the first free number behind it. Only who holds the claim on
 * a name knows whether it is free.
 * @throws Refusal `no-free-name`
 */
export async function withFreeName(
  run: CreateRun,
  work: (named: CreateRun, claimed: ClaimedHost) => Promise<void>,
): Promise<void> {
  const { payload } = run;
  const { requester, demo: wanted } = payload;
  const isTaken = (demo: Demo | undefined) =>
    demo !== undefined && (demo.owner.id !== requester.userId || ['ready', 'paused', 'deleting'].includes(demo.state));
  const { demos, unreadable } = await withHost(run, listDemos);
  const begun = demos.find((demo) => isResumed(demo, run));
  const taken = new Set([...demos.filter(isTaken), ...unreadable].map(({ name }) => name));
  const numbered = Array.from({ length: mostNames }, (_, index) => (index === 0 ? wanted : `${wanted}-${index + 1}`));
  for (const name of begun ? [begun.name] : numbered.filter((each) => !taken.has(each))) {
    const named = { ...run, payload: { ...payload, demo: name } };
    let isOver = true;
    await withClaimedDemo(
      named,
      async (holder) => {
        const present = await withHost(run, (host) => findDemo(host, name));
        isOver = begun !== undefined || present?.owner.id === requester.userId;
        if (isOver) await tellHolder(named)(holder);
      },
      async (claimed) => {
        isOver = begun !== undefined || !isTaken(await findDemo(claimed.host, name));
        if (isOver) await work(named, claimed);
      },
    );
    if (isOver) return;
  }
  throw new Refusal('no-free-name', `All names from ${wanted} to ${wanted}-${mostNames} are taken.`, {
    hint: `Choose a name: ${commandLine({ name: 'team-a', hostCluster: run.config.hostCluster }, 'create')}.`,
  });
}
