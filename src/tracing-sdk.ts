/* What tracing needs if it is on; a module of its own, so that it is loaded only then, also where the code is bundled. */

export { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
export { resourceFromAttributes } from '@opentelemetry/resources';
export { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
export { BullMQOtel } from 'bullmq-otel';
