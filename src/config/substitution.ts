import { isCollection, parseDocument, visit } from 'yaml';

/*
 * `${NAME}` in the configuration file. It is put into the parsed document, not into the text: no value can change the
 * file's structure, and a parser's complaint, which quotes the file, shows no secret. Until then a variable stands in
 * the text as its name between characters for private use, which YAML takes as part of a word anywhere.
 */

const [open, close, literal] = ['\uE000', '\uE001', '\uE002'];
const marked = new RegExp(`[${open}${literal}](\\w+)${close}`, 'g');
const unsetVariable = new RegExp(`${open}(\\w+)${close}`, 'g');

/**
 * The content of a YAML text with its variables replaced; `$${NAME}` stands for `${NAME}` itself. A variable that is an
 * unquoted value by itself may be a number, a boolean or a list in brackets. Variables that are not set stay, for
 * `variablesIn` to find: they matter only where the value is used.
 * @throws the first error of YAML's syntax
 */
export function parseYaml(text: string, env: NodeJS.ProcessEnv): unknown {
  const document = parseDocument(
    text.replace(/(\$?)\$\{(\w+)\}/g, (_, escape: string, name: string) => `${escape ? literal : open}${name}${close}`),
  );
  const [error] = document.errors;
  if (error !== undefined) throw error;
  visit(document, {
    Scalar(key, node) {
      if (typeof node.value !== 'string') return undefined;
      const name = node.type === 'PLAIN' && key !== 'key' ? variableAlone(node.value) : undefined;
      const value = name === undefined ? undefined : env[name];
      if (value !== undefined) return document.createNode(meaningOf(value));
      node.value = node.value.replace(marked, (mark, name: string) =>
        mark.startsWith(literal) ? `\${${name}}` : (env[name] ?? mark),
      );
      return undefined;
    },
  });
  return document.toJS();
}

function variableAlone(text: string): string | undefined {
  return new RegExp(`^${open}(\\w+)${close}$`).exec(text)?.[1];
}

/** What YAML takes the value for, where that is a number, a boolean, nothing, or a list or map in brackets. */
function meaningOf(value: string): unknown {
  const { contents, errors } = parseDocument(value);
  const meaning: unknown = errors.length === 0 && contents !== null ? contents.toJSON() : value;
  const isText = typeof meaning === 'string' || (isCollection(contents) && !contents.flow);
  return isText ? value : meaning;
}

/** The names of the variables in a value that are not set. */
export function variablesIn(value: unknown): string[] {
  return [...new Set([...JSON.stringify(value ?? null).matchAll(unsetVariable)].map(([, name]) => name!))];
}

/** A text that quotes the file, as it stands there. */
export function showVariables(text: string): string {
  return text.replace(marked, (mark, name: string) => `${mark.startsWith(literal) ? '$' : ''}\${${name}}`);
}
