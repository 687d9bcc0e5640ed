import { Refusal } from '../errors.js';
import type { Cluster } from '../k8s/cluster.js';
import { findDemo, listDemos } from '../k8s/demo-record.js';
import { isOver, type Demo } from '../k8s/demo.js';
import { suggestion } from '../suggestion.js';
import type { JobRun } from './job-run.js';

type RunOnDemo = Pick<JobRun<'create'>, 'config' | 'id' | 'askedAt'> & {
  payload: { demo: string; searched?: string[] | undefined };
};

/** @throws UnknownDemo with the closest name that there is. */
export async function requireDemo(host: Cluster, run: RunOnDemo): Promise<Demo> {
  const { config, payload } = run;
  const { demo: name, searched = [] } = payload;
  const demo = await findDemo(host, name);
  if (demo) {
    assertNotOver(run, demo);
    return demo;
  }
  const names = (await listDemos(host)).demos.map((other) => other.name);
  const asked = searched.slice(0, searched.indexOf(config.hostCluster ?? ''));
  const where = config.hostCluster ? ` on ${[...asked, config.hostCluster].join(' or ')}` : '';
  throw new UnknownDemo(`There is no demo ${name}${where}.${suggestion(name, names)}`, names);
}

/**
 * A command is for the demo that existed when it was given, not for a later one of the same name; and it is done once.
 * @throws Refusal `command-over`
 */
export function assertNotOver(run: Pick<JobRun<'create'>, 'id' | 'askedAt'>, demo: Demo): void {
  if (!isOver(demo, run)) return;
  throw new Refusal('command-over', `This command was given before demo ${demo.name} was made, or is done already.`, {
    hint: 'If you still want it, give it again.',
  });
}

/** This host cluster has no such demo; another may have it. */
export class UnknownDemo extends Refusal {
  constructor(message: string, names: readonly string[]) {
    super('unknown-demo', message, {
      hint:
        names.length > 0
          ? `These exist: ${names.join(', ')}. \`/vcdemo list\` shows more about them.`
          : '`/vcdemo create` makes one.',
    });
  }
}

/**
 * A demo that can be used: both clusters were made.
 * @throws UnknownDemo; Refusal `demo-not-ready`
 */
export async function requireReadyDemo(host: Cluster, run: RunOnDemo): Promise<Demo> {
  const demo = await requireDemo(host, run);
  if (demo.state === 'ready') return demo;
  const why = {
    creating: 'is still being created',
    failed: 'was not created completely',
    deleting: 'is being deleted',
  }[demo.state];
  throw new Refusal('demo-not-ready', `Demo ${demo.name} ${why}.`, {
    hint:
      demo.state === 'deleting'
        ? `Wait until it is gone, then run \`/vcdemo create ${demo.name}\`.`
        : `\`/vcdemo status ${demo.name}\` shows how far it got; \`/vcdemo create ${demo.name}\` resumes it.`,
  });
}
