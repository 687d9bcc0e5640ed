import { readFileSync, writeFileSync } from 'node:fs';
import { createFlow } from '../src/jobs/flows/create.js';
import { mermaidOf } from '../src/jobs/flow-diagram.js';
import { workerRulesYaml } from './worker-rules.js';

/* npm run docs: writes what the documentation shows of the code. */

const file = new URL('../docs/architecture.md', import.meta.url);
const block = `<!-- create flow -->\n\`\`\`mermaid\n${mermaidOf(createFlow)}\n\`\`\`\n<!-- end -->`;
const text = readFileSync(file, 'utf8').replace(/<!-- create flow -->[\s\S]*?<!-- end -->/, () => block);
writeFileSync(file, text);
writeFileSync(new URL('../helm/vcdemo/files/worker-rules.yaml', import.meta.url), workerRulesYaml());
