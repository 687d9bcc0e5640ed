import type { ButtonDemo } from '../../slack/demo-buttons.js';
import type { Holder } from '../../../k8s/demo/lease.js';
import { commandLine, type CommandTarget } from '../../../commands/command-line.js';
import { errorsOf, type Traffic } from '../../../k8s/mesh/traffic.js';
import { channelMention, joinMrkdwn, mention, mrkdwn, plain, slackTime, type Mrkdwn } from '../../../mrkdwn.js';
import { buttons, sections, smallPrint, type SlackMessage } from '../../../slack-message.js';
import { beingWorkedOnMessage, brief, message } from '../../slack/messages.js';
import type { Cause } from './causes.js';
import { answerCounts, answersChart } from './chart.js';
import { checkedPlan } from './checked.js';
import type { Finding } from './checks.js';
import { latencyText, type Verified } from './details.js';
import { latencyOf } from './latency.js';
import { isUnexplained, outcomeOf, type PublicWay } from './outcome.js';
import { repairButton } from './repair.js';
import type { DirectionVerdict, VerdictKind } from './verdict.js';

const icons: Record<VerdictKind, string> = {
  pass: ':white_check_mark:',
  inconclusive: ':warning:',
  fail: ':x:',
};

/** Another job is verifying the demo, or changing its mesh; its verdict is the one that counts. The notes come last. */
export function beingVerifiedMessage(demo: ButtonDemo, holder: Holder, notes: readonly Mrkdwn[]): SlackMessage {
  const { purpose, since, asker } = holder;
  if (purpose !== 'verify' && purpose !== 'reverify') return beingWorkedOnMessage(demo, holder);
  const who = asker
    ? mrkdwn`${mention(asker.userId)} is verifying demo *${demo.name}*`
    : mrkdwn`Demo *${demo.name}* is being verified on schedule`;
  const isPosted = asker && !asker.channelId.startsWith('D');
  const where = isPosted && mrkdwn` posted in ${channelMention(asker.channelId)} and`;
  const text = mrkdwn`:hourglass_flowing_sand: ${who} (since ${slackTime(since)}), so nothing was started. Its verdict will be${where} shown on the demo's card.\nTo verify again, repeat the command after that.`;
  return message(joinMrkdwn([text, ...notes], '\n'));
}

/** The verdict, a line for each direction, and remarks; the notes come last. */
export function verifyMessage(report: Verified, notes: readonly Mrkdwn[] = []): SlackMessage {
  const { demo, hostCluster, verdict, directions, causes, findings, tookMs, publicWay } = report;
  const { outcome, reason } = outcomeOf(report);
  const title = mrkdwn`*${demo}*: ${reason}`;
  const measured = directions.flatMap((direction, index) => {
    const judged = verdict.directions[index];
    return judged ? [{ ...direction, judged }] : [];
  });
  const lines = measured.map(({ traffic, judged }) => directionLine(judged, traffic));
  const remarks = measured.flatMap(({ from, judged }) =>
    judged.remarks.map((remark) => mrkdwn`:information_source: from ${from}: ${remark}`),
  );
  const diagnosis = diagnosisText({ name: demo, hostCluster }, { verdict, causes, findings });
  const inWords = measured.flatMap(({ from, traffic }) => (traffic ? [`from ${from} ${countsOf(traffic)}`] : []));
  const counts = answerCounts(directions);
  const plan = checkedPlan(findings);
  const repair = repairButton({ name: demo, hostCluster }, causes);
  return {
    text: plain(mrkdwn`${title}${inWords.length > 0 && ` (${inWords.join('; ')})`}`),
    blocks: [
      ...sections(joinMrkdwn([mrkdwn`${icons[outcome]} ${title}`, ...lines, ...remarks, ...diagnosis], '\n')),
      ...(publicWay ? sections(publicWayText(publicWay)) : []),
      ...(counts ? [answersChart(demo, counts)] : []),
      ...(plan ? [plan] : []),
      ...(repair ? [buttons([repair])] : []),
      ...(notes.length > 0 ? sections(joinMrkdwn(notes, '\n')) : []),
      smallPrint(mrkdwn`${(tookMs / 1000).toFixed(1)} s · details are in the thread`),
    ],
  };
}

/** Why a mesh does not work, or what will break one that does. */
export function diagnosisText(
  demo: CommandTarget,
  { verdict, causes, findings }: Pick<Verified, 'verdict' | 'causes' | 'findings'>,
): Mrkdwn[] {
  if (isUnexplained({ verdict, causes })) return [unexplainedText(demo), ...causesText(causes, 'Another fault')];
  if (verdict.kind !== 'pass') return causesText(causes, 'Cause');
  const told = causes.flatMap(({ evidence }) => evidence);
  return [
    ...causesText(causes, 'Fault, although requests are answered'),
    ...warnings(findings.filter(({ cluster, evidence }) => !told.includes(`${cluster}: ${evidence}`))),
  ];
}

/** The public name has a paragraph of its own. */
const warnings = (findings: readonly Finding[]): Mrkdwn[] =>
  findings
    .filter(({ state, check }) => state === 'fail' && check !== 'publicName')
    .slice(0, 5)
    .map(({ cluster, evidence }) => mrkdwn`:warning: ${cluster}: ${brief(evidence)}`);

const unexplainedText = (demo: CommandTarget): Mrkdwn =>
  mrkdwn`*No cause was found.* The thread has everything that was checked, and an archive of evidence for a colleague; ${commandLine(demo, 'status')} shows what is missing.`;

/** The first cause with its evidence, and the others. */
function causesText(causes: readonly Cause[], label: string): Mrkdwn[] {
  return causes
    .slice(0, 4)
    .flatMap(({ name, evidence, remedy }, index) => [
      mrkdwn`*${index === 0 ? label : 'Also'}:* ${name}`,
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
