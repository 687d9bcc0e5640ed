import type { Run, Traffic } from '../../src/k8s/mesh/traffic.js';

const emptyRun: Run = { requests: 0, versions: {}, instances: {}, errors: {}, times: [], timesByVersion: {} };

/** Traffic without a request, but for the fields that matter to a test. */
export const emptyTraffic = (over: { sequential?: Partial<Run>; parallel?: Partial<Run> } = {}): Traffic => ({
  sequential: { ...emptyRun, ...over.sequential },
  parallel: { ...emptyRun, ...over.parallel },
  endpoints: undefined,
  retries: undefined,
});
