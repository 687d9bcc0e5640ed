import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/*
 * npm run -s strings [-- FOLDER...]: prints every text of the sources that people may read, with its file and line, to be
 * read aloud: messages, errors, hints, log lines, help. Comments and documents are read where they are.
 */

const root = fileURLToPath(new URL('..', import.meta.url));
const folders = process.argv.slice(2).length > 0 ? process.argv.slice(2) : ['src', 'sandbox', 'scripts', 'simulator'];

/** A text literal; comments match too, so that an apostrophe in one begins no text. */
const token = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g;

for (const folder of folders)
  for (const path of readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' }).sort()) {
    if (!/\.(ts|mjs)$/.test(path)) continue;
    const text = readFileSync(`${root}${folder}/${path}`, 'utf8');
    for (const match of text.matchAll(token)) {
      const literal = match[0];
      // Words with spaces between them, and no comment: what people read.
      if (literal.startsWith('/') || !/[A-Za-z]{2,}[,;:]? [A-Za-z]{2,}/.test(literal)) continue;
      const line = text.slice(0, match.index).split('\n').length;
      process.stdout.write(`${folder}/${path}:${line} ${literal.replace(/\s*\n\s*/g, ' ⏎ ')}\n`);
    }
  }
