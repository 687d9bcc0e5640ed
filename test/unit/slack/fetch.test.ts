import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, test, type TestContext } from 'node:test';
import { createSlackFetch } from '../../../src/slack/fetch.js';
import type { Log } from '../../../src/log.js';
import { createPaces } from '../../../src/slack/paces.js';
import { watchToken } from '../../../src/slack/token-watch.js';

/** What the stand-in does with the next requests, in order; then it succeeds. */
let faults: ((response: ServerResponse) => void)[] = [];
let requests: string[] = [];
let paused: number[] = [];
let observed: string[] = [];
let apiUrl: string;

const server = createServer((request, response) => {
  requests.push(request.url!.replace('/api/', ''));
  request.resume();
  const fault = faults.shift() ?? ok;
  fault(response);
});
const ok = (response: ServerResponse) => answer(response, 200, { ok: true });
const answer = (response: ServerResponse, status: number, body: object, headers: object | '' = {}) =>
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));

const neverAnswers = () => undefined;
const answers500 = (response: ServerResponse) => void answer(response, 500, {});
const cuts = (response: ServerResponse) => void response.socket!.destroy();
const cutsTheAnswer = (response: ServerResponse) => {
  response.writeHead(200, { 'content-length': 1000 }).write('{"ok":tr');
  setImmediate(() => response.socket!.destroy());
};
const failsInside = (response: ServerResponse) => void answer(response, 200, { ok: false, error: 'internal_error' });
const limits = (retryAfter?: string) => (response: ServerResponse) =>
  void answer(response, 429, { ok: false, error: 'ratelimited' }, retryAfter && { 'retry-after': retryAfter });
const rejects = (error: string) => (response: ServerResponse) => void answer(response, 200, { ok: false, error });

