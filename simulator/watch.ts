import type { ServerResponse } from 'node:http';
import type { Representation } from './representations.js';
import type { Predicate } from './selectors.js';
import { StatusError, type GroupResource } from './status.js';
import type { Store, WatchEvent } from './store.js';

interface WatchRequest {
  store: Store;
  resource: GroupResource;
  /** Filters by namespace, labels and fields. */
  selects: Predicate;
  representation: Representation;
  query: URLSearchParams;
}

/** Sends events, one per line, until the client disconnects or its `timeoutSeconds` have passed. */
export function streamEvents(
  response: ServerResponse,
  { store, resource, selects, representation, query }: WatchRequest,
): void {
  response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
  const send = (type: string, object: object) => response.write(`${JSON.stringify({ type, object })}\n`);
  const forward = (event: WatchEvent) => {
    if (event.resource !== resource) return;
    const type = typeFor(event, selects);
    if (type) send(type, representation.one(event.object));
  };

  const from = query.get('resourceVersion') ?? '';
  const initial = from === '' || from === '0';
  try {
    if (initial)
      store
        .list(resource)
        .filter(selects)
        .forEach((object) => send('ADDED', representation.one(object)));
    else store.since(Number(from)).forEach(forward);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    send('ERROR', error.body);
    response.end();
    return;
  }

  const stop = store.watch(forward);
  const seconds = Number(query.get('timeoutSeconds') ?? 0);
  const timer = seconds > 0 ? setTimeout(() => response.end(), seconds * 1000) : undefined;
  response.on('close', () => {
    stop();
    clearTimeout(timer);
  });
}

/** For this watch, an object that no longer matches is deleted, and one that starts to match is added. */
function typeFor({ type, object, before }: WatchEvent, selects: Predicate): WatchEvent['type'] | undefined {
  const matches = selects(object);
  if (type !== 'MODIFIED') return matches ? type : undefined;
  const matched = before !== undefined && selects(before);
  return matches ? (matched ? 'MODIFIED' : 'ADDED') : matched ? 'DELETED' : undefined;
}
