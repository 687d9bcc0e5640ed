import { commandLine } from '../../../commands/command-line.js';
import { Refusal } from '../../../errors.js';
import type { Demo } from '../../../k8s/demo/demo.js';

/** @throws Refusal `demo-being-deleted` */
export function assertNotBeingDeleted(demo: Demo): void {
  if (demo.state !== 'deleting') return;
  throw new Refusal('demo-being-deleted', `The deletion of demo ${demo.name} has not finished.`, {
    hint: `Run ${commandLine(demo, 'delete')} again to finish it, then create the demo again.`,
  });
}