before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/`;
});
after(() => void server.close().closeAllConnections());
beforeEach(() => {
  [faults, requests, paused, observed] = [[], [], [], []];
});

function call(method: string, url = `${apiUrl}${method}`): Promise<Response> {
  const slackFetch = createSlackFetch({
    apiUrl,
    timeoutMs: 2_000,
    observe: (name, outcome) => void observed.push(`${name} ${outcome}`),
    pause: (ms) => Promise.resolve(paused.push(ms)),
  });
  return slackFetch(url, { method: 'POST', body: 'channel=C1' });
}

const answersWithAPage = (response: ServerResponse) =>
  void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Please log in to the proxy</html>');
const answers403WithAPage = (response: ServerResponse) =>
  void response.writeHead(403, { 'content-type': 'text/html' }).end('<html>Blocked</html>');

const lost = { neverAnswers, answers500, cuts, cutsTheAnswer, failsInside, answersWithAPage, answers403WithAPage };

describe('a call whose answer was lost', () => {
  for (const [name, fault] of Object.entries(lost))
    for (const method of ['chat.postMessage', 'chat.postEphemeral', 'files.completeUploadExternal'])
      test(`is repeated exactly once if it is ${method} and the server ${name}`, async () => {
        faults = [fault, ok, fault, ok, ok];
        await call(method).then(
          async (response) => assert.ok(response.status === 500 || /internal_error/.test(await response.text())),
          (error: Error) => assert.doesNotMatch(error.message, /fetch failed/),
        );
        assert.deepEqual(
          requests.filter((each) => each !== 'api.test'),
          [method, method],
        );
      });

  for (const [name, fault] of Object.entries(lost))
    test(`is repeated until it is answered if it is safe to repeat and the server ${name}`, async () => {
      faults = [fault, fault, fault];
      assert.deepEqual(await (await call('chat.update')).json(), { ok: true });
      assert.equal(requests.length, 4);
      assert.equal(paused.length, 3);
    });

  test('is repeated once when Slack answers other calls again', async () => {
    faults = [answers500, answers500, cuts, limits('1')];
    assert.equal((await call('chat.postMessage')).status, 200);
    assert.deepEqual(requests, ['chat.postMessage', ...Array<string>(3).fill('api.test'), 'chat.postMessage']);
  });

  test('says that something other than Slack answered', () => {
    faults = [answersWithAPage, ok, answersWithAPage];
    return assert.rejects(
      call('chat.postMessage'),
      /something other than Slack answered \(HTTP 200, text\/html\), such as a proxy/,
    );
  });

  test('says that Slack did not answer', () => {
    faults = [neverAnswers, ok, neverAnswers];
    return assert.rejects(call('chat.postMessage'), /Slack did not answer within/);
  });
});

describe('a call of a patient caller', () => {
  /** A clock that advances only during pauses. */
  function patientFetch(test: TestContext, patienceMs: number, onPause: (elapsedMs: number) => void = () => undefined) {
    let elapsed = 0;
    const start = performance.now();
    test.mock.method(performance, 'now', () => start + elapsed);
    const controller = new AbortController();
    const slackFetch = createSlackFetch({
      apiUrl,
      patienceMs,
      signal: controller.signal,
      observe: () => undefined,
      pause: async (ms) => onPause((elapsed += ms)),
    });
    const call = (method: string) => slackFetch(`${apiUrl}${method}`, { method: 'POST' });
    return { call, controller, elapsed: () => elapsed };
  }
  const hour = 3_600_000;

  for (const method of ['chat.update', 'chat.postMessage'])
    test(`succeeds when Slack answers again after an hour (${method})`, async (test) => {
      const { call, elapsed } = patientFetch(test, 12 * hour, (ms) => (faults = ms < hour ? [cuts] : []));
      faults = [cuts];
      assert.equal((await call(method)).status, 200);
      assert.ok(elapsed() >= hour);
      assert.equal(requests.at(-1), method);
    });

  test('is repeated after ever longer pauses if people would see it twice and Slack keeps failing', async (test) => {
    let elapsed = 0;
    const start = performance.now();
    test.mock.method(performance, 'now', () => start + elapsed);
    const visiblePausesMs = [0, 30_000, hour];
    const slackFetch = createSlackFetch({
      ...{ apiUrl, patienceMs: 12 * hour, visiblePausesMs, observe: () => undefined },
      pause: async (ms) => void (elapsed += ms),
    });
    faults = [failsInside, ok, failsInside, ok, answers500, ok];
    const answer = await slackFetch(`${apiUrl}chat.postMessage`, { method: 'POST' });
    assert.equal(answer.status, 200);
    assert.equal(requests.filter((each) => each === 'chat.postMessage').length, 4);
    assert.ok(elapsed >= hour + 30_000, String(elapsed));
  });

  test('is given up at its deadline', async (test) => {
    const { call, elapsed } = patientFetch(test, hour, () => (faults = [cuts]));
    faults = [cuts];
    await assert.rejects(call('chat.update'));
    assert.ok(elapsed() > hour - 15_000 && elapsed() <= hour, String(elapsed()));
  });

  for (const method of ['chat.update', 'chat.postMessage'])
    test(`is given up when nobody waits for it any longer (${method})`, async (test) => {
      const { call, controller, elapsed } = patientFetch(test, 12 * hour, (ms) => {
        faults = [cuts];
        if (ms > hour) controller.abort();
      });
      faults = [cuts];
      await assert.rejects(call(method));
      assert.ok(elapsed() < hour + 15_000, String(elapsed()));
    });

  test('waits for a rate limit even if nobody waits for Slack any longer', async (test) => {
    const { call, controller } = patientFetch(test, 12 * hour);
    controller.abort();
    faults = [limits('30')];
    assert.equal((await call('chat.postMessage')).status, 200);
  });
});

test('a post that never reached Slack is repeated like any other call', async () => {
  const closed = createServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port } = closed.address() as AddressInfo;
  closed.close();
  const base = `http://127.0.0.1:${port}/api/`;
  const pause = (ms: number) => Promise.resolve(paused.push(ms));
  const slackFetch = createSlackFetch({ apiUrl: base, observe: () => undefined, attempts: 4, pause });
  await assert.rejects(slackFetch(`${base}chat.postMessage`, { method: 'POST' }), /ECONNREFUSED/);
  assert.equal(paused.length, 3);
});

describe('a call that Slack limits', () => {
  test('is repeated when Slack allows it', async () => {
    faults = [limits('7')];
    assert.equal((await call('chat.postMessage')).status, 200);
    assert.equal(paused.length, 1);
    assert.ok(paused[0]! > 6000 && paused[0]! <= 7000, String(paused));
    assert.deepEqual(observed, ['chat.postMessage rate_limited']);
  });
  for (const [what, retryAfter] of [
    ['0', '0'],
    ['a date that has passed', 'Wed, 21 Oct 2015 07:28:00 GMT'],
    ['nothing that can be read', 'soon'],
    ['nothing', undefined],
  ] as const)
    test(`is repeated after a second if its Retry-After says ${what}`, async () => {
      faults = [limits(retryAfter)];
      assert.equal((await call('chat.postMessage')).status, 200);
      assert.ok(paused[0]! > 900 && paused[0]! <= 1000, String(paused));
    });

  test('is repeated at the time that its Retry-After says', async () => {
    faults = [limits(new Date(Date.now() + 30_000).toUTCString())];
    assert.equal((await call('chat.postMessage')).status, 200);
    assert.ok(paused[0]! > 27_000 && paused[0]! <= 30_000, String(paused));
  });

  test('waits no longer because the clock of the machine is set back', async (test) => {
    faults = [limits('7'), ok, ok];
    await call('chat.postMessage');
    const hourAgo = Date.now() - 3_600_000;
    test.mock.method(Date, 'now', () => hourAgo);
    paused.length = 0;
    const options = { apiUrl, observe: () => undefined, paces: createPaces(), patienceMs: 60_000 };
    const slackFetch = createSlackFetch({ ...options, pause: (ms) => Promise.resolve(paused.push(ms)) });
    faults = [limits('7')];
    assert.equal((await slackFetch(`${apiUrl}chat.update`, { method: 'POST' })).status, 200);
    assert.ok(Math.max(...paused) <= 7_000, String(paused));
  });

  test('is given up if Slack asks for more time than is left', async () => {
    faults = [limits('3600')];
    assert.equal((await call('chat.postMessage')).status, 429);
    assert.equal(requests.length, 1);
  });
  test('holds back the calls of that method, and no others', async () => {
    const held: number[] = [];
    const options = { apiUrl, observe: () => undefined, pause: (ms: number) => Promise.resolve(held.push(ms)) };
    const slackFetch = createSlackFetch(options);
    faults = [limits('60'), ok];
    await slackFetch(`${apiUrl}chat.postMessage`);
    held.length = 0;
    await slackFetch(`${apiUrl}chat.update`);
    assert.deepEqual(held, []);
    await slackFetch(`${apiUrl}chat.postMessage`);
    assert.equal(held.length, 1);
  });
});

