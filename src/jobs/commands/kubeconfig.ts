import { commandLine } from '../../commands/command-line.js';
import { isOwner, roleOf } from '../../access.js';
import type { DemoConfig } from '../../config.js';
import { Refusal } from '../../errors.js';
import type { Cluster } from '../../k8s/client/cluster.js';
import { virtualClusterNames, withAudit, type Demo } from '../../k8s/demo/demo.js';
import { withDone } from '../../k8s/demo/done-jobs.js';
import { changeExisting, findDemo } from '../../k8s/demo/demo-record.js';
import {
  contextOf,
  credentialsEnd,
  issueKubeconfig,
  type IssuedKubeconfig,
  type VirtualClusters,
} from '../../k8s/credentials/kubeconfig.js';
import { hasCurrentKeys, isBound, removeBindings } from '../../k8s/credentials/revocation.js';
import { userNameOf } from '../../k8s/credentials/user-certificate.js';
import { virtualClusterAnswers } from '../../k8s/virtual-cluster/virtual-cluster.js';
import { joinMrkdwn, mrkdwn, slackTime, type Mrkdwn } from '../../mrkdwn.js';
import { bothClusters, type DemoContext } from '../context.js';
import { audit, credentialAct } from '../audit.js';
import { assertNotRevoked, requireDemo, requireReadyDemo } from '../find-demo.js';
import type { Handler, JobRun } from '../job-run.js';
import { onReadyDemo } from '../on-ready-demo.js';
import type { Requester } from '../../commands/payload.js';
import type { SlackFile } from '../slack/file-as-text.js';
import type { SharedFile } from '../slack/upload.js';
import { noteFiles, recorded, withdrawFiles } from '../slack/files.js';
import { brief, kubeconfigName, message, unprovenText } from '../slack/messages.js';

/**
 * Sends the requester a kubeconfig in their name, as a direct message, and deletes one that they got before. If the create
 * failed, the owner gets a kubeconfig for what exists.
 */
export const kubeconfig: Handler<'kubeconfig'> = async (run) => {
  const { payload, config, slack, signal } = run;
  const { userId, channelId } = payload.requester;
  const user = userNameOf(payload.requester);
  const name = await onReadyDemo(
    run,
    async (context) => {
      const { host, demo } = context;
      const isWhole = demo.state === 'ready';
      const clusters = isWhole ? await bothClusters(context) : await answeringClusters(context);
      const proof = isWhole ? config : withoutProof(config);
      const issued = await issueKubeconfig(proof, demo, clusters, user, signal);
      const assertGood = () => assertNotOvertaken(context, clusters, { userId, user });
      await assertGood();
      const file = kubeconfigFile(demo, user, issued, credentialsEnd(config, demo, host.now()), Object.keys(clusters));
      const sent = await slack.sendFile(userId, recorded(host, demo, file, user));
      await noteFiles(slack, host, demo, sent, { to: userId, user });
      // Sending takes as long as Slack does.
      await assertGood().catch(async (error: unknown) => {
        if (error instanceof Refusal) await withdrawFiles(slack, host, demo, sent.ids);
        throw error;
      });
      const act = credentialAct(issued.text, userId, userId);
      await changeExisting(host, demo, (current) => withDone(withAudit(current, { at: host.now(), ...act }), run.id));
      await audit(run.log, host, demo, act);
      return demo.name;
    },
    requireUsable(run),
  );
  if (!channelId.startsWith('D'))
    await slack.whisper(
      payload.requester,
      message(mrkdwn`:key: Your kubeconfig for demo *${name}* is in your direct messages.`),
    );
};

/**
 * The file for a person who alone gets the demo's kubeconfig: with certificates in their own name, because those of the demo
 * cannot be revoked for one person.
 * @throws Refusal `access-revoked`, `keys-replaced`, `demo-expires-soon`
 */
export async function inOwnName(context: DemoContext, requester: Requester, file: SlackFile): Promise<SlackFile> {
  const { config, host, demo, signal } = context;
  const user = userNameOf(requester);
  const clusters = await bothClusters(context);
  const { text } = await issueKubeconfig(config, demo, clusters, user, signal);
  await assertNotOvertaken(context, clusters, { userId: requester.userId, user });
  return recorded(host, demo, { ...file, content: text, title: `${file.title} for ${user}` }, user);
}

