import { isRecord } from '../../records.js';
import { redact } from '../../redact.js';

const secretKey = /(pass(word|wd)?|secret|token|credential|private.?key|api.?key)s?$|[-.](data|pem|key)$/i;

/** The object without annotations and what else may be one's secret, at any depth. */
export function withoutSecrets(value: unknown): unknown {
  if (typeof value === 'string') return redact(value);
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (!isRecord(value)) return value;
  // An environment variable.
  if (typeof value.name === 'string' && typeof value.value === 'string' && secretKey.test(value.name))
    return { ...value, value: '[removed]' };
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== 'annotations' && key !== 'managedFields')
      .map(([key, each]) => {
        const isSecret = typeof each === 'string' && secretKey.test(key);
        return [redact(key), isSecret ? '[removed]' : withoutSecrets(each)];
      }),
  );
}