describe('a call whose token Slack rejects', () => {
  const withToken = (options: object) => {
    const lines: string[] = [];
    const note = (fields: { reason?: string } | string, text?: string) =>
      void lines.push(typeof fields === 'string' ? fields : `${text}: ${fields.reason}`);
    const log = { error: note, info: note } as unknown as Log;
    const tokenWatch = watchToken(log);
    const pause = (ms: number) => Promise.resolve(paused.push(ms));
    const slackFetch = createSlackFetch({ apiUrl, observe: () => undefined, pause, tokenWatch, ...options });
    return { tokenWatch, lines, call: (method: string) => slackFetch(`${apiUrl}${method}`, { method: 'POST' }) };
  };

  for (const error of ['token_revoked', 'account_inactive', 'invalid_auth', 'token_expired'])
    test(`is not repeated, and operators learn what to do (${error})`, async () => {
      const { tokenWatch, lines, call } = withToken({});
      faults = [rejects(error)];
      assert.match(await (await call('chat.update')).text(), new RegExp(error));
      assert.equal(requests.length, 1);
      assert.match(tokenWatch.problem()!, new RegExp(`rejects SLACK_BOT_TOKEN: ${error}\n.*set SLACK_BOT_TOKEN`));
      await call('chat.update');
      assert.equal(tokenWatch.problem(), undefined);
      assert.deepEqual(lines, [`Slack rejects the token: ${error}`, 'Slack accepts the token again']);
    });

  test('is repeated by a patient caller until Slack accepts the token, and logged once', async () => {
    const { lines, call } = withToken({ outlastsRejection: true });
    faults = Array<(response: ServerResponse) => void>(3).fill(rejects('token_revoked'));
    assert.equal(await (await call('chat.postMessage')).text(), '{"ok":true}');
    assert.equal(requests.length, 4);
    assert.equal(lines.length, 2);
  });

  test('tells nothing about the token if Slack does not answer', async () => {
    const { tokenWatch, call } = withToken({ attempts: 1 });
    faults = [rejects('token_revoked'), answers500];
    await call('chat.update');
    await call('chat.update');
    assert.match(tokenWatch.problem()!, /token_revoked/);
  });
});

test('an answer with an error is not a connection failure', async () => {
  faults = [(response) => void answer(response, 200, { ok: false, error: 'channel_not_found' })];
  assert.equal(((await (await call('chat.postMessage')).json()) as { error: string }).error, 'channel_not_found');
  assert.equal(requests.length, 1);
});

test('an endless answer is not read', async () => {
  const long = (response: ServerResponse) => void response.writeHead(200).end('x'.repeat(3_000_000));
  faults = [long, ok, long];
  await assert.rejects(call('chat.postMessage'), /longer than/);
});

test('an upload is repeated, and counted without its secret address', async () => {
  faults = [answers500, limits('1')];
  assert.equal((await call('', `${apiUrl.replace('/api/', '')}/upload/secret`)).status, 200);
  assert.equal(requests.length, 3);
  assert.deepEqual(observed, ['upload rate_limited']);
});

test('callers that share their paces hold back a method that one of them found limited', async () => {
  const paces = createPaces();
  const held: number[] = [];
  const caller = () =>
    createSlackFetch({ apiUrl, paces, observe: () => undefined, pause: (ms) => Promise.resolve(held.push(ms)) });
  faults = [limits('60'), ok];
  await caller()(`${apiUrl}chat.update`);
  held.length = 0;
  await caller()(`${apiUrl}chat.update`);
  assert.equal(held.length, 1);
});
