import { isDeepStrictEqual } from 'node:util';
import { describePath, fromFieldsV1, leavesOf, removePaths, toFieldsV1, type Path } from './fields.js';
import { copy, timestamp, type KubeObject, type ManagedFields } from './objects.js';
import { mergeApplied } from './patch.js';
import { StatusError } from './status.js';

/*
 * Field ownership and server-side apply: a field that a manager no longer applies is removed unless another manager owns it;
 * a different value for a field that another manager owns is a conflict unless it is forced.
 * @see https://kubernetes.io/docs/reference/using-api/server-side-apply/
 */

/** @throws StatusError Conflict naming the managers and fields */
export function serverSideApply(
  existing: KubeObject | undefined,
  applied: KubeObject,
  { manager, force }: { manager: string; force: boolean },
): KubeObject {
  const leaves = leavesOf(applied);
  const owners = ownersOf(existing);
  const own = owners.find((owner) => owner.manager === manager && owner.operation === 'Apply');
  const others = owners.filter((owner) => owner !== own);
  const present = existing ? leavesOf(existing) : new Map<Path, unknown>();

  const contested = others.map(({ manager: other, operation, paths }) => ({
    other: `${JSON.stringify(other)}${operation === 'Update' ? ' with Update' : ''}`,
    fields: [...paths].filter((path) => leaves.has(path) && !isDeepStrictEqual(leaves.get(path), present.get(path))),
  }));
  const conflicts = contested.filter(({ fields }) => fields.length > 0);
  if (conflicts.length > 0 && !force) throw applyConflict(conflicts);
  for (const [index, { fields }] of contested.entries()) for (const path of fields) others[index]!.paths.delete(path);

  const result = existing ? copy(existing) : { ...applied, metadata: { ...applied.metadata } };
  const dropped = [...(own?.paths ?? [])].filter(
    (path) => !leaves.has(path) && !others.some(({ paths }) => paths.has(path)),
  );
  removePaths(result, dropped);
  const { resourceVersion: _, ...metadata } = applied.metadata;
  const merged = mergeApplied(result, { ...applied, metadata }) as KubeObject;
  return withOwners(merged, [...others, { ...entry(manager, 'Apply', own), paths: new Set(leaves.keys()) }]);
}

/** Records that a manager wrote the differences between two states of an object, other than by server-side apply. */
export function trackUpdate(before: KubeObject | undefined, after: KubeObject, manager: string): KubeObject {
  const old = before ? leavesOf(before) : new Map<Path, unknown>();
  const now = leavesOf(after);
  const changed = [...now].filter(([path, value]) => !old.has(path) || !isDeepStrictEqual(old.get(path), value));
  if (before && changed.length === 0 && old.size === now.size)
    return { ...after, metadata: { ...after.metadata, managedFields: before.metadata.managedFields } } as KubeObject;
  const written = new Set(changed.map(([path]) => path));
  const owners = ownersOf(before);
  const own = owners.find((owner) => owner.manager === manager && owner.operation === 'Update');
  const others = owners.filter((owner) => owner !== own);
  for (const { paths } of owners) for (const path of paths) if (!now.has(path) || written.has(path)) paths.delete(path);
  const paths = new Set([...(own?.paths ?? []), ...written]);
  return withOwners(after, [...others, { ...entry(manager, 'Update', own), paths }]);
}

interface Owner {
  manager: string;
  operation: ManagedFields['operation'];
  time: string;
  paths: Set<Path>;
}

const entry = (manager: string, operation: ManagedFields['operation'], own: Owner | undefined) => ({
  manager,
  operation,
  time: own?.time ?? timestamp(),
});

function ownersOf(object: KubeObject | undefined): Owner[] {
  return (object?.metadata.managedFields ?? []).map(({ manager, operation, time, fieldsV1 }) => ({
    manager,
    operation,
    time,
    paths: new Set(fromFieldsV1(fieldsV1)),
  }));
}

function withOwners(object: KubeObject, owners: Owner[]): KubeObject {
  const managedFields = owners
    .filter(({ paths }) => paths.size > 0)
    .map(({ manager, operation, time, paths }) => ({
      manager,
      operation,
      apiVersion: object.apiVersion,
      time,
      fieldsType: 'FieldsV1' as const,
      fieldsV1: toFieldsV1(paths),
    }));
  return { ...object, metadata: { ...object.metadata, managedFields } };
}

function applyConflict(conflicts: { other: string; fields: Path[] }[]): StatusError {
  const causes = conflicts.flatMap(({ other, fields }) =>
    fields.map((path) => ({
      reason: 'FieldManagerConflict',
      message: `conflict with ${other}`,
      field: describePath(path),
    })),
  );
  const list = conflicts.map(({ other, fields }) =>
    [`conflicts with ${other}:`, ...fields.map((path) => `- ${describePath(path)}`)].join('\n'),
  );
  const [{ message, field }] = causes as [(typeof causes)[0]];
  const text =
    causes.length === 1 ? `1 conflict: ${message}: ${field}` : `${causes.length} conflicts: ${list.join('\n')}`;
  return new StatusError(409, 'Conflict', `Apply failed with ${text}`, { causes });
}
