import { isCollection, parseDocument, visit } from 'yaml';

/*
 * `${NAME}` in the configuration file. Values are inserted into the parsed document, not into the text, so no value can
 * change the structure of the file, and a parser error, which quotes the file, shows no secret. Until then the text has the
 * name of the variable between private-use characters, which YAML accepts as part of any word.
 */

const [open, close, literal] = ['\uE000', '\uE001', '\uE002'];
const marked = new RegExp(`[${open}${literal}](\\w+)${close}`, 'g');
const unsetVariable = new RegExp(`${open}(\\w+)${close}`, 'g');

/**
 * The content of a YAML text with its variables replaced; `$${NAME}` yields a literal `${NAME}`. A variable that is a whole
 * unquoted value may be a number, a boolean or a list in brackets. Unset variables remain, so that `variablesIn` finds
 * them: they matter only if the value is used.
 * @throws the first YAML syntax error
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
      const isPlain = node.type === 'PLAIN' && node.tag === undefined && key !== 'key';
      const name = isPlain ? variableAlone(node.value) : undefined;
      const value = name === undefined ? undefined : env[name];
      if (value !== undefined) return anchored(document.createNode(meaningOf(value)), node.anchor);
      node.value = node.value.replace(marked, (mark, name: string) =>
        mark.startsWith(literal) ? `\${${name}}` : (env[name] ?? mark),
      );
      return undefined;
    },
  });
  return document.toJS();
}

/** Aliases refer to the anchor. */
function anchored<Made extends object>(node: Made, anchor: string | undefined): Made {
  return anchor === undefined ? node : Object.assign(node, { anchor });
}

function variableAlone(text: string): string | undefined {
  return new RegExp(`^${open}(\\w+)${close}$`).exec(text)?.[1];
}

/** The value as YAML reads it, if that is a number, a boolean, null, or a list or map in brackets; otherwise the text. */
function meaningOf(value: string): unknown {
  const { contents, errors } = parseDocument(value);
  const meaning: unknown = errors.length === 0 && contents !== null ? contents.toJSON() : value;
  const isText = typeof meaning === 'string' || (isCollection(contents) && !contents.flow);
  return isText ? value : meaning;
}

/** The names of the unset variables in a value. */
export function variablesIn(value: unknown): string[] {
  return [...new Set([...JSON.stringify(value ?? null).matchAll(unsetVariable)].map(([, name = '']) => name))];
}

/** Restores the variables in a text that quotes the file. */
export function showVariables(text: string): string {
  return text.replace(marked, (mark, name: string) => `${mark.startsWith(literal) ? '$' : ''}\${${name}}`);
}
