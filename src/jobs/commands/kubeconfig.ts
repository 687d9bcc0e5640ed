import { Refusal } from '../../errors.js';
import { withDone, type Demo } from '../../k8s/demo.js';
import { changeRecord } from '../../k8s/demo-record.js';
import { credentialsEnd, issueKubeconfig } from '../../k8s/kubeconfig.js';
import { userNameOf } from '../../k8s/user-certificate.js';
import { bothClusters } from '../context.js';
import type { Handler } from '../job-run.js';
import { onReadyDemo } from '../ready-demo.js';
import { noteFiles } from '../slack/files.js';
import { kubeconfigName, message, slackTime } from '../slack/messages.js';

/** A kubeconfig in the name of the one who asks, as a direct message; one that they got before is taken back. */
export const kubeconfig: Handler<'kubeconfig'> = async (run) => {
  const { payload, config, slack, signal } = run;
  const { userId, channelId } = payload.requester;
  const user = userNameOf(payload.requester);
  const name = await onReadyDemo(run, async (context) => {
    const { host, demo } = context;
    if (demo.revoked.includes(userId))
      throw new Refusal('access-revoked', `Your access to demo ${demo.name} was taken away.`, {
        hint: `Ask its owner, <@${demo.owner.id}>.`,
      });
    const ends = credentialsEnd(config, demo);
    const content = await issueKubeconfig(config, demo, await bothClusters(context), user, signal);
    const sent = await slack.sendFile(userId, {
      filename: kubeconfigName(demo.name, user),
      content,
      title: `kubeconfig of ${demo.name} for ${user}`,
      comment: kubeconfigText(demo, user, ends),
    });
    await noteFiles(slack, host, demo, sent, userId);
    await changeRecord(host, demo, (current) => withDone(current, run.id));
    return demo.name;
  });
  if (!channelId.startsWith('D'))
    await slack.whisper(
      payload.requester,
      message(`:key: Your kubeconfig for demo *${name}* is in your direct messages.`),
    );
};

export function kubeconfigText(demo: Demo, user: string, ends: Date): string {
  return `Your kubeconfig for demo *${demo.name}*: contexts *vc1* and *vc2*, also called *${demo.name}-vc1* and *${demo.name}-vc2*, with certificates in the name \`${user}\` that are valid until ${slackTime(ends)}. It makes you an administrator there: keep it to yourself.`;
}
