import { workerKey } from '../../src/job-signature.js';

/** Keys for the bots and workers of tests. */
export const jobKeys = {
  JOB_SIGNING_KEY: 'a key that is only for tests of vcdemo',
  JOB_KEYS: workerKey('a key that is only for tests of vcdemo'),
};

/** The same, for one of several host clusters. */
export const jobKeysOf = (hostCluster: string) => ({
  ...jobKeys,
  JOB_KEYS: workerKey(jobKeys.JOB_SIGNING_KEY, hostCluster),
});
