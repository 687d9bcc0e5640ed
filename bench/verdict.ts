import { parseArgs } from 'node:util';
import { runScenario, scenarios } from '../test/support/verdict-runs.js';

/* npm run bench:verdict: how often the rule of `/vcdemo verify` errs about shares, in meshes whose truth is known. */

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '10000' }, seed: { type: 'string', default: '1' } },
});
const runs = Number(values.runs);

console.log(`${runs} runs each, seed ${values.seed}; requests one after the other, 1 % errors, bursts of 20`);
console.log('mesh                                  pass    fail    open  wrong  requests (mean, most)');
let isWrong = false;
for (const scenario of scenarios) {
  const { pass, fail, undecided, mean, most } = runScenario(scenario, runs, Number(values.seed));
  const wrong = runs - { pass, fail }[scenario.expected];
  isWrong ||= wrong > 0;
  const numbers = [pass, fail, undecided].map((count) => String(count).padStart(8)).join('');
  console.log(
    `${scenario.name.padEnd(34)}${numbers}${String(wrong).padStart(7)}${mean.toFixed(0).padStart(10)}${String(most).padStart(6)}`,
  );
}
process.exitCode = isWrong ? 1 : 0;
