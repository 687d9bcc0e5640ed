import { readFileSync } from 'node:fs';

/* npm run licenses: production packages by license; fails if one is not known to be permissive. */

interface Lock {
  packages: Record<string, { version?: string; license?: string; dev?: boolean; optional?: boolean }>;
}

/** MPL-2.0 is about changes to its own files, of which there are none here. */
const permissive =
  /^\(?(MIT|ISC|Apache-2\.0|BSD-[23]-Clause|0BSD|BlueOak-1\.0\.0|Python-2\.0|PSF-2\.0|CC0-1\.0|Unlicense|MPL-2\.0)\b/;

const lock = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')) as Lock;
const byLicense = new Map<string, string[]>();
for (const [path, { version, license, dev }] of Object.entries(lock.packages)) {
  if (path === '' || dev) continue;
  const name = `${path.replace(/^.*node_modules\//, '')}@${version}`;
  byLicense.set(license ?? 'none', [...(byLicense.get(license ?? 'none') ?? []), name]);
}
for (const [license, names] of [...byLicense].sort()) console.log(`${license}: ${names.length}\n  ${names.join(', ')}`);
const doubtful = [...byLicense].filter(
  ([license]) => !permissive.test(license) && !license.includes('BSD-3-Clause OR'),
);
if (doubtful.length > 0) {
  console.error(
    `Check these licenses: ${doubtful.map(([license, names]) => `${license} (${names.join(', ')})`).join('; ')}`,
  );
  process.exitCode = 1;
}
