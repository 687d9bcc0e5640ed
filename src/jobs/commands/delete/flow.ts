import { minutes, seconds } from '../../../duration.js';
import type { ClusterContext, DemoContext } from '../../context.js';
import { Flow } from '../../flow.js';
import { filesGone, hostNamespaceGone, nothingLeft, recordGone, releaseGone, told } from './steps.js';

/** `/vcdemo delete` on one page; it also works for demos that were only partly created. */
// prettier-ignore
export const deleteFlow = Flow.of<DemoContext, ClusterContext>()
  .step('files',         { on: 'once', after: [],                work: filesGone,         within: seconds(30), says: 'Deleting its files in Slack', optional: true })
  .step('release',       { on: 'each', after: [],                work: releaseGone,       within: minutes(2), says: 'Uninstalling the virtual cluster' })
  .step('hostNamespace', { on: 'each', after: ['release'],       work: hostNamespaceGone, within: minutes(5), says: 'Deleting the namespace' })
  .step('leftovers',     { on: 'once', after: ['hostNamespace'], work: nothingLeft,       within: minutes(1), says: 'Checking that nothing is left' })
  .step('told',          { on: 'once', after: ['leftovers'],     work: told,              within: minutes(1), says: 'Announcing the deletion' })
  .step('record',        { on: 'once', after: 'all',             work: recordGone,        within: minutes(1), says: "Removing the demo's record" });
