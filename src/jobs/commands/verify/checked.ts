import type { PlanBlock, RichTextBlock, TaskCardBlock } from '@slack/web-api';
import { brief } from '../../slack/messages.js';
import type { CheckName, Finding } from './checks.js';

/* What verify checked beside the traffic, as a plan: one task for each area, which opens to what was seen. */

/** In this order; checks that are in none of them are shown at the end. */
export const areas: readonly { title: string; checks: readonly CheckName[] }[] = [
  { title: 'APIs, gateways and dashboards', checks: ['api', 'controlPlane', 'publicName', 'gateways', 'dashboards'] },
  {
    title: 'Certificates and roots',
    checks: ['credentials', 'kubeconfig', 'authorityLife', 'identity', 'oneRoot', 'rootUsed'],
  },
  {
    title: 'istiod and versions',
    checks: ['istiod', 'proxies', 'versions', 'istiodVersions', 'kubernetes', 'vclusterVersions'],
  },
  {
    title: 'Remote secrets',
    checks: ['remoteSecret', 'remoteAddress', 'remoteAuthority', 'remoteToken', 'tokenLife', 'remoteState'],
  },
  { title: 'Sidecars, endpoints and mTLS', checks: ['injection', 'sidecars', 'endpoints', 'mtls'] },
  { title: 'The network between the clusters', checks: ['newConnection', 'networkPolicies'] },
  { title: 'sleep and helloworld', checks: ['sleep', 'helloworld', 'service', 'serviceTarget'] },
];

type Status = TaskCardBlock['status'];

/** A check that could not be made is not complete, and no error either. */
const statusOf = (findings: readonly Finding[]): Status =>
  findings.some(({ state }) => state === 'fail')
    ? 'error'
    : findings.some(({ state }) => state === 'unknown')
      ? 'pending'
      : 'complete';

/** Undefined where nothing was checked. */
export function checkedPlan(findings: readonly Finding[]): PlanBlock | undefined {
  if (findings.length === 0) return undefined;
  const listed = areas.flatMap(({ checks }) => checks);
  const rest = findings.filter(({ check }) => !listed.includes(check));
  const groups = [
    ...areas.map(({ title, checks }) => ({ title, of: findings.filter(({ check }) => checks.includes(check)) })),
    { title: 'Others', of: rest },
  ].filter(({ of }) => of.length > 0);
  const passed = findings.filter(({ state }) => state === 'pass').length;
  return {
    type: 'plan',
    title: `${passed} of ${findings.length} checks passed`,
    tasks: groups.map(({ title, of }, index): TaskCardBlock => {
      const open = of.filter(({ state }) => state !== 'pass');
      const details = open.length > 0 ? { details: richText(open.slice(0, 8).map(seen)) } : {};
      return { type: 'task_card', task_id: `checked-${index}`, title, status: statusOf(of), ...details };
    }),
  };
}

const seen = ({ cluster, check, evidence, state }: Finding): string =>
  `${cluster} ${check}: ${brief(evidence)}${state === 'unknown' ? ' (not checked)' : ''}`;

function richText(lines: readonly string[]): RichTextBlock {
  return {
    type: 'rich_text',
    elements: [{ type: 'rich_text_section', elements: [{ type: 'text', text: lines.join('\n') }] }],
  };
}
