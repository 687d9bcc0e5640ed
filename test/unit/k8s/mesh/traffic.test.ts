import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { execa } from 'execa';
import { readTraffic, trafficScript } from '../../../../src/k8s/mesh/traffic.js';

const mark = '0123456789abcdef';
const hello = (version: string, instance = `helloworld-${version}-abc`) =>
  `Hello version: ${version}, instance: ${instance}\n`;
const line = (status: number, time: number, problem = '') =>
  `\n${mark} ${String(status).padStart(3, '0')} ${time} ${problem}\n`;
const outputOf = ({ before = '', parallel = '', sequential = '', after = '' }) =>
  [before, parallel, sequential, after].join(`${mark} part\n`);

describe('reading what curl wrote', () => {
  test('assigns each answer and time to sequential requests', () => {
    const sequential = [
      hello('v1') + line(200, 0.004),
      hello('v2') + line(200, 0.08),
      `no healthy upstream${line(503, 0.001)}`,
      line(0, 5.001, 'Operation timed out after 5001 milliseconds'),
    ].join('');
    const run = readTraffic(outputOf({ sequential }), mark, { parallel: 0, sequential: 24 }).sequential;
    assert.deepEqual(run, {
      requests: 4,
      versions: { v1: 1, v2: 1 },
      instances: { 'helloworld-v1-abc': 1, 'helloworld-v2-abc': 1 },
      errors: { 'HTTP 503: no healthy upstream': 1, 'Operation timed out after 5001 milliseconds': 1 },
      times: [4, 80],
      timesByVersion: { v1: [4], v2: [80] },
    });
  });

  test('counts answers to parallel requests, which may arrive before their times', () => {
    const parallel = hello('v1') + hello('v2') + line(200, 0.004) + line(200, 0.005) + line(0, 5, 'timed out');
    const run = readTraffic(outputOf({ parallel }), mark, { parallel: 4, sequential: 0 }).parallel;
    assert.deepEqual(run.versions, { v1: 1, v2: 1 });
    assert.deepEqual(run.errors, { 'timed out': 1, 'no answer': 1 });
    assert.deepEqual(run.times, [4, 5]);
  });

  test('treats a foreign answer as an error', () => {
    const odd = `<html>${line(200, 0.001)}`;
    const { parallel, sequential } = readTraffic(outputOf({ parallel: odd, sequential: odd }), mark, {
      parallel: 1,
      sequential: 1,
    });
    assert.deepEqual(parallel.errors, { 'an unexpected answer': 1 });
    assert.deepEqual(sequential.errors, { 'an unexpected answer: <html>': 1 });
  });

  test('treats silence as an error', () => {
    const { parallel, sequential } = readTraffic('', mark, { parallel: 3, sequential: 3 });
    assert.deepEqual(parallel.errors, { 'no answer': 3 });
    assert.deepEqual(sequential.errors, { 'no answer': 1 });
  });

  test('distinguishes only a limited number of different answers', () => {
    const parallel = Array.from({ length: 100 }, (_, index) => hello(`v${index}`, `pod-${index}`)).join('');
    const { versions, instances } = readTraffic(outputOf({ parallel }), mark, {
      parallel: 100,
      sequential: 0,
    }).parallel;
    assert.equal(Object.keys(versions).length, 21);
    assert.equal(versions.others, 80);
    assert.equal(instances.others, 80);
  });

  test('counts no more answers than requests were sent', () => {
    const answers = (hello('v1') + line(200, 0.001)).repeat(50);
    const asked = { parallel: 12, sequential: 12 };
    const { parallel, sequential } = readTraffic(outputOf({ parallel: answers, sequential: answers }), mark, asked);
    assert.deepEqual(parallel.versions, { v1: 12 });
    assert.deepEqual(sequential.versions, { v1: 12 });
  });

  test('counts versions with the names of built-in object properties', () => {
    const sequential = ['constructor', '__proto__'].map((version) => hello(version, 'a') + line(200, 0.001)).join('');
    const { versions } = readTraffic(outputOf({ sequential }), mark, { parallel: 0, sequential: 2 }).sequential;
    assert.deepEqual({ ...versions }, { constructor: 1, others: 1 });
  });

  const envoy = (address: string, total: number, flags = 'healthy') =>
    ['rq_error::0', `rq_total::${total}`, `health_flags::${flags}`]
      .map((field) => `outbound|5000||helloworld.sample.svc.cluster.local::${address}::${field}\n`)
      .join('');

  test("reads the sidecar's endpoints, and its retries from the number of requests it sent", () => {
    const traffic = readTraffic(
      outputOf({
        before: envoy('10.0.0.1:5000', 100) + envoy('10.0.0.2:5000', 7),
        parallel: (hello('v1') + line(200, 0.001)).repeat(2),
        after: envoy('10.0.0.1:5000', 103) + envoy('10.0.0.2:5000', 8, '/failed_outlier_check'),
      }),
      mark,
      { parallel: 2, sequential: 0 },
    );
    assert.equal(traffic.retries, 2);
    assert.deepEqual(traffic.endpoints, [
      { address: '10.0.0.1:5000', isHealthy: true },
      { address: '10.0.0.2:5000', isHealthy: false },
    ]);
  });

  test('has neither if the sidecar did not answer', () => {
    const { retries, endpoints } = readTraffic(outputOf({}), mark, { parallel: 0, sequential: 0 });
    assert.deepEqual([retries, endpoints], [undefined, undefined]);
  });
});

test('a real curl sends both kinds of requests, and its output can be read', async (context) => {
  const { failed } = await execa('curl', ['--version'], { reject: false });
  if (failed) return context.skip('there is no curl on the PATH');
  let asked = 0;
  const server = createServer((_request, response) => response.end(hello(`v${1 + (asked++ % 2)}`)));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  try {
    const url = (count: number) => `http://127.0.0.1:${(server.address() as AddressInfo).port}/hello?[1-${count}]`;
    const { stdout } = await execa('sh', [
      '-c',
      trafficScript,
      'requests',
      mark,
      url(50),
      url(10),
      'helloworld.sample',
      '30',
    ]);
    const { parallel, sequential } = readTraffic(stdout, mark, { parallel: 50, sequential: 10 });
    assert.deepEqual([parallel.versions, parallel.errors], [{ v1: 25, v2: 25 }, {}]);
    assert.deepEqual([sequential.versions, sequential.errors], [{ v1: 5, v2: 5 }, {}]);
    assert.equal(sequential.timesByVersion.v1!.length, 5);
  } finally {
    server.close();
  }
});

test('requests to a slow Service end in time, and those that were answered count', async (context) => {
  const tools = await Promise.all(['curl', 'timeout'].map((tool) => execa(tool, ['--version'], { reject: false })));
  if (tools.some(({ failed }) => failed)) return context.skip('there is no curl or no timeout on the PATH');
  let asked = 0;
  // The fourth is never answered.
  const server = createServer((_request, response) => void (++asked < 4 && response.end(hello('v1'))));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hello?[1-24]`;
    const parameters = [mark, '', url, 'helloworld.sample', '1'];
    const { stdout } = await execa('sh', ['-c', trafficScript, 'requests', ...parameters], {
      stripFinalNewline: false,
    });
    const { sequential } = readTraffic(stdout, mark, { parallel: 0, sequential: 24 });
    assert.ok(sequential.versions.v1! >= 2, `${sequential.versions.v1} of 3 answers`);
    assert.deepEqual([sequential.requests, sequential.errors], [sequential.versions.v1, {}]);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
