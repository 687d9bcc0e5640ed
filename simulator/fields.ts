import { isMap, type KubeObject } from './objects.js';

/*
 * The fields of an object, as paths in FieldsV1 notation: `f:name` for a field, `k:{"name":"x"}` for an item of a list that
 * is keyed by fields of its items, `v:"x"` for an item of a set. Any other list is a single value.
 * @see https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
 */

/** The steps to a field, joined, so that paths can be stored in sets. */
export type Path = string;
const separator = '\n';
const stepsOf = (path: Path) => path.split(separator);

/** The lists that are keyed by fields of their items; a real server has this in its schema. */
const listKeys: Record<string, readonly string[]> = {
  conditions: ['type'],
  containers: ['name'],
  env: ['name'],
  imagePullSecrets: ['name'],
  initContainers: ['name'],
  ownerReferences: ['uid'],
  volumeMounts: ['mountPath'],
  volumes: ['name'],
  webhooks: ['name'],
};
const portKeys = ['containerPort', 'port'];

type Item = Record<string, unknown>;

/** The key fields of a list; undefined if the list is a single value. */
export function keysOfList(field: string, list: unknown[]): readonly string[] | undefined {
  const keys =
    field === 'ports' ? portKeys.filter((key) => isMap(list[0]) && key in list[0]).slice(0, 1) : listKeys[field];
  const [first] = keys ?? [];
  return first && list.every((item) => isMap(item) && first in item) ? keys : undefined;
}

const isSet = (field: string) => field === 'finalizers';

export const keyOfItem = (keys: readonly string[], item: unknown): string =>
  JSON.stringify(Object.fromEntries(keys.map((key) => [key, (item as Item)[key]])));

const unowned =
  /^f:(apiVersion|kind|status)(\n|$)|^f:metadata\nf:(name|namespace|uid|resourceVersion|generation|creationTimestamp|managedFields|generateName|deletion\w+)(\n|$)/;

/** The values of an object by path, without those that nobody owns. */
export function leavesOf(object: KubeObject): Map<Path, unknown> {
  const leaves = new Map<Path, unknown>();
  collect(object, '', [], leaves);
  for (const path of leaves.keys()) if (unowned.test(path)) leaves.delete(path);
  return leaves;
}

function collect(value: unknown, field: string, steps: string[], leaves: Map<Path, unknown>): void {
  if (isMap(value) && Object.keys(value).length > 0) {
    for (const [key, inner] of Object.entries(value)) collect(inner, key, [...steps, `f:${key}`], leaves);
  } else if (Array.isArray(value) && value.length > 0) {
    const keys = keysOfList(field, value);
    if (keys) for (const item of value) collect(item, '', [...steps, `k:${keyOfItem(keys, item)}`], leaves);
    else if (isSet(field))
      for (const item of value) leaves.set([...steps, `v:${JSON.stringify(item)}`].join(separator), item);
    else leaves.set(steps.join(separator), value);
  } else leaves.set(steps.join(separator), value);
}

/** The path for people: `.spec.template.spec.containers[name="x"].image`. */
export function describePath(path: Path): string {
  return stepsOf(path)
    .map((step) => {
      if (step.startsWith('f:')) return `.${step.slice(2)}`;
      if (step.startsWith('v:')) return `[=${step.slice(2)}]`;
      const keys = Object.entries(JSON.parse(step.slice(2)) as Item);
      return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`;
    })
    .join('');
}

export function toFieldsV1(paths: Iterable<Path>): object {
  const root: Item = {};
  for (const path of paths) {
    let node = root;
    for (const step of stepsOf(path)) node = (node[step] ??= {}) as Item;
  }
  return root;
}

export function fromFieldsV1(fields: object, steps: string[] = []): Path[] {
  return Object.entries(fields).flatMap(([step, inner]: [string, object]) =>
    Object.keys(inner).length > 0 ? fromFieldsV1(inner, [...steps, step]) : [[...steps, step].join(separator)],
  );
}

/** Removes fields from an object, and whatever is empty then; an item of a keyed list is removed if only its keys are left. */
export function removePaths(object: KubeObject, paths: Path[]): void {
  for (const path of paths) removeFrom(object, '', stepsOf(path));
}

function removeFrom(container: unknown, field: string, [step = '', ...rest]: string[]): void {
  if (Array.isArray(container)) {
    const keys = keysOfList(field, container) ?? [];
    const index = container.findIndex(
      (item) => step === (isMap(item) ? `k:${keyOfItem(keys, item)}` : `v:${JSON.stringify(item)}`),
    );
    const item: unknown = container[index];
    if (index < 0) return;
    // The keys of an item are removed last, with the item.
    if (rest.length > 0 && !keys.includes(rest[0]!.slice(2))) removeFrom(item, '', rest);
    if (!isMap(item) || Object.keys(item).every((key) => keys.includes(key))) container.splice(index, 1);
  } else if (isMap(container)) {
    const key = step.slice(2);
    if (rest.length > 0) removeFrom(container[key], key, rest);
    if (rest.length === 0 || isEmpty(container[key])) delete container[key];
  }
}

const isEmpty = (value: unknown) =>
  (Array.isArray(value) && value.length === 0) || (isMap(value) && Object.keys(value).length === 0);
