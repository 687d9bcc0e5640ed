import { countOf } from '../../text.js';
import type { DemoConfig } from '../../config.js';
import { deleteButton, newcomerButtons } from '../slack/demo-buttons.js';
import { commandLine } from '../../commands/command-line.js';
import { messageOf, Refusal } from '../../errors.js';
import type { Cluster } from '../../k8s/client/cluster.js';
import { changeExisting, listDemos } from '../../k8s/demo/demo-record.js';
import { withAudit, type Demo } from '../../k8s/demo/demo.js';
import { withDone } from '../../k8s/demo/done-jobs.js';
import { mention, mrkdwn } from '../../mrkdwn.js';
import { buttons, type SlackMessage } from '../../slack-message.js';
import { firstCharacters } from '../../text.js';
import { audit } from '../audit.js';
import { refreshCard } from '../demo-card.js';
import { assertNotOver, requireDemo, UnknownDemo } from '../find-demo.js';
import { whileGiving, withHost } from '../host-cluster.js';
import type { Handler, JobRun } from '../job-run.js';
import { assertMayReceive } from '../may-receive.js';
import { lifetimeText, message } from '../slack/messages.js';

type TransferRun = JobRun<'transfer'>;

/** Makes somebody else the owner of a demo; it stays shared with the one who had it. */
export const transfer: Handler<'transfer'> = (run) =>
  withHost(run, async (host) => {
    const { payload, slack, people, log } = run;
    const { requester, person } = payload;
    const by = requester.userId;
    const found = await requireDemo(host, run);
    const owner = { id: person, name: firstCharacters(await people.nameOf(person), 100) };
    const what = `transferred it from ${found.owner.id} to ${person}`;
    const changed = await whileGiving(run, { host, person }, async () => {
      await assertMayOwn(run, host, found);
      return await changeExisting(host, found, (current) => {
        assertNotOver(run, current);
        const shared = [...new Set([...current.shared, current.owner.id])].filter((id) => id !== person);
        const revoked = current.revoked.filter((id) => id !== person);
        return withDone(withAudit({ ...current, owner, shared, revoked }, { at: host.now(), by, what }), run.id);
      });
    });
    if (changed === undefined) throw new UnknownDemo(`Demo ${found.name} was deleted in the meantime.`, found);
    await audit(log, host, changed, { act: 'transferred', by, what, facts: { from: found.owner.id, to: person } });
    await slack.whisper(
      requester,
      message(mrkdwn`:handshake: Demo *${changed.name}* now belongs to ${mention(person)}.`),
    );
    await refreshCard(run, host, changed);
    if (person !== by)
      await slack
        .tellPerson(person, newOwnerMessage(changed, by, run.config))
        .catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'new owner was not told'));
  });

/** @throws Refusal `already-owner`, `not-allowed`, `too-many-demos` */
async function assertMayOwn({ payload, config, people }: TransferRun, host: Cluster, demo: Demo): Promise<void> {
  const { person } = payload;
  if (demo.owner.id === person)
    throw new Refusal('already-owner', `Demo ${demo.name} already belongs to them.`, {
      hint: `${commandLine(demo, 'audit')} shows since when.`,
    });
  if ((await assertMayReceive({ config, people }, person)) === 'admin') return;
  const { demosPerPerson } = config.limits;
  const own = (await listDemos(host)).demos.filter(({ owner }) => owner.id === person);
  if (own.length >= demosPerPerson)
    throw new Refusal('too-many-demos', `They already have ${countOf(own, 'demo')}, which is the limit per person.`, {
      hint: 'Ask them to delete one first.',
    });
}

export function newOwnerMessage(demo: Demo, by: string, config: Pick<DemoConfig, 'ttl' | 'autoPause'>): SlackMessage {
  const { text, blocks } = message(
    mrkdwn`:handshake: ${mention(by)} made you the owner of demo *${demo.name}*: you can extend, share and delete it. ${lifetimeText(demo, config)}`,
  );
  return { text, blocks: [...blocks, buttons([...newcomerButtons(demo, config), deleteButton(demo)])] };
}
