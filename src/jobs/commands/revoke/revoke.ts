import { commandLine } from '../../../commands/command-line.js';
import type { Cluster } from '../../../k8s/client/cluster.js';
import { Cancelled } from '../../../k8s/demo/claim.js';
import { dropDashboardTokens } from '../../../k8s/virtual-cluster/dashboard.js';
import { changeExisting, changeRecord, findDemo } from '../../../k8s/demo/demo-record.js';
import { withAudit, type Demo, type VirtualClusterPlace } from '../../../k8s/demo/demo.js';
import { withDone } from '../../../k8s/demo/done-jobs.js';
import { joinMrkdwn, mrkdwn } from '../../../mrkdwn.js';
import { requireDemoKubeconfig } from '../../../k8s/credentials/demo-kubeconfig.js';
import { credentialsEnd, issueKubeconfig } from '../../../k8s/credentials/kubeconfig.js';
import { otherAccess } from '../../../k8s/credentials/other-access.js';
import { authorityHash, removeBindings } from '../../../k8s/credentials/revocation.js';
import { demoUser } from '../../../k8s/credentials/user-certificate.js';
import { bothClusters, type DemoContext } from '../../context.js';
import { audit, credentialAct } from '../../audit.js';
import { requireReadyDemo } from '../../find-demo.js';
import { openFlowCard } from '../../demo-card.js';
import { FlowError } from '../../flow.js';
import { withClaimedDemo, withDemoContext, type ClaimedHost } from '../../host-cluster.js';
import type { Handler, JobRun } from '../../job-run.js';
import { FlowFailed, runReportedFlow } from '../../run-flow.js';
import { tellHolder } from '../../tell-holder.js';
import { unrevokedButtons } from '../../slack/demo-buttons.js';
import type { CardPlace } from '../../slack/card/publish-card.js';
import type { SlackFile } from '../../slack/file-as-text.js';
import { noteFiles, receiversOf, recorded, unservedOf, withdrawFiles, withServed } from '../../slack/files.js';
import { kubeconfigName, message, unprovenText, onCluster } from '../../slack/messages.js';
import { readyFlow } from '../create/flow.js';
import { inOwnName, kubeconfigFile, userOfShared } from '../kubeconfig.js';
import { assertShown } from '../question.js';
import { entitledOf, type LeftOut } from './entitled.js';
import { cancelledRevokeMessage, everybodyRevokedMessage, personRevokedMessage } from './messages.js';
import { revokeFlow } from './flow.js';

type RevokeRun = JobRun<'revoke'>;

/** Revokes one person's access, or replaces all keys and sends new kubeconfigs to those who are entitled to one. */
export const revoke: Handler<'revoke'> = (run) =>
  withClaimedDemo(run, tellHolder(run), async (claimed) => {
    const demo = await requireReadyDemo(claimed.host, run);
    assertShown(demo, run.payload.shown);
    if (run.payload.person === undefined) await revokeEverybody(run, claimed, demo);
    else await revokePerson(run, claimed, demo, run.payload.person);
  });

async function revokePerson(
  { slack, payload, ...run }: RevokeRun,
  { host, claim, signal, tell, unclaimed }: ClaimedHost,
  demo: Demo,
  person: string,
): Promise<void> {
  // First, so that nothing can be issued in the meantime.
  const act = { act: 'revoked', by: payload.requester.userId, what: `revoked the access of ${person}` };
  const noted = await changeRecord(host, demo, (current) => ({
    ...withAudit(current, { at: host.now(), ...act }),
    revoked: [...new Set([...current.revoked, person])],
    shared: current.shared.filter((id) => id !== person),
  }));
  await audit(run.log, host, noted, { ...act, facts: { person } });
  const files = noted.files.filter(({ to }) => to === person);
  const users = files.flatMap(({ user }) => user ?? []);
  const found = await withDemoContext(
    { slack, payload, ...run },
    { host, demo: noted, signal, beforeWrite: claim.assertHeld },
    async (context) => {
      for (const place of noted.places) {
        const cluster = await context.connections.connect(place);
        await removeBindings(cluster, users, person);
        await dropDashboardTokens(cluster, person);
      }
      return await doorsOf(context);
    },
  );
  await withdrawFiles(
    slack,
    host,
    noted,
    files.map(({ id }) => id),
  );
  const isShared = receiversOf(noted).some(({ user }) => user === undefined);
  tell(async () => {
    await slack.whisper(payload.requester, personRevokedMessage(demo, { person, isShared, doors: found }));
    await changeExisting(unclaimed, noted, (current) => withDone(current, run.id));
  });
}

