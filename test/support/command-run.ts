import { Queue } from 'bullmq';
import type { SimulatedCluster } from '../../simulator/index.js';
import type { Standing } from '../../src/access.js';
import { jobs, type JobName } from '../../src/commands/job-payloads.js';
import { readDemoConfig, readWorkerSettings, type DemoConfig } from '../../src/config.js';
import { handlers } from '../../src/jobs/commands/index.js';
import type { Handler, JobRun } from '../../src/jobs/job-run.js';
import type { Slack } from '../../src/jobs/slack/slack.js';
import type { SlackFile } from '../../src/jobs/slack/file-as-text.js';
import { IstioRenderer } from '../../src/k8s/mesh/istio.js';
import { createLog, type Log } from '../../src/log.js';
import { createWorkerMetrics } from '../../src/metrics.js';
import type { SlackMessage } from '../../src/slack-message.js';
import { jobKeys } from './job-keys.js';
import { textOf } from './stack.js';

/** What came of one run of a command's handler. */
interface CommandEnd {
  /** The code of the error; undefined if there was none. */
  code: string | undefined;
  error: (Error & { hint?: string }) | undefined;
  /** All that was said, in order. */
  said: string[];
  messages: SlackMessage[];
  files: SlackFile[];
  /** Direct messages, by person. */
  direct: Record<string, string>;
  /** Posts in channels of the configuration. */
  announced: string[];
}

export interface CommandRunOptions {
  access?: Partial<DemoConfig['access']>;
  /** Members of user groups and channels, by ID. */
  groups?: Record<string, readonly string[]>;
  /** What people are, by ID; all others are members of the workspace. */
  standings?: Record<string, Standing>;
  config?: Partial<DemoConfig>;
  log?: Log;
  openQueue?: (name: string) => Queue;
}

let count = 0;

/** Runs the handlers of commands as a worker does after its checks, against a simulated cluster and a Slack that only listens. */
export function commandRunner(simulated: SimulatedCluster, options: CommandRunOptions = {}) {
  return async <Name extends JobName>(
    name: Name,
    userId: string,
    words: object = {},
    over: Partial<JobRun<Name>> = {},
  ): Promise<CommandEnd> => {
    const requester = { userId, userName: userId.toLowerCase(), channelId: 'C0DEMOS' };
    const config = { ...readDemoConfig(undefined), ...options.config };
    const messages: SlackMessage[] = [];
    const files: SlackFile[] = [];
    const say = (_to: unknown, message: SlackMessage) => {
      messages.push(message);
      return Promise.resolve({ channel: 'C0DEMOS', ts: '1.1' });
    };
    const send = (file: SlackFile) => {
      files.push(file);
      return Promise.resolve({ ids: [], to: userId });
    };
    const direct: Record<string, string> = {};
    const announced: string[] = [];
    const slack = {
      announce: (to: string, message: SlackMessage) => (
        announced.push(`to ${to}: ${textOf(message)}`),
        Promise.resolve()
      ),
      tellPerson: (to: string, message: SlackMessage) => ((direct[to] = textOf(message)), Promise.resolve()),
      post: say,
      whisper: say,
      update: say,
      reply: (_posted: unknown, to: unknown, message: SlackMessage) => say(to, message),
      sendFile: (_to: string, file: SlackFile) => send(file),
      replyWithFile: (_posted: unknown, _to: unknown, file: SlackFile) => send(file),
      shareFile: (_to: unknown, file: SlackFile) => send(file),
      deleteFiles: () => Promise.resolve([]),
      isMissing: () => false,
    } as unknown as Slack;
    const run = {
      ...{ id: `${name}-${++count}`, name, askedAt: new Date(), resumed: false, slack },
      payload: jobs[name].payload.parse({ requester, ...words }),
      settings: {
        ...readWorkerSettings({
          ...jobKeys,
          SLACK_BOT_TOKEN: 'xoxb-1',
          REDIS_URL: 'redis://localhost:6379',
          KUBECONFIG: simulated.kubeconfigFile,
        }),
        HOST_CLUSTER: config.hostCluster,
      },
      people: {
        standingOf: (of: string) => Promise.resolve(options.standings?.[of] ?? 'member'),
        nameOf: (of: string) => Promise.resolve(of.toLowerCase()),
        isIn: (group: string, of: string) => Promise.resolve(options.groups?.[group]?.includes(of) ?? false),
        isVisible: (group: string) => Promise.resolve(options.groups?.[group] !== undefined),
      },
      config: { ...config, access: { ...config.access, ...options.access } },
      ...{ istio: new IstioRenderer(), metrics: createWorkerMetrics(), delivered: new Map() },
      log: options.log ?? createLog('test', 'silent'),
      draining: new AbortController().signal,
      signal: new AbortController().signal,
      openQueue:
        options.openQueue ?? (() => ({ getRanges: () => Promise.resolve([]), close: () => Promise.resolve() })),
      ...over,
    } as unknown as JobRun<Name>;
    const error = await (handlers[name] as Handler<Name>)(run).then(
      () => undefined,
      (thrown: Error & { code?: string; hint?: string }) => thrown,
    );
    return {
      code: error && (error.code ?? error.name),
      error,
      said: messages.map(textOf),
      messages,
      files,
      direct,
      announced,
    };
  };
}
