import type { DemoConfig } from '../../config.js';
import { commandLine } from '../../commands/command-line.js';
import { Refusal } from '../../errors.js';
import type { Cluster } from '../../k8s/client/cluster.js';
import { findMaintenance, switchMaintenance, type Maintenance } from '../../k8s/demo/maintenance.js';
import { mention, mrkdwn, slackTime } from '../../mrkdwn.js';
import type { SlackMessage } from '../../slack-message.js';
import { auditLog } from '../audit.js';
import { withHost } from '../host-cluster.js';
import type { Handler } from '../job-run.js';
import { message, onCluster } from '../slack/messages.js';

/** Switches maintenance on or off, or shows whether it is on. */
export const maintenance: Handler<'maintenance'> = async (run) => {
  const { payload, config, slack, log } = run;
  const { state, reason, requester } = payload;
  const by = requester.userId;
  if (state !== 'on' && reason !== undefined)
    throw new Refusal('bad-value', 'Only `maintenance on` takes a reason.', {
      hint: 'For example `/vcdemo maintenance on "upgrading until 14:00"`.',
    });
  const now = await withHost(run, async (host) => {
    if (state && !(await switchMaintenance(host, { isOn: state === 'on', by, since: run.askedAt, reason })))
      throw new Refusal('command-over', 'Maintenance was switched on or off after this command was sent.', {
        hint: 'If you still want it, send it again.',
      });
    return await findMaintenance(host);
  });
  if (state) auditLog(log, { act: 'maintenance', by, what: `switched maintenance ${state}`, facts: { reason } });
  await slack.whisper(requester, maintenanceMessage(now, config));
};

export const maintenanceMessage = (now: Maintenance | undefined, config: DemoConfig): SlackMessage =>
  message(
    now
      ? mrkdwn`:construction: Maintenance${onCluster(config)} is on, since ${slackTime(now.since)} by ${mention(now.by)}${now.reason && `: ${now.reason}`}. No new demos are created; everything else works. ${commandLine({ hostCluster: config.hostCluster }, 'maintenance', 'off')} ends it.`
      : mrkdwn`:white_check_mark: Maintenance${onCluster(config)} is off.`,
  );

/**
 * Checks that new demos may be created.
 * @throws Refusal `maintenance`
 */
export async function assertNoMaintenance(host: Cluster): Promise<void> {
  const now = await findMaintenance(host);
  if (!now) return;
  throw new Refusal(
    'maintenance',
    `No new demos can be created during maintenance${now.reason ? `: ${now.reason}` : ''}.`,
    {
      hint: mrkdwn`Existing demos work as before. Since ${slackTime(now.since)}, by ${mention(now.by)}.`,
    },
  );
}
