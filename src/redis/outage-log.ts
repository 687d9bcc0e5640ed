import { minutes } from '../duration.js';
import type { Log } from '../log.js';
import { isOutage, reasonOf, refusalOf } from './answers.js';

/** Lines about what is wrong, a minute. An outage has a few different reasons, each of them thousands of times. */
const linesAMinute = 5;

/** What the log says of Redis: the same error comes from each connection, queue and worker, at each try. */
export interface OutageLog {
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
      // Ports, times and ids differ from try to try.
      const kind = reason.replace(/\d+/g, '0');
      if (said.has(kind) || said.size >= linesAMinute) return void unsaid++;
      said.add(kind);
      const refusal = refusalOf(error);
      const fields = { reason, ...(refusal && { hint: refusal.hint }), ...(unsaid > 0 && { repeated: unsaid }) };
      unsaid = 0;
      isTold = true;
      if (refusal) log.error(fields, 'Redis refuses');
      else log.warn(fields, isOutage(error) ? 'Redis cannot be reached; trying again' : 'A queue reports an error');
    },
    over() {
      if (isTold) log.info('Redis answers again');
      isTold = false;
    },
  };
}