/** The user name in the certificates of a file that was shared: the requester's own if only they got it. */
export const userOfShared = ({ to }: Pick<SharedFile, 'to'>, requester: Requester): string | undefined =>
  to === requester.userId ? userNameOf(requester) : undefined;

/**
 * Checks that no revoke has ended the credentials since they were issued, and ends those that it came too early to see.
 * @throws Refusal `access-revoked`, `keys-replaced`
 */
async function assertNotOvertaken(
  { host, demo }: DemoContext,
  clusters: Partial<VirtualClusters>,
  { userId, user }: { userId: string; user: string },
): Promise<void> {
  const current = (await findDemo(host, demo.name)) ?? demo;
  const isRevoked = current.revoked.includes(userId);
  let isReplaced = false;
  for (const place of demo.places) {
    const cluster = clusters[place.name];
    if (cluster === undefined) continue;
    if (!(await hasCurrentKeys(host, place, cluster))) isReplaced = true;
    else if (isRevoked) await removeBindings(cluster, [user], userId);
    else if (!(await isBound(cluster, user))) isReplaced = true;
  }
  assertNotRevoked(current, userId);
  if (isReplaced)
    throw new Refusal(
      'keys-replaced',
      `The keys of demo ${demo.name} were replaced while your kubeconfig was being made.`,
      {
        hint: `Run ${commandLine(demo, 'kubeconfig')} again in a minute.`,
      },
    );
}

/** A demo that is ready or, for its owner, one whose create failed. */
const requireUsable =
  (run: JobRun<'kubeconfig'>) =>
  async (host: Cluster): Promise<Demo> => {
    const { config, payload, people } = run;
    const demo = await requireDemo(host, run);
    const isUsable =
      demo.state === 'failed' &&
      isOwner(await roleOf(config.access, payload.requester, people), payload.requester.userId, demo);
    return isUsable ? demo : await requireReadyDemo(host, run);
  };

/** @throws Refusal `demo-not-ready` if none answers */
async function answeringClusters({ host, demo, connections }: DemoContext): Promise<Partial<VirtualClusters>> {
  const clusters: Partial<VirtualClusters> = {};
  for (const place of demo.places)
    if ((await virtualClusterAnswers(host, place, connections)).holds)
      clusters[place.name] = await connections.connect(place);
  if (Object.keys(clusters).length > 0) return clusters;
  throw new Refusal('demo-not-ready', `Demo ${demo.name} was not fully created: no virtual cluster answers.`, {
    hint: `${commandLine(demo, 'status')} shows how far it got; ${commandLine(demo, 'create')} resumes it.`,
  });
}

/** The create may have failed because the public name does not work; the owner wants to see for themselves. */
const withoutProof = (config: DemoConfig): DemoConfig =>
  config.exposure.kind === 'none' ? config : { ...config, exposure: { ...config.exposure, proof: 'warn' } };

/** A person's own kubeconfig as a file; `clusters` are those that it leads to. */
export const kubeconfigFile = (
  demo: Demo,
  user: string,
  { text, unproven }: IssuedKubeconfig,
  ends: Date,
  clusters: readonly string[] = virtualClusterNames,
): SlackFile => ({
  filename: kubeconfigName(demo.name, user),
  content: text,
  title: `kubeconfig of ${demo.name} for ${user}`,
  comment: joinMrkdwn(
    [
      kubeconfigText(demo, user, ends, clusters),
      demo.state !== 'ready' && partText(demo, clusters),
      unproven && unprovenText(unproven),
    ],
    '\n',
  ),
});

const partText = (demo: Demo, clusters: readonly string[]): Mrkdwn =>
  mrkdwn`:warning: Demo *${demo.name}* was not fully created${demo.problem && ` (${brief(demo.problem)})`}: this kubeconfig covers only ${clusters.join(' and ')}. ${commandLine(demo, 'create')} resumes it.`;

function kubeconfigText(demo: Demo, user: string, ends: Date, clusters: readonly string[]): Mrkdwn {
  const list = (names: readonly string[]) =>
    joinMrkdwn(
      names.map((name) => mrkdwn`*${name}*`),
      ' and ',
    );
  const [contexts, called] = [list(clusters), list(clusters.map((name) => contextOf(demo, name)))];
  return mrkdwn`Your kubeconfig for demo *${demo.name}*: ${clusters.length === 1 ? 'context' : 'contexts'} ${contexts}, also called ${called}, with certificates for \`${user}\` that are valid until ${slackTime(ends)}. It makes you an administrator of the demo: keep it to yourself.`;
}
