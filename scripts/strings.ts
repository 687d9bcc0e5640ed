import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Node } from 'typescript/unstable/ast';
import { isNoSubstitutionTemplateLiteral, isStringLiteral, isTemplateExpression } from 'typescript/unstable/ast/is';
import { API } from 'typescript/unstable/sync';

/*
 * npm run -s strings [-- FOLDER...]: prints every string in `src` (or these folders) that people may read, with its file and
 * line: messages, labels, errors, hints, log lines, help. Read them aloud.
 */

const root = fileURLToPath(new URL('..', import.meta.url));
const folders = process.argv.length > 2 ? process.argv.slice(2) : ['src'];
const paths = folders
  .flatMap((folder) =>
    readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' }).map((path) => `${folder}/${path}`),
  )
  .filter((path) => /\.(ts|mjs)$/.test(path))
  .sort();

const compiler = new API({ cwd: root });
const snapshot = compiler.updateSnapshot({ openFiles: paths.map((path) => root + path) });
for (const path of paths) {
  const file = snapshot.getDefaultProjectForFile(root + path)?.program.getSourceFile(root + path);
  if (!file) throw new Error(`The compiler did not read ${path}`);
  const visit = (node: Node): void => {
    if (isForPeople(wordsOf(node), path)) {
      const line = file.text.slice(0, node.getStart(file)).split('\n').length;
      process.stdout.write(`${path}:${line} ${node.getText(file).replace(/\s*\n\s*/g, ' ⏎ ')}\n`);
    }
    node.forEachChild(visit);
  };
  visit(file);
}
compiler.close();

/** Text for people has at least two words, or a word and a value; or it is a label such as `Verify`. */
function isForPeople(words: string, path: string): boolean {
  const isMarkup = /^\s*<(?!!?\w+[\^|>@#])/.test(words); // HTML, SVG
  const isCel = /\b(?:variables|object|request)\.\w|\.(?:all|exists)\(\w+,/.test(words);
  if (isMarkup || isCel) return false;
  if (/(?:[A-Za-z]{2,}|…)[,;:]? (?:[A-Za-z]{2,}|…)/.test(words)) return true;
  // There, such words are Kubernetes' own.
  return !path.startsWith('src/k8s/') && /^[A-Z][a-z]+$/.test(words);
}

/** The text of a literal, with `…` for each value in it; empty for anything else. */
function wordsOf(node: Node): string {
  if (isStringLiteral(node) || isNoSubstitutionTemplateLiteral(node)) return node.text;
  if (!isTemplateExpression(node)) return '';
  return node.head.text + node.templateSpans.map(({ literal }) => `…${literal.text}`).join('');
}
