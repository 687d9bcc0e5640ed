import { sendRequests } from '../../../k8s/helloworld.js';
import { placeOf } from '../../context.js';
import type { Handler } from '../../job-run.js';
import { onReadyDemo } from '../../ready-demo.js';
import { verifyMessage } from './message.js';

/** How many requests are sent where nobody says. */
const defaultRequests = 12;

/** Sends requests through the mesh and posts who answered. */
export const verify: Handler<'verify'> = async (run) => {
  const { payload, config, slack, signal } = run;
  const start = performance.now();
  const hits = await onReadyDemo(run, async ({ connections, demo }) =>
    sendRequests(await connections.connect(placeOf(demo, 'vc1')), payload.requests ?? defaultRequests, signal, config),
  );
  await slack.post(payload.requester, verifyMessage(payload.demo, hits, performance.now() - start));
};
