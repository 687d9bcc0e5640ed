import type { WritingJob } from '../commands/job-payloads.js';
import { messageOf } from '../errors.js';
import { recordSpan } from '../tracing.js';
import type { Task } from './flow.js';
import type { JobRun } from './job-run.js';

/** Records a finished step in the log, the metrics and the trace. */
export function observeStep(run: JobRun<WritingJob>, task: Task): void {
  const { log, metrics, name, payload } = run;
  const { step, cluster, state, tookMs = 0, found, error } = task;
  const flow = name === 'expire' ? 'delete' : name;
  const outcome = state === 'done' ? 'done' : 'failed';
  metrics.stepDuration.observe({ flow, step, outcome }, tookMs / 1000);
  const where = { 'vcdemo.demo': payload.demo, 'vcdemo.flow': flow, ...(cluster && { 'vcdemo.cluster': cluster }) };
  recordSpan(`step ${step}`, where, tookMs, error);
  const fields = { step, cluster, tookMs: Math.round(tookMs) };
  if (outcome === 'done') log.info({ ...fields, found }, 'step done');
  else log.warn({ ...fields, reason: messageOf(error) }, 'step failed');
}
