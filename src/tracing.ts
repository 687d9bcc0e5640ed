import { SpanStatusCode, trace, type Attributes } from '@opentelemetry/api';
import type { Telemetry } from 'bullmq';
import { messageOf } from './errors.js';

/*
 * OpenTelemetry traces, from a command to the steps of its job; BullMQ carries the context from the bot to the worker.
 * Without an endpoint the SDK is not loaded, and every span is a no-op.
 */

interface Tracing {
  /** For BullMQ's queues and workers. */
  telemetry?: Telemetry;
  /** Flushes what has not been sent yet. */
  stop(): Promise<void>;
}

/**
 * Starts sending traces by OTLP over HTTP. The exporter reads OTEL_EXPORTER_OTLP_HEADERS and similar variables itself.
 * @see https://opentelemetry.io/docs/specs/otel/protocol/exporter/
 */
export async function startTracing(
  serviceName: string,
  { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }: { OTEL_EXPORTER_OTLP_ENDPOINT?: string | undefined },
): Promise<Tracing> {
  if (endpoint === undefined) return { stop: () => Promise.resolve() };
  const { BatchSpanProcessor, BullMQOtel, NodeTracerProvider, OTLPTraceExporter, resourceFromAttributes } =
    await import('./tracing-sdk.js');
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}/v1/traces` });
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': serviceName }),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  provider.register();
  return { telemetry: new BullMQOtel({ tracerName: 'vcdemo' }), stop: () => provider.shutdown() };
}

/** Runs work in its own span, including what it does asynchronously. */
export function traced<Result>(name: string, attributes: Attributes, work: () => Promise<Result>): Promise<Result> {
  return trace.getTracer('vcdemo').startActiveSpan(name, { attributes }, async (span) => {
    try {
      return await work();
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) });
      throw error;
    } finally {
      span.end();
    }
  });
}

/** Records a span for work that has just ended after `tookMs`; `error` says why it failed. */
export function recordSpan(name: string, attributes: Attributes, tookMs: number, error?: unknown): void {
  const end = Date.now();
  const span = trace.getTracer('vcdemo').startSpan(name, { attributes, startTime: end - tookMs });
  if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) });
  span.end(end);
}
