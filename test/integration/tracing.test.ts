import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { simulatedHost, type SimulatedHost } from '../support/host.js';
import { startStack, type Stack } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';

/* Bot and worker send their spans to this test's collector, which keeps what it receives as OTLP/JSON. */

interface Span {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  status?: { code?: number; message?: string };
  service: string;
}

interface Export {
  resourceSpans: {
    resource: { attributes: { key: string; value: { stringValue?: string } }[] };
    scopeSpans: { spans: Omit<Span, 'service'>[] }[];
  }[];
}

describe('a trace', () => {
  const spans: Span[] = [];
  let collector: Server;
  let host: SimulatedHost;
  let stack: Stack;

  before(async () => {
    collector = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { resourceSpans } = JSON.parse(Buffer.concat(chunks).toString()) as Export;
        for (const { resource, scopeSpans } of resourceSpans) {
          const service = resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue ?? '';
          spans.push(...scopeSpans.flatMap((scope) => scope.spans).map((span) => ({ ...span, service })));
        }
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      });
    }).listen(0, '127.0.0.1');
    await once(collector, 'listening');
    const { port } = collector.address() as AddressInfo;
    host = await simulatedHost(undefined);
    const environment = { ...host.environment, OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` };
    stack = await startStack(environment, { notice: host.notice });
    await stack.startWorker();
  });
  after(async () => {
    await stack?.close();
    await host?.close();
    collector.close();
  });

  it('covers the command, the queue and every step', async () => {
    await stack.type(stack.slack.alice, 'create traced');
    await stack.message(/Demo \*traced\* of .* is ready/, 60_000);
    const named = (name: string) => spans.filter((span) => span.name === name);
    await waitFor('the span of the last step', async () => named('step meshTraffic').length > 0, { withinMs: 15_000 });
    const [command] = await waitFor('the span of the command', async () => {
      const found = named('/vcdemo create');
      return found.length > 0 && found;
    });
    assert.equal(command!.service, 'vcdemo-bot');
    const steps = spans.filter(({ name }) => name.startsWith('step '));
    assert.ok(steps.length >= 20, `${steps.length} steps`);
    const parents = new Map(spans.map((span) => [span.spanId, span]));
    for (const step of steps) {
      assert.equal(step.service, 'vcdemo-worker');
      assert.equal(step.traceId, command!.traceId);
      assert.ok(step.parentSpanId, `${step.name} is within the job`);
    }
    await waitFor('the span of the job', async () => {
      for (const span of spans) parents.set(span.spanId, span);
      return steps.every(({ parentSpanId }) => parents.has(parentSpanId!));
    });
    // From a step upwards: the job, its entry on the queue, the command.
    const path: string[] = [];
    for (let span = steps[0]; span; span = parents.get(span.parentSpanId ?? '')) path.push(span.name);
    assert.deepEqual([path[0], path.at(-1)], [steps[0]!.name, '/vcdemo create']);
    assert.ok(path.length >= 4, path.join(' < '));
  });
});
