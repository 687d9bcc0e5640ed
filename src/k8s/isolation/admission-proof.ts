import * as z from 'zod';
import type { AdmissionRuleId } from '../../config/admission.js';
import { UserError } from '../../errors.js';
import { capitalised } from '../../text.js';
import { ApiError, lacksRight } from '../client/api-errors.js';
import type { Cluster } from '../client/cluster.js';
import { apiGroups, discover } from '../client/discovery.js';
import { checked } from '../client/answers.js';
import { contains, create } from '../client/objects.js';
import { policyName, policyRules, type AdmissionConfig, type PolicyRule } from './admission-policy.js';
import { admissionRules } from './admission-rules.js';

/*
 * Tests whether the host cluster enforces the admission policy: for every rule, a dry run in the demo's namespace tries to
 * create what the rule must refuse.
 */

/** What the host cluster does not enforce. */
interface AdmissionGaps {
  /** Rules whose object would have been created. */
  missing: AdmissionRuleId[];
  /** Rules that are enforced by a policy of the same name but another version. */
  outdated: AdmissionRuleId[];
}

const none: AdmissionGaps = { missing: [], outdated: [] };
/** By what all views of one connection share. */
const proofs = new WeakMap<Cluster['discovered'], Map<string, Promise<AdmissionGaps>>>();

/**
 * Asks once per namespace and connection to the host cluster, that is, once per job.
 * @throws ApiError if the API server refuses to answer
 */
function findAdmissionGaps(host: Cluster, config: AdmissionConfig, namespace: string): Promise<AdmissionGaps> {
  const known = proofs.get(host.discovered) ?? new Map<string, Promise<AdmissionGaps>>();
  proofs.set(host.discovered, known);
  const asked = known.get(namespace) ?? askEachRule(host, config, namespace);
  known.set(namespace, asked);
  asked.catch(() => known.delete(namespace));
  return asked;
}

async function askEachRule(host: Cluster, config: AdmissionConfig, namespace: string): Promise<AdmissionGaps> {
  const rules = policyRules(config);
  const answers = await Promise.all(rules.map((rule) => askRule(host, rule, namespace)));
  const those = (answer: Answer) => rules.filter((_, index) => answers[index] === answer).map(({ id }) => id);
  return { ...none, missing: those('missing'), outdated: those('outdated') };
}

type Answer = 'enforced' | 'missing' | 'outdated';

async function askRule(host: Cluster, { id, message }: PolicyRule, namespace: string): Promise<Answer> {
  const { metadata, ...probe } = admissionRules[id].probe;
  const object = { ...probe, metadata: { ...metadata, name: `vcdemo-probe-${id}`, namespace } };
  try {
    const answer = await create(host, object, { dryRun: true });
    // Unless this Kubernetes version dropped an unknown field, so that there is nothing to refuse.
    return contains(answer, { spec: probe.spec }) ? 'missing' : 'enforced';
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 403 || lacksRight(error)) throw error;
    if (error.message.includes(`'${policyName}'`)) return error.message.includes(message) ? 'enforced' : 'outdated';
    return 'enforced'; // by something else that the API server asked first
  }
}

/**
 * Throws if the policy is not enforced; if the configuration does not require it, returns what is missing.
 * @throws UserError `isolation-not-enforced`
 */
export async function assertAdmission(
  host: Cluster,
  config: AdmissionConfig,
  namespace: string,
): Promise<string | undefined> {
  const described = describeGaps(await findAdmissionGaps(host, config, namespace), config);
  if (described === undefined || !config.isolation.required) return described;
  const server = await versionWithoutPolicies(host);
  const sentence = capitalised(described);
  throw new UserError('isolation-not-enforced', `${sentence}: people in a demo could take over the host cluster.`, {
    hint: server
      ? `ValidatingAdmissionPolicy needs Kubernetes 1.30 or newer; the host cluster runs ${server}. Upgrade it, or set isolation.required to false if it holds nothing else of value.`
      : 'Install the policy for this configuration with `npm run -s policy | kubectl apply -f -`, or upgrade the Helm release of vcdemo, which contains it (demoPolicy.create), then run the command again. With isolation.required set to false, demos are created without it.',
  });
}

/** The gaps as a sentence; undefined if there are none. */
function describeGaps({ missing, outdated }: AdmissionGaps, config: AdmissionConfig): string | undefined {
  const rules = policyRules(config);
  if (missing.length > 0 && missing.length === rules.length)
    return `the host cluster does not enforce the admission policy ${policyName}`;
  if (missing.length > 0)
    return `the host cluster does not enforce all rules of the admission policy ${policyName} (missing: ${missing.join(', ')})`;
  if (outdated.length > 0)
    return `the admission policy ${policyName} in the host cluster is not the one for this configuration`;
  return undefined;
}

/** The server's version if it is too old for the policy. */
async function versionWithoutPolicies(host: Cluster): Promise<string | undefined> {
  const group = (await apiGroups(host)).find(({ name }) => name === 'admissionregistration.k8s.io');
  if (group?.versions.some(({ version }) => version === 'v1')) {
    const resources = await discover(host, 'admissionregistration.k8s.io/v1');
    if (resources.some(({ name }) => name === 'validatingadmissionpolicies')) return undefined;
  }
  const answer = await host.request({ method: 'GET', path: '/version' });
  return checked(z.object({ gitVersion: z.string() }), answer, 'the version of the host cluster').gitVersion;
}
