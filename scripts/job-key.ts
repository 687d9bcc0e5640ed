import { workerKey } from '../src/job-signature.js';

/*
 * npm run -s job-key [-- CLUSTER]: prints the key of a host cluster's workers (JOB_KEYS), derived from JOB_SIGNING_KEY.
 * Without a name, it is the key for a configuration without named clusters.
 */

const signingKey = process.env.JOB_SIGNING_KEY?.trim() ?? '';
if (signingKey.length < 32) {
  process.stderr.write(
    'Set JOB_SIGNING_KEY to at least 32 characters: export JOB_SIGNING_KEY=$(openssl rand -hex 32)\n',
  );
  process.exitCode = 1;
} else {
  process.stdout.write(`${workerKey(signingKey, process.argv[2])}\n`);
}
