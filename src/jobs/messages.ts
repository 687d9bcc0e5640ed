import { splitAddress } from '../address.js';
import { formatDuration } from '../duration.js';
import { messageOf } from '../errors.js';
import { escapeMrkdwn, sections, smallPrint, type SlackMessage } from '../slack-text.js';
import type { DemoConfig } from '../config.js';
import type { Demo, VirtualClusterName } from '../k8s/demo.js';
import type { Holder } from '../k8s/claim.js';
import type { Hits } from '../k8s/helloworld.js';
import { hostOf } from '../k8s/hosts.js';
import { localPorts, publicEndpoint } from '../k8s/kubeconfig.js';
import { verdictOf } from './verdict.js';
import type { Task } from './flow.js';

/* What people read, all of it pure. Whatever a person or a cluster wrote is escaped. */

/** Says on which host cluster, where there are several. */
export const onCluster = ({ hostCluster }: DemoConfig): string => (hostCluster ? ` on ${hostCluster}` : '');

// ------------------------------------------------------------------ progress of a flow

export interface Progress {
  /** `Creating demo *demo*` */
  title: string;
  tasks: readonly Task[];
  elapsedMs: number;
  jobId: string;
  outcome?: 'done' | 'failed' | 'interrupted';
}

const icons: Record<Task['state'], string> = {
  waiting: ':white_small_square:',
  running: ':hourglass_flowing_sand:',
  done: ':white_check_mark:',
  failed: ':x:',
  skipped: ':no_entry_sign:',
};

/** One line a step; where the two clusters differ, each is shown. */
export function progressMessage({ title, tasks, elapsedMs, jobId, outcome }: Progress): SlackMessage {
  const done = tasks.filter(({ state }) => state === 'done').length;
  const interrupted = outcome === 'interrupted' ? ' · interrupted, goes on with the next free worker' : '';
  const steps = tasks.length > 0 ? `${done} of ${tasks.length} steps` : 'starting';
  const count = `${steps} · ${formatDuration(elapsedMs)}${interrupted}`;
  const shown =
    outcome === 'interrupted'
      ? tasks.map((task) => (task.state === 'skipped' ? { ...task, state: 'waiting' as const } : task))
      : tasks;
  const lines = [...groupByStep(shown).values()].map(stepLine);
  return {
    text: `${plain(title)}: ${count}`,
    blocks: [
      ...sections(`${outcome ? outcomeIcons[outcome] : ':gear:'} ${title} · ${count}`),
      ...sections(lines.join('\n')),
      smallPrint(`Job \`${jobId}\``),
    ],
  };
}

const outcomeIcons = { done: ':white_check_mark:', failed: ':x:', interrupted: ':arrows_counterclockwise:' };

function groupByStep(tasks: readonly Task[]): Map<string, Task[]> {
  const groups = new Map<string, Task[]>();
  for (const task of tasks) groups.set(task.step, [...(groups.get(task.step) ?? []), task]);
  return groups;
}

function stepLine(tasks: readonly Task[]): string {
  const [first] = tasks;
  const states = new Set(tasks.map(({ state }) => state));
  const icon =
    icons[(['failed', 'running', 'skipped', 'waiting', 'done'] as const).find((state) => states.has(state))!];
  const split =
    states.size > 1 ? `  ${tasks.map(({ cluster, state }) => `${cluster} ${icons[state]}`).join('  ')}` : '';
  const seen = tasks.find((task) => task.seen)?.seen;
  return `${icon} ${first!.says}${split}${seen ? `\n        _${escapeMrkdwn(brief(seen))}_` : ''}`;
}

