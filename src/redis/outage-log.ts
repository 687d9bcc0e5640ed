import { minutes } from '../duration.js';
import type { Log } from '../log.js';
import { isOutage, reasonOf, refusalOf } from './answers.js';

/** Problem lines per minute. An outage produces a few different errors, each of them thousands of times. */
const linesAMinute = 5;

/** Logs the problems of Redis: every connection, queue and worker reports the same error at every attempt. */
interface OutageLog {
  note(error: unknown): void;
  over(): void;
}

export function createOutageLog(log: Log): OutageLog {
  let minuteStart = -Infinity;
  let said = new Set<string>();
  let unsaid = 0;
  let isTold = false;

  return {
    note(error) {
      const now = performance.now();
      if (now - minuteStart >= minutes(1)) {
        minuteStart = now;
        said = new Set();
      }
      const reason = reasonOf(error);
      // Ports, times and ids differ from attempt to attempt.
      const kind = reason.replace(/\d+/g, '0');
      if (said.has(kind) || said.size >= linesAMinute) return void unsaid++;
      said.add(kind);
      const refusal = refusalOf(error);
      const fields = { reason, ...(refusal && { hint: refusal.hint }), ...(unsaid > 0 && { repeated: unsaid }) };
      unsaid = 0;
      isTold = true;
      if (refusal) log.error(fields, 'Redis rejects commands');
      else log.warn(fields, isOutage(error) ? 'Redis cannot be reached; retrying' : 'a queue reports an error');
    },
    over() {
      if (isTold) log.info('Redis is available again');
      isTold = false;
    },
  };
}
