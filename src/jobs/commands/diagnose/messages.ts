import type { ButtonDemo } from '../../slack/demo-buttons.js';
import { commandLine } from '../../../commands/command-line.js';
import { joinMrkdwn, mrkdwn, plain, type Mrkdwn } from '../../../mrkdwn.js';
import { buttons, sections, smallPrint, type SlackMessage } from '../../../slack-message.js';
import { checkedPlan } from '../verify/checked.js';
import type { Verified } from '../verify/details.js';
import { diagnosisText } from '../verify/messages.js';
import { outcomeOf } from '../verify/outcome.js';
import { repairButton } from '../verify/repair.js';

/** What the checks found, the causes and what was checked; the archive is in the thread. */
export function diagnosisMessage(verified: Verified): SlackMessage {
  const { demo, hostCluster, causes, findings, verdict, tookMs } = verified;
  const failed = findings.filter(({ state }) => state === 'fail').length;
  const isWell = outcomeOf(verified).outcome === 'pass';
  const [cause] = causes;
  const found = cause
    ? cause.name
    : isWell
      ? failed === 0
        ? 'nothing is wrong'
        : `the mesh works, but ${failed} of ${findings.length} checks failed`
      : outcomeOf(verified).reason;
  const icon = cause || !isWell ? ':x:' : failed > 0 ? ':warning:' : ':white_check_mark:';
  const title = mrkdwn`Diagnosis of *${demo}*: ${found}`;
  const lines = diagnosisText({ name: demo, hostCluster }, { verdict, causes, findings });
  const plan = checkedPlan(findings);
  const repair = repairButton({ name: demo, hostCluster }, causes);
  return {
    text: plain(title),
    blocks: [
      ...sections(joinMrkdwn([mrkdwn`${icon} ${title}`, ...lines], '\n')),
      ...(plan ? [plan] : []),
      ...(repair ? [buttons([repair])] : []),
      smallPrint(mrkdwn`${(tookMs / 1000).toFixed(1)} s · the evidence is in the thread`),
    ],
  };
}

/** Of a demo whose virtual clusters cannot be reached: only the host cluster says something. */
export function unreachableMessage(demo: ButtonDemo, problem: string): SlackMessage {
  const title = mrkdwn`Diagnosis of *${demo.name}*: its virtual clusters cannot be reached`;
  const lines: Mrkdwn[] = [
    mrkdwn`:x: ${title}`,
    mrkdwn`> ${problem}`,
    mrkdwn`*What to do:* ${commandLine(demo, 'status')} shows what is missing; ${commandLine(demo, 'create')} restores it.`,
  ];
  return {
    text: plain(title),
    blocks: [...sections(joinMrkdwn(lines, '\n')), smallPrint(mrkdwn`What the host cluster says is in the thread`)],
  };
}
