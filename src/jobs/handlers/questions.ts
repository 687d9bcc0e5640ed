import { assertMayUse } from '../../access.js';
import { dashboardToken } from '../../k8s/dashboard.js';
import { currentHolder } from '../../k8s/claim.js';
import { takeDemoRights } from '../../k8s/demo-rights.js';
import { listDemos, virtualClusterNames, withMissingPlaces } from '../../k8s/demo.js';
import { sendRequests } from '../../k8s/helloworld.js';
import { issueKubeconfig } from '../../k8s/kubeconfig.js';
import { userNameOf } from '../../k8s/user-certificate.js';
import { UserError } from '../../errors.js';
import { bothClusters, clusterContext, placeOf, type DemoContext } from '../context.js';
import type { JobName } from '../definitions.js';
import { inspectFlow } from '../flow.js';
import { createFlow } from '../flows/create.js';
import {
  claimNamespace,
  demoContext,
  requireDemo,
  requireReadyDemo,
  withHost,
  type Handler,
  type JobRun,
} from '../job.js';
import {
  dashboardMessage,
  kubeconfigName,
  kubeconfigText,
  listMessage,
  message,
  statusMessage,
  verifyMessage,
} from '../messages.js';
import type { Cluster } from '../../k8s/cluster.js';
import type { Demo } from '../../k8s/demo.js';

/** A kubeconfig in the name of the one who asks, as a direct message. */
export const kubeconfig: Handler<'kubeconfig'> = async (run) => {
  const { payload, config, slack, signal } = run;
  assertMayUse(config.access, payload.requester);
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

/** Sends requests through the mesh and posts who answered. */
export const verify: Handler<'verify'> = async (run) => {
  const { payload, config, slack, signal } = run;
  assertMayUse(config.access, payload.requester);
  const start = performance.now();
  const hits = await onReadyDemo(run, async ({ connections, demo }) =>
    sendRequests(await connections.connect(placeOf(demo, 'vc1')), payload.requests, signal),
  );
  await slack.post(payload.requester, verifyMessage(payload.demo, hits, performance.now() - start));
};

/** Looks at every step's result, without acting. */
export const status: Handler<'status'> = async (run) => {
  const { payload, config, slack, signal } = run;
  assertMayUse(config.access, payload.requester);
  await withHost(run, { signal, beforeWrite: () => undefined }, async (host) => {
    const demo = withMissingPlaces(await requireDemo(host, run));
    const tasks = await onDemo(run, host, demo, (context) =>
      inspectFlow(createFlow, {
        config,
        context,
        contextOf: (name) => clusterContext(context, name),
        clusters: virtualClusterNames,
        signal,
      }),
    );
    const holder = await currentHolder(host, claimNamespace(host), demo.name, signal);
    await slack.whisper(payload.requester, statusMessage(demo, tasks, holder));
  });
};

export const list: Handler<'list'> = async (run) => {
  assertMayUse(run.config.access, run.payload.requester);
  const demos = await withHost(run, { signal: run.signal }, listDemos);
  await run.slack.whisper(run.payload.requester, listMessage(demos, run.config.hostCluster));
};

/** Addresses and tokens of the dashboards, for the one who asks alone. */
export const dashboard: Handler<'dashboard'> = async (run) => {
  const { payload, config, slack } = run;
  assertMayUse(config.access, payload.requester);
  if (!config.dashboard.enabled)
    throw new UserError('dashboard-off', 'The Kubernetes Dashboard is switched off here.', {
      hint: 'Operators can set `dashboard.enabled: true` in the configuration; `/vcdemo create` then adds it.',
    });
  const { demo, accesses } = await onReadyDemo(run, async (context) => ({
    demo: context.demo,
    accesses: await Promise.all(
      context.demo.places.map(async (place) => ({
        cluster: place.name,
        ...(await dashboardToken(await context.connections.connect(place))),
      })),
    ),
  }));
  await slack.whisper(payload.requester, dashboardMessage(config, demo, accesses));
};

async function onReadyDemo<Result>(
  run: JobRun<'kubeconfig' | 'verify' | 'dashboard'>,
  work: (context: DemoContext) => Promise<Result>,
): Promise<Result> {
  return await withHost(run, { signal: run.signal }, async (host) =>
    onDemo(run, host, await requireReadyDemo(host, run), async (context) => {
      // A demo may be older than this way of getting rights.
      for (const place of context.demo.places) await takeDemoRights({ ...context, place }, run.signal);
      return await work(context);
    }),
  );
}

async function onDemo<Result>(
  run: JobRun<JobName>,
  host: Cluster,
  demo: Demo,
  work: (context: DemoContext) => Promise<Result>,
): Promise<Result> {
  const context = demoContext(run, host, demo, { signal: run.signal, beforeWrite: () => undefined });
  try {
    return await work(context);
  } finally {
    await context.close();
  }
}
