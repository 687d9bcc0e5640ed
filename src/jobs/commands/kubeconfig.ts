import type { Demo } from '../../k8s/demo.js';
import { issueKubeconfig } from '../../k8s/kubeconfig.js';
import { userNameOf } from '../../k8s/user-certificate.js';
import { bothClusters } from '../context.js';
import type { Handler } from '../job-run.js';
import { onReadyDemo } from '../ready-demo.js';
import { kubeconfigName, message, slackTime } from '../slack/messages.js';

/** A kubeconfig in the name of the one who asks, as a direct message. */
export const kubeconfig: Handler<'kubeconfig'> = async (run) => {
  const { payload, config, slack, signal } = run;
  const user = userNameOf(payload.requester);
  const { demo, text } = await onReadyDemo(run, async (context) => ({
    demo: context.demo,
    text: await issueKubeconfig(config, context.demo, await bothClusters(context), user, signal),
  }));
  await slack.sendFile(payload.requester.userId, {
    filename: kubeconfigName(demo.name, user),
    content: text,
    title: `kubeconfig of ${demo.name} for ${user}`,
    comment: kubeconfigText(demo, user),
  });
  if (!payload.requester.channelId.startsWith('D'))
    await slack.whisper(
      payload.requester,
      message(`:key: Your kubeconfig for demo *${demo.name}* is in your direct messages.`),
    );
};

function kubeconfigText(demo: Demo, user: string): string {
  return `Your kubeconfig for demo *${demo.name}*: contexts *vc1* and *vc2*, certificates in the name \`${user}\`, valid until ${slackTime(demo.expires)}. It makes you an administrator there: keep it to yourself.`;
}
