import { seconds } from './duration.js';

/** Milliseconds that an HTTP header `Retry-After` asks to wait: it has seconds, or a date. Undefined if it has neither. */
export function retryAfterMs(header: string | null | undefined): number | undefined {
  const text = header?.trim() ?? '';
  if (text === '') return undefined;
  const ms = /^\d+(\.\d+)?$/.test(text) ? seconds(Number(text)) : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}
