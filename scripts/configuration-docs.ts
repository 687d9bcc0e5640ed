import { format } from 'prettier';
import * as z from 'zod';
import { demoConfig } from '../src/config/schema.js';

/* The reference of the configuration and its JSON schema, both from the zod schema. */

interface Node {
  description?: string;
  default?: unknown;
  const?: unknown;
  properties?: Record<string, Node>;
  oneOf?: Node[];
}

/** The configuration file as JSON Schema: what people write, before defaults and conversions. */
function configurationSchema(): object {
  return z.toJSONSchema(demoConfig, {
    io: 'input',
    override: ({ jsonSchema }) => {
      // A value may come from the environment.
      if (jsonSchema.pattern !== undefined) jsonSchema.pattern = `${jsonSchema.pattern}|\\$\\{\\w+\\}`;
    },
  });
}

/** The text of docs/configuration.schema.json. */
export function configurationSchemaText(): Promise<string> {
  return format(JSON.stringify(configurationSchema()), { parser: 'json', printWidth: 120 });
}

const either = new Intl.ListFormat('en', { type: 'disjunction' });

/** A Markdown table with a row for each key: its default and its meaning. */
export function configurationTable(): string {
  const rows = rowsOf('', configurationSchema());
  return ['| key | default | meaning |', '|---|---|---|', ...rows].join('\n');
}

/** `inherited` is the default of the whole object, if it has one. */
function rowsOf(path: string, node: Node, inherited: unknown = node.default): string[] {
  return Object.entries(keysOf(node)).flatMap(([key, child]) => {
    const childPath = path === '' ? key : `${path}.${key}`;
    const value = child.default ?? (inherited as Record<string, unknown> | undefined)?.[key];
    const below = Object.keys(keysOf(child)).length > 0;
    return below ? rowsOf(childPath, child, value) : [row(childPath, value, child.description)];
  });
}

/** The keys of an object; for a union, the keys of all kinds, each with the kinds that have it. */
function keysOf({ properties, oneOf }: Node): Record<string, Node> {
  if (!oneOf) return properties ?? {};
  const keys: Record<string, { node: Node; kinds: string[] }> = {};
  for (const kind of oneOf)
    for (const [key, node] of Object.entries(kind.properties ?? {}))
      (keys[key] ??= { node, kinds: [] }).kinds.push(`\`${String(kind.properties?.kind?.const)}\``);
  return Object.fromEntries(
    Object.entries(keys).map(([key, { node, kinds }]) => [
      key,
      kinds.length === oneOf.length ? node : prefixed(`with ${either.format(kinds)}: `, node),
    ]),
  );
}

/** The node, with the text in front of the descriptions of its keys. */
function prefixed(text: string, node: Node): Node {
  const properties =
    node.properties &&
    Object.fromEntries(Object.entries(node.properties).map(([key, child]) => [key, prefixed(text, child)]));
  return { ...node, description: `${text}${node.description ?? ''}`, ...(properties && { properties }) };
}

function row(path: string, value: unknown, description: string | undefined): string {
  if (!description) throw new Error(`${path} has no description in src/config/schema.ts`);
  const isEmpty = value === undefined || (typeof value === 'object' && Object.keys(value as object).length === 0);
  const shown = isEmpty ? '' : ` \`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
  return `| \`${path}\` |${shown} | ${description.replaceAll('|', '\\|')} |`;
}