const brief = (text: string) => (text.length > 160 ? `${text.slice(0, 160)}…` : text).replace(/\s+/g, ' ');
/** For notifications and screen readers: no formatting, no emoji, times in UTC. */
const plain = (mrkdwn: string) =>
  mrkdwn
    .replace(/:[a-z_]+: ?/g, '')
    .replace(/<!date\^[^|<]+\|([^<>]+)>/g, '$1')
    .replace(/[*`]/g, '');

// ------------------------------------------------------------------ create

/** Goes with the kubeconfig when a demo is ready. */
export function createdText(config: DemoConfig, demo: Demo, tookMs: number): string {
  const open =
    config.exposure.kind === 'none'
      ? `Without public names, open its ports first: ${demo.places
          .map(
            ({ name, namespace }) => `\`kubectl -n ${namespace} port-forward service/${name} ${localPorts[name]}:443\``,
          )
          .join(' and ')}`
      : `APIs: ${demo.places.map(({ name }) => publicEndpointText(config, demo.name, name)).join(' and ')}`;
  return [
    `:tada: Demo *${demo.name}* of <@${demo.owner.id}> is ready${onCluster(config)} after ${formatDuration(tookMs)}: two virtual clusters, one Istio mesh, helloworld v1 in vc1 and v2 in vc2.`,
    `The kubeconfig has a context for each, *vc1* and *vc2*. Save it, then: \`kubectl --kubeconfig ${kubeconfigName(demo.name)} --context vc1 get namespaces\``,
    open,
    `It expires ${slackTime(demo.expires)}. Next: \`/vcdemo verify ${demo.name}\`, \`/vcdemo kubeconfig ${demo.name}\` for one of your own${config.dashboard.enabled ? `, \`/vcdemo dashboard ${demo.name}\`` : ''}.`,
  ].join('\n');
}

function publicEndpointText(config: DemoConfig, demo: string, cluster: VirtualClusterName): string {
  const { server, tlsServerName } = publicEndpoint(config, demo, cluster);
  return tlsServerName ? `${server} (as ${tlsServerName})` : server;
}

export const kubeconfigName = (demo: string, user?: string) => `${demo}${user ? `-${user}` : ''}.kubeconfig.yaml`;

/** A create of a demo that is there, or on its way. */
export function alreadyThereMessage(demo: Demo): SlackMessage {
  return message(
    `:information_source: Demo *${demo.name}* is there already: ${describeState(demo)}. Nothing was started.\nIt belongs to <@${demo.owner.id}> and expires ${slackTime(demo.expires)}. \`/vcdemo kubeconfig ${demo.name}\` gives you a kubeconfig of your own, \`/vcdemo status ${demo.name}\` looks at every part.`,
  );
}

export function beingWorkedOnMessage(demo: string, { purpose, jobId, since }: Holder): SlackMessage {
  const doing: Record<string, string> = {
    create: 'being created',
    delete: 'being deleted',
    expire: 'being deleted, as it has expired',
  };
  return message(
    `:information_source: Demo *${demo}* is ${doing[purpose] ?? `in the hands of ${purpose}`}, since ${slackTime(since)} (job \`${jobId}\`). Nothing was started.\nIts progress is in the channel; \`/vcdemo status ${demo}\` looks at every part.`,
  );
}

const describeState = ({ state, problem }: Demo): string =>
  ({
    creating: 'it is being created, or its creation was cut off',
    ready: 'it is ready',
    failed: `its creation failed${problem ? ` (${escapeMrkdwn(brief(problem))})` : ''}`,
    deleting: 'it is being deleted',
  })[state];

// ------------------------------------------------------------------ failures

export interface Failure {
  /** `Creating demo *demo* failed` */
  title: string;
  reasons: readonly string[];
  hint?: string | undefined;
  jobId: string;
  mention?: string;
  /** What was asked for cannot be: the log has no more about it. */
  isRefusal?: boolean;
}

/** What failed, why, what to do next, and the job for those who read logs. */
export function failureMessage({ title, reasons, hint, jobId, mention, isRefusal }: Failure): SlackMessage {
  const lines = [
    `:x: ${mention ? `<@${mention}> ` : ''}${title}`,
    ...reasons.map((reason) => `> ${escapeMrkdwn(reason).replace(/\n/g, '\n> ')}`),
    ...(hint ? [`*What to do:* ${hint}`] : []),
  ];
  return {
    text: escapeMrkdwn(`${plain(title)}: ${reasons.join('; ')}`).slice(0, 2000),
    blocks: [
      ...sections(lines.join('\n')),
      smallPrint(`Job \`${jobId}\`${isRefusal ? '' : "; the worker's log has the details."}`),
    ],
  };
}

// ------------------------------------------------------------------ verify

/** The hit distribution, the verdict first. */
export function verifyMessage(demo: string, hits: Hits, tookMs: number): SlackMessage {
  const verdict = verdictOf(hits);
  const icon = { balanced: ':white_check_mark:', unsure: ':warning:', failed: ':x:' }[verdict.kind];
  const bars = Object.entries(hits.instances)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([instance, count]) => `${bar(count, hits.requests)} ${String(count).padStart(3)}  ${instance}`);
  const errors = Object.entries(hits.errors).map(
    ([error, count]) => `${bar(count, hits.requests)} ${String(count).padStart(3)}  error: ${brief(error)}`,
  );
  const counts = ['v1', 'v2'].map((version) => `${version}: ${hits.versions[version] ?? 0}`).join(' · ');
  const title = `*${demo}*: ${verdict.says}`;
  return {
    text: `${plain(title)} (${counts})`,
    blocks: [
      ...sections(
        `${icon} ${title}\n*${counts}* of ${hits.requests} requests from sleep in vc1\n\`\`\`\n${escapeMrkdwn([...bars, ...errors].join('\n'))}\n\`\`\`${verdict.hint ? `\n*What to do:* ${verdict.hint.replaceAll('{demo}', demo)}` : ''}`,
      ),
      smallPrint(`${(tookMs / 1000).toFixed(1)} s`),
    ],
  };
}

