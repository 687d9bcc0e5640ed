import { Refusal } from '../errors.js';
import type { Cluster } from '../k8s/cluster.js';
import { findDemo, listDemos, type Demo } from '../k8s/demo.js';
import { suggestion } from '../suggestion.js';
import type { JobRun } from './job-run.js';

type RunOnDemo = Pick<JobRun<'create'>, 'config'> & {
  payload: { demo: string; askedBefore?: string[] | undefined };
};

/** @throws UnknownDemo with the closest name that there is. */
export async function requireDemo(host: Cluster, { config, payload }: RunOnDemo): Promise<Demo> {
  const { demo: name, askedBefore = [] } = payload;
  const demo = await findDemo(host, name);
  if (demo) return demo;
  const names = (await listDemos(host)).map((other) => other.name);
  const where = config.hostCluster ? ` on ${[...askedBefore, config.hostCluster].join(' or ')}` : '';
  throw new UnknownDemo(`There is no demo ${name}${where}.${suggestion(name, names)}`, names);
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
