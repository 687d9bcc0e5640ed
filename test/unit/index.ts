/* All unit tests in one process, as the start of a process costs more than most of these files. */
import { readdirSync } from 'node:fs';

for (const file of readdirSync(import.meta.dirname, { encoding: 'utf8', recursive: true }).sort())
  if (file.endsWith('.test.ts')) await import(`./${file}`);
