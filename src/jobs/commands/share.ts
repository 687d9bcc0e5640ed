import type { DemoConfig } from '../../config.js';
import { newcomerButtons, stopSharingButton } from '../slack/demo-buttons.js';
import { commandLine } from '../../commands/command-line.js';
import { changeExisting } from '../../k8s/demo/demo-record.js';
import { withAudit, type Demo } from '../../k8s/demo/demo.js';
import { withDone } from '../../k8s/demo/done-jobs.js';
import { messageOf, Refusal } from '../../errors.js';
import { mention, mentionAny, mrkdwn } from '../../mrkdwn.js';
import { buttons, type SlackMessage } from '../../slack-message.js';
import { audit } from '../audit.js';
import { assertNotOver, requireDemo, UnknownDemo } from '../find-demo.js';
import { withHost } from '../host-cluster.js';
import type { Handler, JobRun } from '../job-run.js';
import { assertCanReceive } from '../may-receive.js';
import { message } from '../slack/messages.js';

const mostShares = 100;

/** Shares a demo with a person, a user group or a channel, or ends that. Whoever is named gets back a revoked access. */
export const share: Handler<'share'> = (run) =>
  withHost(run, async (host) => {
    const { payload, slack, log } = run;
    const { requester, audience, stop = false } = payload;
    const by = requester.userId;
    const found = await requireDemo(host, run);
    if (!stop) await assertCanShare(run, found);
    // Whoever has it already is not told again.
    if (!stop && isShared(found, audience)) return await slack.whisper(requester, sharedMessage(found, audience, stop));
    const what = stop ? `stopped sharing it with ${audience}` : `shared it with ${audience}`;
    const changed = await changeExisting(host, found, (current) => {
      assertNotOver(run, current);
      const noted = withDone(withAudit(current, { at: host.now(), by, what }), run.id);
      return stop ? withoutShare(noted, audience) : withShare(noted, audience);
    });
    if (changed === undefined) throw new UnknownDemo(`Demo ${found.name} was deleted in the meantime.`, found);
    await audit(log, host, changed, { act: stop ? 'unshared' : 'shared', by, what, facts: { audience } });
    await slack.whisper(requester, sharedMessage(changed, audience, stop));
    if (stop || audience === by) return;
    const notice = noticeMessage(changed, by, run.config);
    const telling = /^[UW]/.test(audience)
      ? slack.tellPerson(audience, notice)
      : /^[CG]/.test(audience)
        ? slack.announce(audience, notice)
        : Promise.resolve();
    await telling.catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'share was not announced'));
  });

/** @throws Refusal `already-owner`, `not-allowed`, `not-visible`; what `People` throws */
async function assertCanShare(run: JobRun<'share'>, demo: Demo): Promise<void> {
  const { audience } = run.payload;
  if (demo.owner.id === audience && !demo.revoked.includes(audience))
    throw new Refusal('already-owner', `Demo ${demo.name} belongs to them, so there is nothing to share.`, {
      hint: 'Choose somebody else, a user group or a channel.',
    });
  await assertCanReceive(run, audience);
}

const isShared = ({ shared, revoked }: Demo, audience: string): boolean =>
  shared.includes(audience) && !revoked.includes(audience);

/** @throws Refusal `too-many-shares` */
function withShare(demo: Demo, audience: string): Demo {
  const shared = [...new Set([...demo.shared, audience])];
  if (shared.length > mostShares)
    throw new Refusal('too-many-shares', `Demo ${demo.name} is already shared with ${mostShares} people and groups.`, {
      hint: 'Share it with a user group or a channel instead.',
    });
  return { ...demo, shared, revoked: demo.revoked.filter((id) => id !== audience) };
}

/** @throws Refusal `not-shared` */
function withoutShare(demo: Demo, audience: string): Demo {
  if (!demo.shared.includes(audience))
    throw new Refusal('not-shared', `Demo ${demo.name} is not shared with them.`, {
      hint: `To end somebody's access: ${commandLine(demo, 'revoke', '@person')}.`,
    });
  return { ...demo, shared: demo.shared.filter((id) => id !== audience) };
}

export function sharedMessage(demo: Demo, audience: string, stopped: boolean): SlackMessage {
  if (stopped)
    return message(
      mrkdwn`:busts_in_silhouette: Demo *${demo.name}* is no longer shared with ${mentionAny(audience)}. Kubeconfigs that were already sent still work; ${commandLine(demo, 'revoke', '@person')} ends a person's access.`,
    );
  const { text, blocks } = message(
    mrkdwn`:busts_in_silhouette: Demo *${demo.name}* is shared with ${mentionAny(audience)}, who can now extend it. To stop sharing: ${commandLine(demo, 'share', audienceWord(audience), '--stop')}.`,
  );
  return { text, blocks: [...blocks, buttons([stopSharingButton(demo, mentionAny(audience).text)])] };
}

/** What somebody types to name them; Slack shows no names in code. */
const audienceWord = (id: string): string => (/^S/.test(id) ? '@group' : /^[CG]/.test(id) ? '#channel' : '@person');

export function noticeMessage(demo: Demo, by: string, config: Pick<DemoConfig, 'ttl'>): SlackMessage {
  const { text, blocks } = message(
    mrkdwn`:busts_in_silhouette: ${mention(by)} shared demo *${demo.name}* with you: you can use it and extend it.`,
  );
  return { text, blocks: [...blocks, buttons(newcomerButtons(demo, config))] };
}