const bar = (count: number, total: number): string => {
  const filled = Math.min(20, Math.round((count / Math.max(1, total)) * 20));
  return '█'.repeat(filled) + '░'.repeat(20 - filled);
};

// ------------------------------------------------------------------ questions

export function statusMessage(demo: Demo, tasks: readonly Task[], holder: Holder | undefined): SlackMessage {
  const missing = tasks.filter(({ state }) => state === 'failed');
  const now = holder
    ? `Job \`${holder.jobId}\` is at work since ${slackTime(holder.since)}.`
    : `${describeState(demo)[0]!.toUpperCase()}${describeState(demo).slice(1)}.`;
  const lines = [...groupByStep(tasks).values()].map((group) => statusLine(group));
  const summary =
    missing.length === 0
      ? 'everything is there'
      : `${missing.length} of ${tasks.length} parts are not as they should be`;
  const next =
    missing.length > 0 && !holder ? `\n*What to do:* \`/vcdemo create ${demo.name}\` completes what is missing.` : '';
  return {
    text: `Demo ${demo.name}: ${summary}`,
    blocks: [
      ...sections(
        `${missing.length === 0 ? ':white_check_mark:' : ':warning:'} Demo *${demo.name}* of <@${demo.owner.id}>: ${summary}\n${now} It expires ${slackTime(demo.expires)}.${next}`,
      ),
      ...sections(lines.join('\n')),
    ],
  };
}

function statusLine(tasks: readonly Task[]): string {
  const bad = tasks.filter(({ state }) => state !== 'done');
  const icon =
    bad.length === 0 ? icons.done : bad.some(({ state }) => state === 'failed') ? icons.failed : icons.waiting;
  const reasons = bad.flatMap(({ cluster, error }) =>
    error === undefined ? [] : [`\n        _${cluster ? `${cluster}: ` : ''}${escapeMrkdwn(brief(messageOf(error)))}_`],
  );
  return `${icon} ${tasks[0]!.says}${reasons.join('')}`;
}

export function listMessage(demos: readonly Demo[], hostCluster?: string): SlackMessage {
  const where = hostCluster ? ` on ${hostCluster}` : '';
  const create = hostCluster ? `/vcdemo create --on ${hostCluster}` : '/vcdemo create';
  if (demos.length === 0) return message(`There are no demos${where}. \`${create}\` makes one.`);
  const lines = demos.map(
    (demo) => `• *${demo.name}* of <@${demo.owner.id}>: ${describeState(demo)}; expires ${slackTime(demo.expires)}`,
  );
  return message(`${demos.length === 1 ? 'One demo' : `${demos.length} demos`}${where}:\n${lines.join('\n')}`);
}

export interface DashboardAccess {
  cluster: VirtualClusterName;
  token: string;
  expires: Date;
}

/** For the eyes of one person alone. */
export function dashboardMessage(config: DemoConfig, demo: Demo, accesses: readonly DashboardAccess[]): SlackMessage {
  const { exposure } = config;
  const address = (cluster: VirtualClusterName) => {
    if (exposure.kind === 'none')
      return 'no public address (exposure is none): `kubectl -n kubernetes-dashboard port-forward service/kubernetes-dashboard 8443:443`';
    const host = hostOf(config, 'dashboard', demo.name, cluster);
    if (exposure.address === undefined) return `https://${host}/`;
    const ingress = splitAddress(exposure.address);
    return `https://${host}:${ingress.port}/ (let that name lead to ${ingress.host})`;
  };
  return {
    text: `The dashboards of demo ${demo.name}`,
    blocks: [
      ...sections(
        `:key: The Kubernetes Dashboards of demo *${demo.name}*. The tokens are an administrator's and end ${slackTime(accesses[0]!.expires)}; only you see this.`,
      ),
      ...accesses.flatMap(({ cluster, token }) => sections(`*${cluster}*: ${address(cluster)}\n\`\`\`${token}\`\`\``)),
    ],
  };
}

export function kubeconfigText(demo: Demo, user: string): string {
  return `Your kubeconfig for demo *${demo.name}*: contexts *vc1* and *vc2*, certificates in the name \`${user}\`, valid until ${slackTime(demo.expires)}. It makes you an administrator there: keep it to yourself.`;
}

export const message = (text: string): SlackMessage => ({ text: plain(text), blocks: sections(text) });

/** Shown in the reader's own time zone. @see https://docs.slack.dev/messaging/formatting-message-text#date-formatting */
export function slackTime(date: Date): string {
  return `<!date^${Math.floor(date.getTime() / 1000)}^{date_short_pretty} {time}|${date.toISOString().slice(0, 16).replace('T', ' ')} UTC>`;
}
