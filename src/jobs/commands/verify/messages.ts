import { errorsOf, type Traffic } from '../../../k8s/traffic.js';
import { joinMrkdwn, mrkdwn, plain, type Mrkdwn } from '../../../mrkdwn.js';
import { buttons, sections, smallPrint, type SlackMessage } from '../../../slack-message.js';
import { brief } from '../../slack/messages.js';
import type { Cause } from './causes.js';
import type { Finding } from './checks.js';
import { latencyText, type Verified } from './details.js';
import { latencyOf } from './latency.js';
import type { DirectionVerdict, VerdictKind } from './verdict.js';

/** Why the public names do not work for the worker, and whether that means that the demo has failed. */
export interface PublicWay {
  problem: string;
  isRequired: boolean;
}

const icons: Record<VerdictKind, string> = {
  pass: ':white_check_mark:',
  inconclusive: ':warning:',
  fail: ':x:',
};

/** The verdict, a line for each direction, and remarks. */
export function verifyMessage(verified: Verified, publicWay?: PublicWay): SlackMessage {
  const { demo, verdict, directions, causes, findings, tookMs } = verified;
  // Where it is required, a demo that cannot be reached has failed, whatever its mesh does.
  const isUnreachable = publicWay?.isRequired === true;
  const kind = isUnreachable ? 'fail' : verdict.kind;
  const title = mrkdwn`*${demo}*: ${verdict.reason}${isUnreachable && '; its public name does not work'}`;
  const measured = directions.map((direction, index) => ({ ...direction, judged: verdict.directions[index]! }));
  const lines = measured.map(({ traffic, judged }) => directionLine(judged, traffic));
  const remarks = measured.flatMap(({ from, judged }) =>
    judged.remarks.map((remark) => mrkdwn`:information_source: from ${from}: ${remark}`),
  );
  const diagnosis = verdict.kind === 'pass' ? warnings(findings) : causesText(demo, causes);
  const counts = measured.flatMap(({ from, traffic }) => (traffic ? [`from ${from} ${countsOf(traffic)}`] : []));
  return {
    text: plain(mrkdwn`${title}${counts.length > 0 && ` (${counts.join('; ')})`}`),
    blocks: [
      ...sections(joinMrkdwn([mrkdwn`${icons[kind]} ${title}`, ...lines, ...remarks, ...diagnosis], '\n')),
      ...(publicWay ? sections(publicWayText(publicWay)) : []),
      ...(causes.some(({ isRepairable }) => isRepairable)
        ? [buttons([{ label: 'Repair', value: `create ${demo}`, style: 'primary' }])]
        : []),
      smallPrint(mrkdwn`${(tookMs / 1000).toFixed(1)} s · details are in the thread`),
    ],
  };
}

/** What is about to break a mesh that works. The public name has a paragraph of its own. */
const warnings = (findings: readonly Finding[]): Mrkdwn[] =>
  findings
    .filter(({ state, check }) => state === 'fail' && check !== 'publicName')
    .slice(0, 5)
    .map(({ cluster, evidence }) => mrkdwn`:warning: ${cluster}: ${brief(evidence)}`);

/** The first cause with its evidence, and the others. */
function causesText(demo: string, causes: readonly Cause[]): Mrkdwn[] {
  if (causes.length === 0)
    return [
      mrkdwn`*No cause was found.* The file in the thread lists everything that was checked; \`/vcdemo status ${demo}\` shows what is missing.`,
    ];
  return causes
    .slice(0, 4)
    .flatMap(({ name, evidence, remedy }, index) => [
      mrkdwn`*${index === 0 ? 'Cause' : 'Also'}:* ${name}`,
      ...evidence.slice(0, 4).map((seen) => mrkdwn`> ${brief(seen)}`),
      mrkdwn`*What to do:* ${remedy}`,
    ]);
}

function directionLine({ from, kind, reason }: DirectionVerdict, traffic: Traffic | undefined): Mrkdwn {
  if (!traffic) return mrkdwn`${icons[kind]} *from ${from}*: ${brief(reason)}`;
  const { parallel, sequential } = traffic;
  const failed = errorsOf(parallel) + errorsOf(sequential);
  const errors = failed > 0 ? `${failed} ${failed === 1 ? 'error' : 'errors'}` : 'no errors';
  return mrkdwn`${icons[kind]} *from ${from}*: ${countsOf(traffic)} of ${sequential.requests} requests from sleep, sequential; ${parallel.requests} in parallel: ${latencyText(latencyOf(parallel.times))}; ${errors}`;
}

const countsOf = ({ sequential: { versions } }: Traffic): string =>
  ['v1', 'v2'].map((version) => `${version}: ${versions[version] ?? 0}`).join(' · ');

const publicWayText = ({ problem, isRequired }: PublicWay): Mrkdwn =>
  isRequired
    ? mrkdwn`:x: The public name does not work: ${problem}`
    : mrkdwn`:warning: The worker could not reach the public name; it may still work for you: ${problem}`;
