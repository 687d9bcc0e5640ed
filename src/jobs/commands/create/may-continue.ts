import { commandLine } from '../../../commands/command-line.js';
import { Refusal } from '../../../errors.js';
import type { Demo } from '../../../k8s/demo/demo.js';
import { assertMayRun, type RunOnDemo } from '../../find-demo.js';

/**
 * Checks that a create may go on with a demo that exists.
 * @throws Refusal `demo-being-deleted`, `not-owner`, `access-revoked`; what `Memberships` throws
 */
export async function assertMayContinue(run: Omit<RunOnDemo, 'name'>, demo: Demo): Promise<void> {
  if (demo.state === 'deleting')
    throw new Refusal('demo-being-deleted', `The deletion of demo ${demo.name} has not finished.`, {
      hint: `Run ${commandLine(demo, 'delete')} again to finish it, then create the demo again.`,
    });
  // It starts what `resume` starts, so it is not for more people.
  await assertMayRun({ ...run, name: demo.state === 'paused' ? 'resume' : 'create' }, demo);
}
