import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

/** A directory for the files of one test file; removed at the end. */
export function yamlFiles(): { directory: string; yaml: (text: string) => string } {
  const directory = mkdtempSync(join(tmpdir(), 'vcdemo-config-'));
  after(() => rmSync(directory, { recursive: true }));
  let files = 0;
  const yaml = (text: string) => {
    const path = join(directory, `${files++}.yaml`);
    writeFileSync(path, text);
    return path;
  };
  return { directory, yaml };
}
