import { requireReadyDemo } from '../find-demo.js';
import { commandLine } from '../../commands/command-line.js';
import { splitAddress } from '../../address.js';
import type { DemoConfig } from '../../config.js';
import { Refusal } from '../../errors.js';
import { dashboardToken, dropDashboardTokens } from '../../k8s/virtual-cluster/dashboard.js';
import { findDemo } from '../../k8s/demo/demo-record.js';
import { publicNameOf, type Demo, type VirtualClusterName } from '../../k8s/demo/demo.js';
import { hostnameOf } from '../../k8s/virtual-cluster/hostnames.js';
import { mrkdwn, plain, slackTime } from '../../mrkdwn.js';
import { sections, type SlackMessage } from '../../slack-message.js';
import { auditDemo } from '../audit.js';
import type { DemoContext } from '../context.js';
import { assertNotRevoked } from '../find-demo.js';
import type { Handler } from '../job-run.js';
import { onReadyDemo } from '../on-ready-demo.js';

/** Shows the addresses and tokens of the dashboards to the requester only. */
export const dashboard: Handler<'dashboard'> = async (run) => {
  const { payload, config, slack } = run;
  const by = payload.requester.userId;
  const { demo, accesses } = await onReadyDemo(
    run,
    async (context) => {
      const { demo, connections } = context;
      const accesses = await Promise.all(
        demo.places.map(async (place) => ({
          cluster: place.name,
          ...(await dashboardToken(await connections.connect(place), by)),
        })),
      );
      await assertStillWelcome(context, by);
      return { demo, accesses };
    },
    // The demo comes first: another host cluster may have it, with Dashboards.
    async (host) => {
      const found = await requireReadyDemo(host, run);
      if (config.dashboard.enabled) return found;
      throw new Refusal('dashboard-off', 'The Kubernetes Dashboard is disabled here.', {
        hint: `The vcdemo operators can enable it with \`dashboard.enabled: true\`; ${commandLine(found, 'create')} then adds it.`,
      });
    },
  );
  await slack.whisper(payload.requester, dashboardMessage(config, demo, accesses));
  const expires = accesses.map((each) => each.expires.toISOString());
  const act = { act: 'credential issued', by, what: `got tokens for the dashboards of demo ${demo.name}` };
  auditDemo(run.log, demo, { ...act, facts: { to: by, expires } });
};

/**
 * A revoke may have come in between, and have looked for tokens before they were there.
 * @throws Refusal `access-revoked`
 */
async function assertStillWelcome({ host, demo, connections }: DemoContext, userId: string): Promise<void> {
  const current = (await findDemo(host, demo.name)) ?? demo;
  if (current.revoked.includes(userId))
    for (const place of demo.places) await dropDashboardTokens(await connections.connect(place), userId);
  assertNotRevoked(current, userId);
}

interface DashboardAccess {
  cluster: VirtualClusterName;
  token: string;
  expires: Date;
}

/** Contains tokens: for one person only. */
export function dashboardMessage(config: DemoConfig, demo: Demo, accesses: readonly DashboardAccess[]): SlackMessage {
  const { exposure } = config;
  const address = (cluster: VirtualClusterName) => {
    if (exposure.kind === 'none')
      return 'no public address (exposure is none): `kubectl -n kubernetes-dashboard port-forward service/kubernetes-dashboard 8443:443`';
    const hostname = hostnameOf(config, 'dashboard', publicNameOf(demo), cluster);
    if (exposure.address === undefined) return `https://${hostname}/`;
    const ingress = splitAddress(exposure.address);
    return `https://${hostname}:${ingress.port}/ (point that name to ${ingress.host})`;
  };
  const firstEnd = new Date(Math.min(...accesses.map(({ expires }) => expires.getTime())));
  return {
    text: plain(mrkdwn`The dashboards of demo ${demo.name}`),
    blocks: [
      ...sections(
        mrkdwn`:key: The Kubernetes Dashboards of demo *${demo.name}*. The tokens have administrator rights and expire ${slackTime(firstEnd)}; only you can see this message.`,
      ),
      ...accesses.flatMap(({ cluster, token }) =>
        sections(mrkdwn`*${cluster}*: ${address(cluster)}\n\`\`\`${token}\`\`\``),
      ),
    ],
  };
}
