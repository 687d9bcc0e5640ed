import type { Log } from '../../log.js';
import { within } from '../../within.js';
import { createAnswerMemory, type Answer } from './answers.js';
import { limitFor, parseBody } from './body.js';
import type { Dispatch } from './dispatch.js';
import { expiryOf, isSignatureOf, readSignature } from './signature.js';

/** Slack waits three seconds, even if listeners are still running. */
const mostMs = 2_900;

/** The fields that are read of the event that REST APIs, HTTP APIs and function URLs pass to a function. */
interface LambdaEvent {
  httpMethod?: string;
  requestContext?: { http?: { method?: string } };
  headers?: Record<string, string | undefined> | null;
  body?: string | null;
  isBase64Encoded?: boolean;
}

interface LambdaAnswer {
  statusCode: number;
  headers?: Record<string, string>;
  body: string;
}

interface LambdaReceiverOptions {
  signingSecret: string;
  dispatch: Dispatch;
  log: Log;
}

/** A handler that answers only when all work is done, because the function may be frozen after that. */
export function createLambdaHandler({ signingSecret, dispatch, log }: LambdaReceiverOptions) {
  const memory = createAnswerMemory();

  async function answerTo(event: LambdaEvent): Promise<Answer> {
    const method = event.requestContext?.http?.method ?? event.httpMethod ?? 'POST';
    if (method !== 'POST') return { status: 404 };
    const headers = new Map(Object.entries(event.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
    const signature = readSignature((name) => headers.get(name));
    if (signature === undefined) return { status: 401 };
    const body = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8');
    const contentType = headers.get('content-type');
    if (body.length > limitFor(contentType, body)) return { status: 413 };
    if (!isSignatureOf(body, signature, signingSecret)) return { status: 401 };
    return await memory.once(signature.value, expiryOf(signature), async () => {
      const incoming = parseBody(body.toString('utf8'), contentType);
      if (incoming === undefined) return { status: 400 };
      const { answer, done } = dispatch(incoming);
      await within(mostMs, () => done).catch(() =>
        log.warn('listener was still running when Slack had to be answered'),
      );
      return await answer;
    });
  }

  return async (event: LambdaEvent): Promise<LambdaAnswer> => {
    const { status, body } = await answerTo(event);
    if (status >= 400) log.info({ status }, 'request refused');
    if (typeof body !== 'object') return { statusCode: status, body: body ?? '' };
    return { statusCode: status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  };
}
