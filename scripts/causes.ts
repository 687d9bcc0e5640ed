import { readFileSync, writeFileSync } from 'node:fs';
import * as z from 'zod';
import { withSeenCauses } from './seen-causes.js';

/*
 * npm run -s causes -- FILE: puts what `npm run test:causes` saw on a real cluster, and wrote to VCDEMO_CAUSES_OUT, into
 * the table of causes in docs/verify.md. Rows of causes that were not made keep their text.
 */

const [file] = process.argv.slice(2);
if (file === undefined) {
  process.stderr.write('Usage: npm run -s causes -- FILE, which npm run test:causes wrote (VCDEMO_CAUSES_OUT)\n');
  process.exit(2);
}
const page = new URL('../docs/verify.md', import.meta.url);
const seen = z.record(z.string(), z.string()).parse(JSON.parse(readFileSync(file, 'utf8')));
writeFileSync(page, withSeenCauses(readFileSync(page, 'utf8'), seen));
