import type { KubeObject } from './objects.js';
import { badRequest } from './status.js';

export type Predicate = (object: KubeObject) => boolean;

/** @see https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors */
export function labelSelector(text: string | null): Predicate {
  const terms = (text ?? '').match(/(?:[^,(]|\([^)]*\))+/g) ?? [];
  const predicates = terms.map((term) => requirement(term.trim()));
  return ({ metadata: { labels = {} } }) => predicates.every((holds) => holds(labels));
}

function requirement(term: string): (labels: Record<string, string>) => boolean {
  const [, key = '', operator, value = ''] = /^!?([\w./-]+)\s*(?:(==?|!=|\bnotin\b|\bin\b)\s*(.*))?$/.exec(term) ?? [];
  if (!key) throw badRequest(`unable to parse requirement: ${term}`);
  const values = value
    .replace(/[()]/g, '')
    .split(',')
    .map((one) => one.trim());
  if (!operator) return term.startsWith('!') ? (labels) => !(key in labels) : (labels) => key in labels;
  const isOneOf = (labels: Record<string, string>) => key in labels && values.includes(labels[key]!);
  return operator === '!=' || operator === 'notin' ? (labels) => !isOneOf(labels) : isOneOf;
}

/** The fields by which objects can be selected, besides name and namespace, for the kinds that are used. */
const selectableFields: Readonly<Record<string, RegExp>> = {
  Event: /^(involvedObject\.(kind|namespace|name|uid)|reason|type)$/,
  Secret: /^type$/,
};

export function fieldSelector(text: string | null, kind: string): Predicate {
  const terms = (text ?? '').split(',').filter(Boolean);
  const predicates = terms.map((term) => {
    const [, path = '', operator, value] = /^([\w.]+)(==?|!=)(.*)$/.exec(term) ?? [];
    if (!path) throw badRequest(`invalid field selector: ${term}`);
    if (!/^metadata\.name(space)?$/.test(path) && !selectableFields[kind]?.test(path))
      throw badRequest(`field label not supported: ${path}`);
    return (object: KubeObject) => {
      const found: unknown = path.split('.').reduce<any>((node, step) => node?.[step], object);
      return (String(found ?? '') === value) === (operator !== '!=');
    };
  });
  return (object) => predicates.every((holds) => holds(object));
}
