import { stringify } from 'yaml';
import { readPolicySettings } from '../../config.js';
import { messageOf } from '../../errors.js';
import { admissionPolicy } from './admission-policy.js';

/*
 * npm run policy: prints the admission policy for the configuration in VCDEMO_CONFIG, for host clusters in which the Helm
 * chart does not install it.
 */

try {
  const documents = admissionPolicy(readPolicySettings().demoConfig);
  process.stdout.write(documents.map((document) => `---\n${stringify(document, { lineWidth: 0 })}`).join(''));
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
