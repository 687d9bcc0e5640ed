import type { Cluster } from '../../src/k8s/client/cluster.js';
import { changeRecord, findDemo } from '../../src/k8s/demo/demo-record.js';
import type { Demo } from '../../src/k8s/demo/demo.js';
import { commandRunner, type CommandRunOptions } from './command-run.js';
import { plannedDemo } from './planned-demo.js';
import { withSimulatedCluster } from './simulated-cluster.js';

/** The owner of the demos, unless fields say otherwise. */
export const owner = { id: 'U0ALICE', name: 'alice' };

interface RecordedDemos {
  readonly host: Cluster;
  /** Runs the handler of a command. */
  run: ReturnType<typeof commandRunner>;
  /** Records a ready demo, of which nothing else exists. */
  demoNamed(name: string, fields?: Partial<Demo>): Promise<Demo>;
  found(name: string): Promise<Demo>;
}

/** For tests of what commands do with the records of demos, on a simulated cluster; call it in a `describe`. */
export function recordedDemos(options: CommandRunOptions): RecordedDemos {
  let host: Cluster;
  let runner: RecordedDemos['run'];
  withSimulatedCluster((connected, cluster) => {
    host = connected;
    runner = commandRunner(cluster, options);
  });
  return {
    get host() {
      return host;
    },
    run: (...request) => runner(...request),
    async demoNamed(name, fields = {}) {
      const now = new Date();
      const planned = plannedDemo({ name, owner, now, claimNamespace: 'default' });
      return await changeRecord(host, { ...planned, state: 'ready', ready: now, ...fields }, (current) => current);
    },
    async found(name) {
      return (await findDemo(host, name))!;
    },
  };
}
