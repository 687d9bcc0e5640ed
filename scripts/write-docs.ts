import { readFileSync, writeFileSync } from 'node:fs';
import { createFlow } from '../src/jobs/commands/create/flow.js';
import { mermaidOf } from '../src/jobs/flow-diagram.js';
import { admissionPolicyYaml } from './admission-policy-file.js';
import { commandTable } from './command-table.js';
import { configurationSchemaText, configurationTable } from './configuration-docs.js';
import { redisAcl } from './redis-acl.js';
import { rolesTable } from './roles-table.js';
import { workerRulesYaml } from './worker-rules.js';

/* npm run docs: updates the generated parts of the documentation. */

replaceBlock('docs/architecture.md', 'create flow', `\`\`\`mermaid\n${mermaidOf(createFlow)}\n\`\`\``);
replaceBlock('README.md', 'commands', commandTable());
replaceBlock('docs/configuration.md', 'keys', configurationTable());
replaceBlock('docs/operations.md', 'acl', redisAcl());
replaceBlock('docs/operations.md', 'roles', rolesTable());
write('docs/configuration.schema.json', await configurationSchemaText());
write('helm/vcdemo/files/worker-rules.yaml', workerRulesYaml());
write('helm/vcdemo/files/admission-policy.yaml', admissionPolicyYaml());

/** Replaces the text between `<!-- name -->` and `<!-- end -->`. */
function replaceBlock(path: string, name: string, content: string): void {
  const block = new RegExp(`<!-- ${name} -->[\\s\\S]*?<!-- end -->`);
  write(
    path,
    readFileSync(fileOf(path), 'utf8').replace(block, () => `<!-- ${name} -->\n${content}\n<!-- end -->`),
  );
}

function write(path: string, text: string): void {
  writeFileSync(fileOf(path), text);
}

function fileOf(path: string): URL {
  return new URL(`../${path}`, import.meta.url);
}
