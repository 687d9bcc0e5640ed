import { commandLine } from '../../../commands/command-line.js';
import { Refusal } from '../../../errors.js';
import type { Requester } from '../../../commands/payload.js';
import { findDemo, listDemos, type DemoList } from '../../../k8s/demo/demo-record.js';
import type { Demo } from '../../../k8s/demo/demo.js';
import { isResumed } from '../../../k8s/demo/done-jobs.js';
import type { RunOnDemo } from '../../find-demo.js';
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
  const { requester } = payload;
  const listed = await withHost(run, listDemos);
  const begun = listed.demos.find((demo) => isResumed(demo, run));
  for (const name of begun ? [begun.name] : freeNames(listed, payload)) {
    const named = { ...run, log: run.log.child({ demo: name }), payload: { ...payload, demo: name } };
    let isOver = true;
    await withClaimedDemo(
      named,
      async (holder) => {
        const present = await withHost(run, (host) => findDemo(host, name));
        isOver = begun !== undefined || present?.owner.id === requester.userId;
        if (isOver) await tellHolder(named)(holder);
      },
      async (claimed) => {
        const present = await findDemo(claimed.host, name);
        isOver = begun !== undefined || present === undefined || !isTaken(present, requester);
        if (isOver) await work(named, claimed);
      },
    );
    if (isOver) return;
  }
  throw noFreeName(run);
}

/** The names that a create without one tries, in this order: a demo of one's own that is not finished is continued. */
export function freeNames(
  { demos, unreadable }: DemoList,
  { demo: wanted, requester }: Pick<CreateRun['payload'], 'demo' | 'requester'>,
): string[] {
  const taken = new Set([...demos.filter((demo) => isTaken(demo, requester)), ...unreadable].map(({ name }) => name));
  const numbered = Array.from({ length: mostNames }, (_, index) => (index === 0 ? wanted : `${wanted}-${index + 1}`));
  return numbered.filter((name) => !taken.has(name));
}

const isTaken = ({ owner, state }: Demo, { userId }: Pick<Requester, 'userId'>): boolean =>
  owner.id !== userId || ['ready', 'paused', 'deleting'].includes(state);

export const noFreeName = ({ payload: { demo }, config }: Pick<RunOnDemo, 'payload' | 'config'>): Refusal =>
  new Refusal('no-free-name', `All names from ${demo} to ${demo}-${mostNames} are taken.`, {
    hint: `Choose a name: ${commandLine({ name: 'team-a', hostCluster: config.hostCluster }, 'create')}.`,
  });