async function revokeEverybody(run: RevokeRun, claimed: ClaimedHost, demo: Demo): Promise<void> {
  const { slack, payload, config } = run;
  const { host } = claimed;
  await claimed.keepVerifiesOut();
  const noted = demo.replacing?.jobId === run.id ? demo : await noteKeys(run, host, demo);
  const title = mrkdwn`Replacing the keys of demo *${demo.name}*${onCluster(config)}`;
  const card = await openFlowCard({
    run,
    claimed,
    demo: noted,
    title,
    audience: payload.requester,
    isCancellable: true,
  });
  const request = { run, claimed, demo: noted, card };
  try {
    await runReportedFlow({ ...request, flow: revokeFlow });
    // What trusts the old keys is recreated by the flow that created it.
    await runReportedFlow({ ...request, flow: readyFlow });
  } catch (error) {
    if (error instanceof Cancelled) {
      await audit(run.log, host, demo, {
        act: 'cancelled',
        by: error.by,
        what: 'cancelled the replacement of its keys',
      });
      const said = cancelledRevokeMessage(demo, error.by);
      claimed.tell(() => card.settle(said));
      return claimed.tell(() => slack.reply(card.place(), payload.requester, said));
    }
    if (!(error instanceof FlowError)) throw error;
    const shown = {
      title: mrkdwn`Replacing the keys of demo *${demo.name}* failed`,
      hint: [
        error.hint,
        `Run ${commandLine(demo, 'revoke')} again to replace them once more, or ${commandLine(demo, 'create')} to complete the demo.`,
      ]
        .filter(Boolean)
        .join('\n'),
    };
    const actions = unrevokedButtons(demo);
    claimed.tell(() => card.fail(error, { ...shown, actions }));
    throw new FlowFailed(error, { ...shown, audience: payload.requester, card });
  }
  const { doors, leftOut } = await handOutAnew(run, claimed, noted, card.place());
  const act = { act: 'revoked', by: payload.requester.userId, what: 'replaced all its keys' };
  const done = (current: Demo): Demo =>
    withDone(withAudit({ ...current, replacing: undefined }, { at: host.now(), ...act }), run.id);
  await changeRecord(host, noted, done);
  await audit(run.log, host, noted, act);
  claimed.tell(() => card.settleReady());
  claimed.tell(() => slack.reply(card.place(), payload.requester, everybodyRevokedMessage(demo.name, doors, leftOut)));
}

async function noteKeys({ id: jobId }: RevokeRun, host: Cluster, demo: Demo): Promise<Demo> {
  const hashOf = async (place: VirtualClusterPlace) => [place.name, await authorityHash(host, place)] as const;
  const authorities = Object.fromEntries(await Promise.all(demo.places.map(hashOf)));
  return await changeRecord(host, demo, (current) => ({ ...current, replacing: { jobId, authorities, served: [] } }));
}

/**
 * Everybody who had a kubeconfig gets a new one in the same place, if they may still have it. Resolves with what else gives
 * access, and with those who got none.
 */
async function handOutAnew(
  run: RevokeRun,
  { host, claim, signal }: ClaimedHost,
  noted: Demo,
  card: CardPlace | undefined,
): Promise<{ doors: Record<string, string[]>; leftOut: LeftOut[] }> {
  // Somebody may have got a kubeconfig with the old keys since they were noted.
  const demo = (await findDemo(host, noted.name)) ?? noted;
  const { slack, config, payload } = run;
  const { userId } = payload.requester;
  const rules = { ...config, revoked: demo.revoked };
  const receivers = receiversOf(demo);
  const threadIn = (channel: string) => (card?.channel === channel ? card : undefined);
  const check = { access: config.access, people: run.people, log: run.log };
  const { entitled, leftOut } = await entitledOf(unservedOf(demo), payload.requester, check);
  const doors = await withDemoContext(run, { host, demo, signal, beforeWrite: claim.assertHeld }, async (context) => {
    for (const { to, user } of entitled) {
      const file = user === undefined ? await channelFile(run, host, demo) : await personalFile(context, user);
      const forPerson = () => inOwnName(context, payload.requester, file);
      const sent =
        user === undefined
          ? await slack.shareFile(
              { channelId: to, userId },
              { ...recorded(host, demo, file), forPerson },
              rules,
              threadIn(to),
            )
          : await slack.sendFile(to, recorded(host, demo, file, user));
      const receiver = { to: sent.to, user: user ?? userOfShared(sent, payload.requester), before: to };
      await noteFiles(slack, host, demo, sent, receiver, (current) => withServed(current, [to, sent.to]));
      if (sent.withheld !== undefined)
        leftOut.push({ to, why: `its kubeconfig came only to you, because ${sent.withheld}` });
      await audit(run.log, host, demo, credentialAct(String(sent.content), sent.to, userId));
    }
    return await doorsOf(context);
  });
  if (receivers.length === 0)
    await slack.whisper(
      run.payload.requester,
      message(mrkdwn`${commandLine(demo, 'kubeconfig')} issues a new kubeconfig.`),
    );
  return { doors, leftOut };
}

/** What else gives access, by virtual cluster. */
async function doorsOf({ demo, connections }: DemoContext): Promise<Record<string, string[]>> {
  const people = receiversOf(demo).flatMap(({ user }) => user ?? []);
  const found: Record<string, string[]> = {};
  for (const place of demo.places)
    found[place.name] = await otherAccess(await connections.connect(place), [demoUser, ...people]);
  return found;
}

async function personalFile(context: DemoContext, user: string): Promise<SlackFile> {
  const { config, host, demo, signal } = context;
  const issued = await issueKubeconfig(config, demo, await bothClusters(context), user, signal);
  return kubeconfigFile(demo, user, issued, credentialsEnd(config, demo, host.now()));
}

async function channelFile({ config }: RevokeRun, host: Cluster, demo: Demo): Promise<SlackFile> {
  const { text, unproven } = await requireDemoKubeconfig(host, config, demo);
  return {
    filename: kubeconfigName(demo.name),
    content: text,
    title: `kubeconfig of ${demo.name}`,
    comment: joinMrkdwn(
      [
        mrkdwn`The keys of demo *${demo.name}* were replaced. This is its new kubeconfig.`,
        unproven && unprovenText(unproven),
      ],
      '\n',
    ),
  };
}
