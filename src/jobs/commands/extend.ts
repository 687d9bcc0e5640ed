import { commandLine } from '../../commands/command-line.js';
import type { DemoConfig } from '../../config.js';
import { formatDuration } from '../../duration.js';
import { Refusal } from '../../errors.js';
import { refreshCard } from '../demo-card.js';
import { changeExisting } from '../../k8s/demo/demo-record.js';
import { withAudit, type Demo } from '../../k8s/demo/demo.js';
import { extendDemo, TooLong } from '../../k8s/demo/demo-life.js';
import { withDone } from '../../k8s/demo/done-jobs.js';
import { idleEnd } from '../../k8s/demo/idle.js';
import { mrkdwn, slackTime } from '../../mrkdwn.js';
import type { SlackMessage } from '../../slack-message.js';
import { audit } from '../audit.js';
import { assertNotOver, requireDemo, UnknownDemo } from '../find-demo.js';
import { withHost } from '../host-cluster.js';
import type { Handler, JobRun } from '../job-run.js';
import { lifetimeText, message } from '../slack/messages.js';

/** Lets a demo live longer. It needs no claim, because the record is changed in one write; so it works during a create too. */
export const extend: Handler<'extend'> = (run) =>
  withHost(run, async (host) => {
    const { payload, slack, log } = run;
    const { byMs, requester } = payload;
    const found = await requireDemo(host, run);
    const what = `extended it by ${formatDuration(byMs)}`;
    const extended = await changeExisting(host, found, (current) => {
      const longer = longerOf(current, run, host.now());
      return withDone(withAudit(longer, { at: host.now(), by: requester.userId, what }), run.id);
    });
    if (extended === undefined) throw new UnknownDemo(`Demo ${found.name} was deleted in the meantime.`, found);
    const facts = { expires: extended.expires.toISOString() };
    await audit(log, host, extended, { act: 'extended', by: requester.userId, what, facts });
    await slack.whisper(requester, extendedMessage(extended, run.config));
    await refreshCard(run, host, extended);
  });

/** @throws Refusal `command-over`, `demo-being-deleted`, `too-long` */
function longerOf(demo: Demo, run: JobRun<'extend'>, now: Date): Demo {
  const { payload, config } = run;
  assertNotOver(run, demo); // a second run of this job may have come first
  if (demo.state === 'deleting')
    throw new Refusal('demo-being-deleted', `Demo ${demo.name} is being deleted, so it can no longer be extended.`, {
      hint: `When it is gone, ${commandLine(demo, 'create')} creates a new one.`,
    });
  try {
    return extendDemo(demo, { byMs: payload.byMs, maxTtlMs: config.ttl.max, now });
  } catch (error) {
    throw error instanceof TooLong ? tooLong(demo, config, error.atMostMs) : error;
  }
}

const shortestMs = 60_000;

function tooLong(demo: Demo, config: Pick<DemoConfig, 'ttl' | 'autoPause'>, atMostMs: number): Refusal {
  const { name, expires, paused } = demo;
  const longest = formatDuration(config.ttl.max);
  return new Refusal('too-long', `A demo can expire at most ${longest} from now.`, {
    hint:
      atMostMs < shortestMs
        ? paused?.leftMs === undefined
          ? mrkdwn`Demo ${name} expires ${slackTime(expires)}; extend it later.`
          : lifetimeText(demo, config)
        : mrkdwn`The longest extension that is possible now: ${commandLine(demo, 'extend', formatDuration(atMostMs))}.`,
  });
}

export function extendedMessage(demo: Demo, config: DemoConfig): SlackMessage {
  const { name, expires, ready, ttlMs, paused } = demo;
  if (ready === undefined)
    return message(
      mrkdwn`:hourglass: Demo *${name}* will expire ${formatDuration(ttlMs)} after it becomes ready; if it does not, it expires ${slackTime(expires)}.`,
    );
  if (paused?.leftMs !== undefined)
    return message(mrkdwn`:hourglass: Demo *${name}* was extended. ${lifetimeText(demo, config)}`);
  const idle = idleEnd(demo, config);
  const pauses =
    idle && idle < expires && mrkdwn` It is paused ${slackTime(idle)}, unless somebody uses it before then.`;
  return message(mrkdwn`:hourglass: Demo *${name}* now expires ${slackTime(expires)}.${pauses}`);
}
