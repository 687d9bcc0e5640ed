import type { V1Pod } from '@kubernetes/client-node';
import { messageOf, UserError } from '../src/errors.js';
import { statusMessage } from '../src/jobs/commands/status.js';
import { detailsFile, type Verified } from '../src/jobs/commands/verify/details.js';
import { verifyMessage } from '../src/jobs/commands/verify/messages.js';
import { evenly } from '../src/jobs/commands/verify/shares.js';
import { judge } from '../src/jobs/commands/verify/verdict.js';
import { failureMessage, message } from '../src/jobs/slack/messages.js';
import { workingCard } from '../src/jobs/slack/card/working-card.js';
import type { Demo } from '../src/k8s/demo/demo.js';
import { ApiError } from '../src/k8s/client/api-errors.js';
import { podProblem } from '../src/k8s/workloads/pods.js';
import { readTraffic } from '../src/k8s/mesh/traffic.js';
import { adviceFor } from '../src/known-failures.js';
import { clip, redact, shorten } from '../src/redact.js';
import { mrkdwn } from '../src/mrkdwn.js';
import { sections } from '../src/slack-message.js';

/* The functions that text from clusters, tools and strangers passes through, and texts that could make them slow. */

interface TextFunction {
  name: string;
  apply: (text: string) => unknown;
}

const says = 'Starting the virtual cluster';

export const textFunctions: readonly TextFunction[] = [
  { name: 'redact', apply: redact },
  { name: 'messageOf', apply: (text) => messageOf(new Error(text)) },
  { name: 'UserError', apply: (text) => new UserError('x', text, { hint: text }).message },
  { name: 'shorten', apply: (text) => shorten(text) },
  { name: 'clip', apply: (text) => clip(text) },
  {
    name: 'ApiError',
    apply: (text) => messageOf(ApiError.from('host', 'GET /', 500, JSON.stringify({ message: text }))),
  },
  { name: 'podProblem', apply: (text) => podProblem(unschedulablePod(text)) },
  { name: 'adviceFor', apply: adviceFor },
  { name: 'readTraffic', apply: trafficOf },
  { name: 'sections', apply: (text) => sections(mrkdwn`${redact(text)}`) },
  { name: 'message', apply: (text) => message(mrkdwn`${clip(text, 20_000)}`) },
  {
    name: 'failureMessage',
    apply: (text) => failureMessage({ title: mrkdwn`x`, reasons: [redact(text)], jobId: '1' }),
  },
  {
    name: 'workingCard',
    apply: (text) =>
      workingCard({
        title: mrkdwn`x`,
        since: new Date(0),
        now: new Date(0),
        jobId: '1',
        tasks: [{ step: 'x', says, state: 'running', seen: redact(text) }],
      }),
  },
  {
    name: 'statusMessage',
    apply: (text) =>
      statusMessage(demo, [{ step: 'x', says, state: 'failed', error: new Error(text) }], undefined, { autoPause: {} }),
  },
  { name: 'verifyMessage', apply: (text) => verifyMessage(verified(text)) },
  { name: 'detailsFile', apply: (text) => detailsFile(verified(text)) },
];

function trafficOf(text: string) {
  return readTraffic(`${text}x part\n${text}x part\n${text}\nx 503 1 ${text}\nx part\n${text}`, 'x', {
    parallel: 12,
    sequential: 12,
  });
}

function verified(text: string): Verified {
  const directions = [{ from: 'vc1', traffic: trafficOf(text) }];
  const verdict = judge(directions, evenly);
  return {
    demo: 'demo',
    hostCluster: undefined,
    verdict,
    directions,
    expectation: evenly,
    findings: [],
    causes: [],
    at: new Date(0),
    tookMs: 1,
  };
}

const demo: Demo = {
  name: 'demo',
  hostCluster: undefined,
  owner: { id: 'U1', name: 'ada' },
  channel: 'C1',
  created: new Date(0),
  expires: new Date(0),
  state: 'ready',
  id: '',
  ttlMs: 1,
  done: [],
  files: [],
  revoked: [],
  shared: [],
  audit: [],
  namespaceUids: {},
  places: [],
};

const unschedulablePod = (text: string): V1Pod => ({
  metadata: { name: 'x' },
  status: { conditions: [{ type: 'PodScheduled', status: 'False', message: text }] },
});

/** Each of these, repeated, looks like the start of what some pattern searches for, but never like its end. */
export const unfriendlyTexts: readonly string[] = [
  'x',
  'x.',
  ' ',
  '\n',
  'x\n',
  '-',
  '-----BEGIN ',
  '-----BEGIN A',
  '-----BEGIN A-----',
  '-----BEGIN A-----\n-----END B-----\n',
  'xoxb-',
  'xapp',
  'eyJ',
  'eyJ-',
  '-eyJa.',
  'k8s-aws-v1.',
  'bearer ',
  'bearer          ',
  'token',
  'token:                 ',
  'secret= "',
  'a:',
  '://',
  '://a:',
  '://a:b',
  'https://aaaaaaaaaaaaaaaaaaaaaaaa',
  `${'QUJD'.repeat(29)}-`,
  'clusterroles ',
  'chart ',
  'not a valid chart',
  'only v1 of helloworld ',
  '<!date^',
  '<!date^1^x|',
  ':a',
  '&',
  '<@U1> ',
  'Hello version: ',
  'Hello version: v1, instance: x\n',
  'x 200 1 x\n',
  'outbound|1||',
  'outbound|1||a\n',
  'outbound|1||a\r',
  'outbound|1|\n',
  'outbound|1||x::1.1.1.1:1::',
  '::',
  'error: ',
  '> ',
  '`',
];
