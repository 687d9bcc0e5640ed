import { commandLine } from '../../../commands/command-line.js';
import { messageOf } from '../../../errors.js';
import { isPassing } from '../../../k8s/client/api-errors.js';
import type { Cluster } from '../../../k8s/client/cluster.js';
import { changeExisting, findDemo, isGone } from '../../../k8s/demo/demo-record.js';
import { firstPlace, withAudit, type Demo } from '../../../k8s/demo/demo.js';
import { withDone } from '../../../k8s/demo/done-jobs.js';
import { assertAdmission } from '../../../k8s/isolation/admission-proof.js';
import { weakenedBy } from '../../../k8s/isolation/notes.js';
import { requireDemoKubeconfig } from '../../../k8s/credentials/demo-kubeconfig.js';
import { audit, credentialAct } from '../../audit.js';
import type { FlowCard } from '../../demo-card.js';
import { withDemoContext, type ClaimedHost } from '../../host-cluster.js';
import type { JobRun } from '../../job-run.js';
import { failureMessage, kubeconfigName, message } from '../../slack/messages.js';
import { mrkdwn, type Mrkdwn } from '../../../mrkdwn.js';
import type { SlackFile } from '../../slack/file-as-text.js';
import type { SharedFile } from '../../slack/upload.js';
import { noteFiles, recorded } from '../../slack/files.js';
import { inOwnName, userOfShared } from '../kubeconfig.js';
import { kubeconfigComment, deletedUnseenMessage } from './messages.js';

type CreateRun = JobRun<'create'>;

/**
 * Sends the kubeconfig only once, even if the API of the host cluster fails before that can be recorded. The demo is ready,
 * so it can be deleted although Slack takes long.
 */
export async function deliver(
  run: CreateRun,
  { unclaimed: host, release }: ClaimedHost,
  planned: Demo,
  card: FlowCard,
): Promise<void> {
  if (!run.delivered.has(run.id)) {
    const demo = (await findDemo(host, planned.name)) ?? planned; // it has the expiry time
    const tookMs = Date.now() - run.askedAt.getTime();
    await readyFile(run, host, demo, tookMs); // what makes that fail is told by a job that still holds the claim
    await release();
    await run.slack.available();
    const current = await findDemo(host, demo.name);
    if (isGone(demo, current) || current === undefined)
      return await run.slack.whisper(run.payload.requester, deletedUnseenMessage(demo.name));
    // Somebody's access, or all keys, may have been revoked while Slack was away.
    const file = await readyFile(run, host, current, tookMs);
    run.delivered.set(run.id, await shareKubeconfig(run, current, orOwn(run, host, current, file), card));
  }
  const { requester } = run.payload;
  const shared = run.delivered.get(run.id);
  if (shared)
    await noteFiles(run.slack, host, planned, shared, { to: shared.to, user: userOfShared(shared, requester) });
  const act = shared && credentialAct(String(shared.content), shared.to, requester.userId);
  await changeExisting(host, planned, (current) =>
    withDone(act ? withAudit(current, { at: host.now(), ...act }) : current, run.id),
  );
  if (act) await audit(run.log, host, planned, act);
  run.delivered.delete(run.id);
}

/** The demo's kubeconfig for a channel; whoever gets it alone gets one in their own name. */
function orOwn(run: CreateRun, host: Cluster, demo: Demo, file: SlackFile): SlackFile {
  let own: Promise<SlackFile> | undefined;
  const issue = () =>
    withDemoContext(run, { host, demo, signal: run.signal }, (context) =>
      inOwnName(context, run.payload.requester, file),
    );
  return { ...recorded(host, demo, file), forPerson: () => (own ??= issue()) };
}

async function readyFile(run: CreateRun, host: Cluster, demo: Demo, tookMs: number): Promise<SlackFile> {
  const { config } = run;
  const { text, unproven } = await requireDemoKubeconfig(host, config, demo);
  const weaker = await weakerThanDefault(run, host, demo);
  return {
    filename: kubeconfigName(demo.name),
    content: text,
    title: `kubeconfig of ${demo.name}`,
    comment: kubeconfigComment(config, demo, tookMs, { weaker, unproven }),
  };
}

/** In what ways the isolation from the host cluster is weaker than by default, for people to read. */
async function weakerThanDefault({ config }: CreateRun, host: Cluster, demo: Demo): Promise<string[]> {
  const gap = await assertAdmission(host, config, firstPlace(demo).namespace);
  return [...weakenedBy(config), ...(gap ? [gap] : [])];
}

export const notSentTitle = ({ name }: Demo): Mrkdwn =>
  mrkdwn`Demo *${name}* is ready, but its kubeconfig could not be sent`;
export const notSentHint = (demo: Demo): string => `${commandLine(demo, 'kubeconfig')} gives you your own kubeconfig.`;

/** Shares the kubeconfig in the card's thread; if the file cannot be sent, the demo has not failed. */
async function shareKubeconfig(
  run: CreateRun,
  demo: Demo,
  file: SlackFile,
  card: FlowCard,
): Promise<SharedFile | undefined> {
  const { slack, payload, config, log } = run;
  try {
    const rules = { ...config, revoked: demo.revoked };
    const shared = await slack.shareFile(payload.requester, file, rules, card.place());
    if (shared.withheld)
      await slack.whisper(
        payload.requester,
        message(mrkdwn`The kubeconfig of demo *${demo.name}* was sent only to you, because ${shared.withheld}.`),
      );
    return shared;
  } catch (error) {
    if (isPassing(error)) throw error; // nobody has seen it: it is sent when the host cluster answers again
    log.error({ err: error }, 'kubeconfig was not sent');
    await slack.reply(
      card.place(),
      payload.requester,
      failureMessage({
        title: notSentTitle(demo),
        reasons: [messageOf(error)],
        hint: `Check that the bot has the scope files:write and is in the channel. ${notSentHint(demo)}`,
        jobId: run.id,
      }),
    );
    return undefined;
  }
}
