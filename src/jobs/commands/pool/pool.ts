import type { DemoConfig } from '../../../config.js';
import { Refusal } from '../../../errors.js';
import { changeExisting } from '../../../k8s/demo/demo-record.js';
import { warmStates, type Demo, type WarmState } from '../../../k8s/demo/demo.js';
import { changePoolNotes, isPausedPair, retryAt, withState } from '../../../k8s/demo/pool.js';
import { joinMrkdwn, mention, mrkdwn, slackTime, type Mrkdwn } from '../../../mrkdwn.js';
import { smallPrint, type MessageBlock, type SlackMessage } from '../../../slack-message.js';
import { auditLog } from '../../audit.js';
import { withHost } from '../../host-cluster.js';
import type { Handler, JobRun } from '../../job-run.js';
import { brief, firstLines, message, onCluster } from '../../slack/messages.js';
import { countPairs, readStock, wantedNow, type Stock } from './stock.js';

/** Shows the pool of warm pairs, changes its size, or deletes its pairs. */
export const pool: Handler<'pool'> = async (run) => {
  const { payload, config, slack, log } = run;
  const { act, count, requester } = payload;
  const by = requester.userId;
  assertWords(run);
  await withHost(run, async (host) => {
    if (act === 'size') {
      const notes = await changePoolNotes(host, (before) =>
        before.at && before.at.getTime() >= run.askedAt.getTime()
          ? before
          : { ...before, size: count, by, at: run.askedAt },
      );
      if (notes.at?.getTime() !== run.askedAt.getTime())
        throw new Refusal('command-over', 'The size of the pool was changed after this command was sent.', {
          hint: 'If you still want it, send it again.',
        });
    }
    const stock = await readStock(host);
    if (act === 'drain')
      for (const pair of stock.pairs)
        await changeExisting(host, pair, (current) =>
          isIdle(current) && isOlder(current, run)
            ? { ...withState(current, 'draining', host.now()), state: 'deleting' }
            : current,
        );
    if (act) auditLog(log, { act: 'pool', by, what: `pool ${act}`, facts: { count } });
    await slack.whisper(requester, poolMessage(act === 'drain' ? await readStock(host) : stock, config));
  });
};

const isIdle = ({ warm }: Demo) => warm?.state === 'ready' || warm?.state === 'making';

/** Redis is not trusted: this job, if it is repeated, drains nothing that was made for it. */
const isOlder = ({ created }: Demo, { askedAt }: { askedAt: Date }) => created.getTime() <= askedAt.getTime();

/** @throws Refusal `bad-value`, `pool-too-large` */
function assertWords({ payload: { act, count }, config }: JobRun<'pool'>): void {
  if ((act === 'size') !== (count !== undefined))
    throw new Refusal(
      'bad-value',
      act === 'size' ? '`pool size` needs a number.' : 'Only `pool size` takes a number.',
      {
        hint: 'For example `/vcdemo pool size 3`.',
      },
    );
  if (count !== undefined && count > config.pool.max)
    throw new Refusal('pool-too-large', `The pool can have at most ${config.pool.max} pairs here.`, {
      hint: 'The vcdemo operators can change `pool.max` in the configuration.',
    });
}

const states: Record<WarmState, string> = {
  making: 'being made',
  ready: 'ready',
  claimed: 'being claimed',
  draining: 'being deleted',
};

/** `2 ready (1 paused), 1 being made` */
function pairsText(pairs: readonly Demo[]): string {
  const counts = countPairs(pairs);
  const ordered = warmStates.toSorted((a, b) => Number(b === 'ready') - Number(a === 'ready'));
  const present = ordered.filter((state) => counts[state] > 0);
  const paused = pairs.filter((pair) => pair.warm?.state === 'ready' && isPausedPair(pair)).length;
  const note = paused === 0 ? '' : paused === counts.ready ? ' (paused)' : ` (${paused} paused)`;
  return (
    present.map((state) => `${counts[state]} ${states[state]}${state === 'ready' ? note : ''}`).join(', ') || 'none'
  );
}

/** For messages about other things: nothing if there is no pool. */
export const poolBlocks = (pairs: readonly Demo[], { pool }: { pool?: { size: number } }): MessageBlock[] =>
  pairs.length === 0 && !pool?.size ? [] : [smallPrint(mrkdwn`Warm pairs: ${pairsText(pairs)}`)];

export function poolMessage(stock: Stock, config: DemoConfig): SlackMessage {
  const { pairs } = stock;
  const lines: (Mrkdwn | false)[] = [
    mrkdwn`:fire: Warm pairs${onCluster(config)}: ${pairsText(pairs)}. ${sizeText(stock, config)}`,
    stock.isUnderMaintenance && mrkdwn`:construction: None are made during maintenance.`,
    ...firstLines(pairs, mostPairs, pairText),
    failureText(stock),
  ];
  return message(joinMrkdwn(lines, '\n'));
}

/** How many pairs there should be, who has set that, and why there are to be fewer. */
function sizeText(stock: Stock, config: DemoConfig): Mrkdwn {
  const { pool, limits } = config;
  const { size = pool.size, by, at } = stock.notes;
  const wanted = wantedNow(stock, config);
  const setBy = by && at && mrkdwn` ${mention(by)} set its size to ${size} ${slackTime(at)}.`;
  const full =
    wanted < Math.min(size, pool.max) &&
    mrkdwn` There is no room for more: demos and pairs together can be ${limits.demos} (\`limits.demos\`).`;
  return mrkdwn`The pool should have ${wanted === 1 ? 'one' : wanted}, at most ${pool.max}.${setBy}${full}`;
}

/** Together they fit into a message. */
const mostPairs = 50;

const pairText = ({ name, warm, created, problem }: Demo): Mrkdwn =>
  mrkdwn`• \`${name}\`: ${warm && states[warm.state]}${warm?.isPaused && ' (paused)'}${warm?.by && mrkdwn` by demo ${warm.by.demo}`}, created ${slackTime(created)}${problem && mrkdwn`: ${brief(problem)}`}`;

function failureText({ notes }: Stock): Mrkdwn | false {
  const { failed, failures } = notes;
  const next = retryAt(notes);
  if (!failed || !next) return false;
  const times = failures === 1 ? 'once' : `${failures} times in a row`;
  return mrkdwn`:warning: Making a warm pair failed ${times}, most recently ${slackTime(failed.at)}: ${brief(failed.reason)}. The next attempt is ${slackTime(next)}.`;
}
