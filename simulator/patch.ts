import { keyOfItem, keysOfList } from './fields.js';
import { copy, isMap } from './objects.js';

type Fields = Record<string, unknown>;

/** @see https://datatracker.ietf.org/doc/html/rfc7386 */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isMap(patch)) return copy(patch);
  const result: Fields = isMap(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergePatch(result[key], value);
  }
  return result;
}

/** Merges an applied configuration over an object: items of keyed lists are merged, all other lists replaced. */
export function mergeApplied(target: unknown, applied: unknown, field = ''): unknown {
  if (Array.isArray(applied)) return mergeLists(field, target, applied, mergeApplied);
  if (!isMap(applied)) return copy(applied);
  const result: Fields = isMap(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(applied)) result[key] = mergeApplied(result[key], value, key);
  return result;
}

/**
 * The patch that `kubectl apply` sends for the kinds that it knows.
 * @see https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
 */
export function strategicMergePatch(target: unknown, patch: unknown, field = ''): unknown {
  if (Array.isArray(patch)) return mergeLists(field, target, patch, strategicMergePatch);
  if (!isMap(patch)) return copy(patch);
  const { $patch: directive, ...fields } = patch;
  const result: Fields = isMap(target) && directive !== 'replace' ? { ...target } : {};
  for (const [key, value] of Object.entries(fields)) {
    const [, list] = /^\$deleteFromPrimitiveList\/(.*)/.exec(key) ?? [];
    if (list) result[list] = ((result[list] ?? []) as unknown[]).filter((item) => !(value as unknown[]).includes(item));
    else if (value === null) delete result[key];
    else if (!key.startsWith('$')) result[key] = strategicMergePatch(result[key], value, key);
  }
  return result;
}

function mergeLists(
  field: string,
  target: unknown,
  over: unknown[],
  merge: (target: unknown, over: unknown) => unknown,
): unknown[] {
  const base = Array.isArray(target) ? (target as unknown[]) : [];
  if (field === 'finalizers') return [...new Set([...base, ...over])];
  const keys = keysOfList(field, over);
  if (!keys || !keysOfList(field, base.length > 0 ? base : over)) return copy(over);
  const result = new Map(base.map((item) => [keyOfItem(keys, item), item]));
  for (const item of over) {
    const key = keyOfItem(keys, item);
    if (isMap(item) && item.$patch === 'delete') result.delete(key);
    else result.set(key, merge(result.get(key), item));
  }
  return [...result.values()];
}
