import { roleOf } from '../../../access.js';
import { seconds } from '../../../duration.js';
import { messageOf, UserError } from '../../../errors.js';
import { isPassing, lacksRight } from '../../../k8s/client/api-errors.js';
import type { Cluster } from '../../../k8s/client/cluster.js';
import { findDemo, listDemos, type DemoList } from '../../../k8s/demo/demo-record.js';
import {
  firstPlace,
  placeOf,
  planDemo,
  virtualClusterNames,
  withMissingPlaces,
  type VirtualClusterName,
} from '../../../k8s/demo/demo.js';
import { assertNotForeign } from '../../../k8s/demo/host-namespace.js';
import { assertAdmission } from '../../../k8s/isolation/admission-proof.js';
import { claimNamespace } from '../../../k8s/demo/managed-by.js';
import { assertPermissions } from '../../../k8s/permissions/permission-check.js';
import { readPullSecrets } from '../../../k8s/virtual-cluster/pull-secrets.js';
import { assertTools } from '../../../k8s/tools.js';
import { joinMrkdwn, mrkdwn } from '../../../mrkdwn.js';
import type { SlackMessage } from '../../../slack-message.js';
import { hintOf } from '../../hint.js';
import { withHost } from '../../host-cluster.js';
import type { Handler, JobRun } from '../../job-run.js';
import { message, onCluster } from '../../slack/messages.js';
import { assertNoMaintenance } from '../maintenance.js';
import { freeNames, noFreeName } from './find-name.js';
import { assertWithinLimits } from './limits.js';
import { assertMayContinue } from './may-continue.js';

type PreflightRun = JobRun<'preflight'>;

/** `create --check`: everything that would stop a create and can be known without making anything, at once. */
export const preflight: Handler<'preflight'> = (run) =>
  withHost(run, async (host) => {
    const { payload, config, slack } = run;
    const listed = await listDemos(host);
    const { demos } = listed;
    const problems = await problemsOf([...checksOfWorker(run, host), ...checksOfDemo(run, host, listed)]);
    const proving = demos.find(({ places, state }) => places.length > 0 && state === 'ready');
    if (proving) problems.push(...(await problemsOf([assertAdmission(host, config, firstPlace(proving).namespace)])));
    const command = payload.isUnnamed ? 'create' : `create ${payload.demo}`;
    const options = { command, where: onCluster(config), isAdmissionProven: proving !== undefined };
    await slack.whisper(payload.requester, preflightMessage(problems, options));
  });

/** What does not depend on the demo. */
function checksOfWorker({ config, settings, istio, signal }: PreflightRun, host: Cluster): Promise<unknown>[] {
  const own = claimNamespace(host);
  const { pullSecrets } = config.images;
  return [
    assertNoMaintenance(host),
    assertPermissions(host, config, { demoClusterRole: settings.DEMO_CLUSTER_ROLE, claimNamespace: own }),
    // One at a time, so that every one that is missing is named.
    ...pullSecrets.map((name) => {
      const images = { ...config.images, pullSecrets: [name] };
      return readPullSecrets({ host, config: { images }, claimNamespace: own });
    }),
    assertTools(config),
    istio.render(config.istio, seconds(60) * config.stepDeadlineFactor, signal),
  ];
}

function checksOfDemo(run: PreflightRun, host: Cluster, listed: DemoList): Promise<unknown>[] {
  const { payload, config, people } = run;
  const { requester, demo, isUnnamed } = payload;
  const name = isUnnamed ? freeNames(listed, payload)[0] : demo;
  if (name === undefined) return [Promise.reject(noFreeName(run))];
  const limits = async () => {
    const role = await roleOf(config.access, requester, people);
    if (role !== 'admin') assertWithinLimits(listed, requester, config);
  };
  const planned = planDemo({
    ...{ name, channel: requester.channelId, now: host.now(), ttlMs: config.ttl.default },
    owner: { id: requester.userId, name: requester.userName },
    claimNamespace: claimNamespace(host),
    hostCluster: config.hostCluster,
  });
  const found = findDemo(host, name);
  const place = async (of: VirtualClusterName) => {
    const present = await found;
    const demo = present ? withMissingPlaces(present) : planned;
    await assertNotForeign(host, demo, placeOf(demo, of));
  };
  return [
    // An existing demo counts already.
    found.then((present) => (present ? assertMayContinue(run, present) : limits())),
    ...virtualClusterNames.map(place),
  ];
}

/**
 * The errors with which checks failed, each once.
 * @throws the error, if the host cluster did not answer: nothing is known then
 */
async function problemsOf(checks: readonly Promise<unknown>[]): Promise<unknown[]> {
  const settled = await Promise.allSettled(checks);
  const errors: unknown[] = settled.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  const away = errors.find(isPassing);
  if (away !== undefined) throw away;
  const isNamed = errors.some((error) => error instanceof UserError && error.code === 'missing-rights');
  // What a missing permission also prevented from being looked at.
  const own = errors.filter((error) => !(isNamed && lacksRight(error)));
  return [...new Map(own.map((error) => [messageOf(error), error])).values()];
}

interface Preflight {
  /** `create team-a` */
  command: string;
  /** ` on eu`, if there are several host clusters. */
  where: string;
  /** It can be tested only in a demo's namespace. */
  isAdmissionProven: boolean;
}

export function preflightMessage(
  problems: readonly unknown[],
  { command, where, isAdmissionProven }: Preflight,
): SlackMessage {
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
  const lines = problems.flatMap((error) => {
    const remedy = error instanceof UserError ? error.slackHint : hintOf(error);
    return [mrkdwn`:x: ${messageOf(error)}`, ...(remedy === undefined ? [] : [mrkdwn`*What to do:* ${remedy}`])];
  });
  const head =
    problems.length === 0
      ? mrkdwn`:white_check_mark: Nothing would stop \`${command}\`${where}. Nothing was created.`
      : mrkdwn`:warning: \`${command}\`${where} would not succeed: ${count}. Nothing was created.`;
  const rest =
    !isAdmissionProven &&
    mrkdwn`Not checked: the admission policy. It can be tested only in a demo's namespace, which every create does first.`;
  return message(joinMrkdwn([head, ...lines, rest], '\n'));
}
