import { cancelledButtons, deleteButton, emptyButtons, type ButtonDemo } from '../../slack/demo-buttons.js';
import { commandLine } from '../../../commands/command-line.js';
import type { DemoConfig } from '../../../config.js';
import { formatDuration } from '../../../duration.js';
import { publicNameOf, type Demo, type VirtualClusterName } from '../../../k8s/demo/demo.js';
import { weakerIsolation } from '../../../k8s/isolation/notes.js';
import { localPorts, publicEndpoint } from '../../../k8s/credentials/kubeconfig.js';
import { joinMrkdwn, mention, mrkdwn, slackTime, type Mrkdwn } from '../../../mrkdwn.js';
import { buttons, type SlackMessage } from '../../../slack-message.js';
import {
  describeState,
  kindOfCreate,
  kubeconfigName,
  lifetimeText,
  message,
  onCluster,
  unprovenText,
} from '../../slack/messages.js';

/** The comment of the kubeconfig that is sent when a demo is ready; what the card then says is `readyCard`. */
export function kubeconfigComment(
  config: DemoConfig,
  demo: Demo,
  tookMs: number,
  { weaker = [], unproven }: { weaker?: readonly string[]; unproven?: string | undefined } = {},
): Mrkdwn {
  const open =
    config.exposure.kind === 'none'
      ? mrkdwn`There are no public names, so forward the ports first: ${joinMrkdwn(
          demo.places.map(
            ({ name, namespace }) =>
              mrkdwn`\`kubectl -n ${namespace} port-forward service/${name} ${localPorts[name]}:443\``,
          ),
          ' and ',
        )}`
      : `APIs: ${demo.places.map(({ name }) => publicEndpointText(config, publicNameOf(demo), name)).join(' and ')}`;
  const lines = [
    mrkdwn`:tada: Demo *${demo.name}* of ${mention(demo.owner.id)} is ready${onCluster(config)} after ${formatDuration(tookMs)}: two virtual clusters, one Istio mesh, helloworld v1 in vc1 and v2 in vc2.`,
    mrkdwn`The kubeconfig has a context for each cluster, *vc1* and *vc2*. Save it, then run: \`kubectl --kubeconfig ${kubeconfigName(demo.name)} --context vc1 get namespaces\``,
    open,
    mrkdwn`${lifetimeText(demo, config, 'duration')} Next: ${commandLine(demo, 'verify')}, ${commandLine(demo, 'kubeconfig')} for your own kubeconfig${config.dashboard.enabled && mrkdwn`, ${commandLine(demo, 'dashboard')}`}.`,
    demo.publicName && keptNameText(demo.publicName),
    unproven && unprovenText(unproven),
    weaker.length > 0 && mrkdwn`:warning: ${weakerIsolation(weaker)}.`,
  ];
  return joinMrkdwn(lines, '\n');
}

/** A wildcard certificate is valid for one label only, so a pair cannot always answer to its demo's name. */
const keptNameText = (publicName: string): Mrkdwn =>
  mrkdwn`Its public names contain \`${publicName}\` instead of its own name, because it was a warm pair, and no wildcard certificate fits the form of \`hosts.api\`.`;

function publicEndpointText(config: DemoConfig, demo: string, cluster: VirtualClusterName): string {
  const { server, tlsServerName } = publicEndpoint(config, demo, cluster);
  return tlsServerName ? `${server} (as ${tlsServerName})` : server;
}

/** The answer to a create of a demo that already exists. */
export function alreadyThereMessage(demo: Demo): SlackMessage {
  return message(
    mrkdwn`:information_source: Demo *${demo.name}* already exists: ${describeState(demo)}. Nothing was started.\nIt belongs to ${mention(demo.owner.id)} and expires ${slackTime(demo.expires)}. ${commandLine(demo, 'kubeconfig')} gives you your own kubeconfig; ${commandLine(demo, 'status')} checks every part.`,
  );
}

/** The end of a create whose demo was deleted before Slack could be told that it was ready. */
export const deletedUnseenMessage = (demo: string): SlackMessage =>
  message(
    mrkdwn`:information_source: Demo *${demo}* became ready while Slack was not available, and was deleted before its kubeconfig could be sent.`,
  );

/** The end of a create that somebody cancelled, with what can be done next. */
export function cancelledMessage(
  demo: ButtonDemo & Pick<Demo, 'ready'>,
  by: string,
  left: 'empty' | 'part' | 'ready',
): SlackMessage {
  const what = {
    empty: 'Nothing was created.',
    part: 'What was created is kept.',
    ready: 'It was ready by then, so nothing was stopped.',
  }[left];
  const { text, blocks } = message(
    mrkdwn`:octagonal_sign: ${mention(by)} cancelled the ${kindOfCreate(demo)} of demo *${demo.name}*. ${what}`,
  );
  const next = { empty: emptyButtons(demo), part: cancelledButtons(demo), ready: [deleteButton(demo)] }[left];
  return { text, blocks: [...blocks, buttons(next)] };
}
