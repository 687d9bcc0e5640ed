import { Refusal } from '../../../errors.js';
import type { Demo } from '../../../k8s/demo.js';

/** @throws Refusal `demo-being-deleted` */
export function assertNotBeingDeleted({ name, state }: Demo): void {
  if (state !== 'deleting') return;
  throw new Refusal('demo-being-deleted', `The deletion of demo ${name} has not finished.`, {
    hint: `Run \`/vcdemo delete ${name}\` again to finish it, then create the demo again.`,
  });
}
