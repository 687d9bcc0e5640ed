import * as z from 'zod';
import { isRecord } from '../../records.js';
import type { Manifest } from './manifest.js';

/*
 * Whether an object still is as it was applied: the API server notes who set each field last, so whoever changes or removes
 * one takes it from the manager that applied it.
 * @see https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
 */

const entries = z.array(
  z.object({
    manager: z.string(),
    operation: z.string(),
    subresource: z.string().optional(),
    fieldsV1: z.record(z.string(), z.unknown()).default({}),
  }),
);

/**
 * Whether the manager that applied a manifest still has all its fields; true also where nobody else has written the object, but
 * not where somebody has removed the notes.
 */
export function ownsAll(managedFields: unknown, manifest: Manifest, manager: string): boolean {
  const { data = [] } = entries.safeParse(managedFields);
  if (data.length === 0) return false;
  const isOwn = (entry: (typeof data)[number]) => entry.manager === manager && entry.operation === 'Apply';
  const own = data.find(isOwn);
  if (!data.some((entry) => !isOwn(entry) && entry.subresource !== 'status')) return true;
  const { apiVersion: _, kind: _kind, metadata, ...rest } = manifest;
  const { labels, annotations } = metadata;
  return owns(own?.fieldsV1 ?? {}, { metadata: { labels, annotations }, ...rest });
}

/** @param fields in FieldsV1: `f:name` for a field, `k:{"port":80}` for an item of a list; empty for what is owned whole */
function owns(fields: Record<string, unknown>, value: unknown): boolean {
  const isOwned = (key: string, part: unknown) => {
    const inner = fields[key];
    return isRecord(inner) && (Object.keys(inner).length === 0 || owns(inner, part));
  };
  if (isRecord(value))
    return Object.entries(value).every(([name, part]) => isEmpty(part) || isOwned(`f:${name}`, part));
  if (!Array.isArray(value)) return true;
  const items = Object.keys(fields).filter((key) => key.startsWith('k:'));
  if (items.length === 0) return true;
  return value.every((item) => items.some((key) => isItem(key.slice(2), item) && isOwned(key, item)));
}

/** Whether the server may own nothing for it. */
const isEmpty = (part: unknown): boolean =>
  part === undefined ||
  part === null ||
  (isRecord(part) ? Object.values(part).every(isEmpty) : Array.isArray(part) && part.length === 0);

/** Whether an item has these keys; those that it leaves to defaults may be any. */
function isItem(keys: string, item: unknown): boolean {
  const wanted: unknown = JSON.parse(keys);
  return (
    isRecord(wanted) &&
    isRecord(item) &&
    Object.entries(wanted).every(([key, value]) => item[key] === undefined || item[key] === value)
  );
}
