import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startSimulatedCluster, type SimulatedCluster } from '../../simulator/index.js';
import { isJobCommand, jobs } from '../../src/commands/job-payloads.js';
import { commandNames, commands } from '../../src/commands/table.js';
import { readDemoConfig, readWorkerSettings } from '../../src/config.js';
import { handlers } from '../../src/jobs/commands/index.js';
import type { Handler, JobRun } from '../../src/jobs/job-run.js';
import type { Slack } from '../../src/jobs/slack/slack.js';
import { connectCluster, type Cluster } from '../../src/k8s/cluster.js';
import { changeRecord } from '../../src/k8s/demo-record.js';
import { hostAccess } from '../../src/k8s/host-access.js';
import { IstioRenderer } from '../../src/k8s/istio.js';
import { createLog } from '../../src/log.js';
import { createWorkerMetrics } from '../../src/metrics.js';
import { jobKeys } from '../support/job-keys.js';
import { plannedDemo } from '../support/planned-demo.js';

/* How the handlers of all commands treat a person who does not own the demo: the table of commands says who may. */

const owner = { id: 'U0ALICE', name: 'alice' };
const admin = 'U0ADMIN';
/** What some commands require besides the demo. */
const words = { byMs: 60_000, person: 'U0BOB', audience: 'U0BOB' };
const onDemos = commandNames.filter(isJobCommand).filter((name) => commands[name].demo !== 'none');

describe('a command on a demo', () => {
  let simulated: SimulatedCluster;
  let host: Cluster;

  before(async () => {
    simulated = await startSimulatedCluster();
    host = connectCluster('host', hostAccess({ KUBECONFIG: simulated.kubeconfigFile }), {});
    // Invalid, so that whatever is allowed fails quickly.
    const demo = plannedDemo({ owner, now: new Date(), claimNamespace: 'default' });
    await changeRecord(host, { ...demo, state: 'deleting' }, (current) => current);
  });
  after(async () => {
    host.close();
    await simulated.close();
  });

  /** The error code with which the person's command ends. */
  async function endOf(name: (typeof onDemos)[number], userId: string, resumed: boolean): Promise<string | undefined> {
    const config = readDemoConfig(undefined);
    const requester = { userId, userName: 'x', channelId: 'C0DEMOS' };
    const payload = { requester, demo: 'demo', ...words };
    const said = () => Promise.resolve({ channel: 'C0DEMOS', ts: '1.1', ids: [] });
    const run = {
      ...{ id: `${name}-1`, name, payload: jobs[name].payload.parse(payload), askedAt: new Date(), resumed },
      settings: readWorkerSettings({
        ...jobKeys,
        SLACK_BOT_TOKEN: 'xoxb-1',
        REDIS_URL: 'redis://localhost:6379',
        KUBECONFIG: simulated.kubeconfigFile,
      }),
      slack: { post: said, whisper: said, update: said, deleteFiles: said } as unknown as Slack,
      people: { standingOf: () => Promise.resolve('member'), isIn: () => Promise.resolve(false) },
      config: { ...config, access: { ...config.access, admins: [admin] } },
      ...{ istio: new IstioRenderer(), metrics: createWorkerMetrics(), delivered: new Map() },
      log: createLog('test', 'silent'),
      draining: AbortSignal.abort(new Error('no step is done')),
      signal: new AbortController().signal,
    } as unknown as JobRun<typeof name>;
    return await (handlers[name] as Handler<typeof name>)(run).then(
      () => undefined,
      (error: { code?: string }) => error.code,
    );
  }

  /** With its row of the table changed for the duration of the work. */
  async function endWith(who: 'owner' | 'everybody', ...[name, userId, resumed]: Parameters<typeof endOf>) {
    const row = commands[name];
    const { who: before } = row;
    Object.assign(row, { who });
    return await endOf(name, userId, resumed).finally(() => Object.assign(row, { who: before }));
  }

  for (const name of onDemos)
    for (const resumed of [false, true]) {
      const which = `${name}${resumed ? ', resumed' : ''}`;
      it(`is refused to everybody but its owner and administrators if the table says so: ${which}`, async () => {
        assert.equal(await endWith('owner', name, 'U0MALLORY', resumed), 'not-owner');
        for (const userId of [owner.id, admin])
          assert.notEqual(await endWith('owner', name, userId, resumed), 'not-owner', userId);
      });
      it(`is open to everybody if the table says so: ${which}`, async () =>
        assert.notEqual(await endWith('everybody', name, 'U0MALLORY', resumed), 'not-owner'));
    }

  it('is reserved to owners where it takes something away', () =>
    assert.deepEqual(
      onDemos.filter((name) => commands[name].who === 'owner'),
      ['revoke', 'delete'],
    ));

  it('is reserved to owners and those they share with where it prolongs something', () =>
    assert.deepEqual(
      onDemos.filter((name) => commands[name].who === 'shared'),
      ['extend'],
    ));
});
