import { jobs, type JobName } from '../../src/commands/job-payloads.js';
import { readDemoConfig, readWorkerSettings } from '../../src/config.js';
import { handlers } from '../../src/jobs/commands/index.js';
import type { Handler, JobRun } from '../../src/jobs/job-run.js';
import type { Slack } from '../../src/jobs/slack/slack.js';
import { IstioRenderer } from '../../src/k8s/mesh/istio.js';
import { createLog } from '../../src/log.js';
import { createWorkerMetrics } from '../../src/metrics.js';
import { jobKeys } from './job-keys.js';

export interface HandlerRun {
  name: JobName;
  userId: string;
  kubeconfigFile: string;
  id?: string;
  askedAt?: Date;
  resumed?: boolean;
  admins?: readonly string[];
}

/** What some commands require besides the demo. */
const words = { byMs: 60_000, person: 'U0BOB', audience: 'U0BOB', command: 'delete' };

/** Runs the handler of a job on `demo`, without any step of a flow, and resolves with the error code with which it ends. */
export async function runHandler(request: HandlerRun): Promise<string | undefined> {
  const {
    name,
    userId,
    kubeconfigFile,
    id = `${name}-1`,
    askedAt = new Date(),
    resumed = false,
    admins = [],
  } = request;
  const config = readDemoConfig(undefined);
  const requester = { userId, userName: 'x', channelId: 'C0DEMOS' };
  const payload = { requester, demo: 'demo', ...words };
  const said = () => Promise.resolve({ channel: 'C0DEMOS', ts: '1.1', ids: [] });
  const run = {
    ...{ id, name, payload: jobs[name].payload.parse(payload), askedAt, resumed },
    settings: readWorkerSettings({
      ...jobKeys,
      SLACK_BOT_TOKEN: 'xoxb-1',
      REDIS_URL: 'redis://localhost:6379',
      KUBECONFIG: kubeconfigFile,
    }),
    slack: {
      post: said,
      whisper: said,
      update: said,
      deleteFiles: said,
      tellPerson: said,
      sendFile: said,
    } as unknown as Slack,
    people: {
      nameOf: () => Promise.resolve('bob'),
      standingOf: () => Promise.resolve('member'),
      isIn: () => Promise.resolve(false),
    },
    config: { ...config, access: { ...config.access, admins } },
    ...{ istio: new IstioRenderer(), metrics: createWorkerMetrics(), delivered: new Map() },
    log: createLog('test', 'silent'),
    openQueue: () => ({ getRanges: () => Promise.resolve([]), close: () => Promise.resolve() }),
    draining: AbortSignal.abort(new Error('no step is done')),
    signal: new AbortController().signal,
  } as unknown as JobRun<typeof name>;
  return await (handlers[name] as Handler<typeof name>)(run).then(
    () => undefined,
    (error: { code?: string }) => error.code,
  );
}
