import { holds, lacks } from '../k8s/check.js';
import type { DemoContext } from './context.js';
import type { Work } from './flow.js';

/** The work of a step that tells people what came of a flow; `missing` is what is seen before. */
export const deliveryOf = (missing: string): Work<DemoContext> => ({
  check: async ({ delivery }) => ((await delivery?.isDone()) ? holds : lacks(missing)),
  apply: async ({ delivery }) => delivery?.deliver(),
});
