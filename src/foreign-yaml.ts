import { parse } from 'yaml';

/** How deep a text may be nested, in levels; a kubeconfig has five. */
const deepest = 30;
const runOfIndicators = new RegExp(`(?:[-?:]\\s+){${deepest}}`);
const deepIndentation = new RegExp(`^ {${2 * deepest}}\\S`, 'm');

/**
 * The content of a YAML text that somebody else has written. The parser calls itself for each level, and a process whose
 * stack is full can end; to look for repeated keys, it would compare every key with all others of its map.
 * @throws Error
 */
export function parseForeignYaml(text: string): unknown {
  if (isNestedDeeply(text)) throw new Error('it is nested too deeply');
  return parse(text, { maxAliasCount: 0, uniqueKeys: false });
}

function isNestedDeeply(text: string): boolean {
  let open = 0;
  for (const [bracket] of text.matchAll(/[[\]{}]/g)) {
    open += bracket === '[' || bracket === '{' ? 1 : -1;
    if (open > deepest) return true;
  }
  return runOfIndicators.test(text) || deepIndentation.test(text);
}
