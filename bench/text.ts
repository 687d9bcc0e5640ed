import { parseArgs } from 'node:util';
import { textFunctions, unfriendlyTexts } from './text-functions.js';

/*
 * npm run bench:text: the worst time of each text function, by the length of the text. A linear function takes ten times as
 * long for ten times the text; one that shortens the text first does not take longer.
 */

const { values } = parseArgs({ options: { characters: { type: 'string' } } });
const lengths = values.characters ? [Number(values.characters)] : [10_000, 100_000, 1_000_000];

console.log(`milliseconds, worst of ${unfriendlyTexts.length} texts of ${lengths.join(', ')} characters`);
for (const { name, apply } of textFunctions) {
  const worst = lengths.map((length) => {
    const times = unfriendlyTexts.map((seed) => {
      const text = seed.repeat(Math.ceil(length / seed.length)).slice(0, length);
      apply(text.slice(0, 1000)); // warms up the compiler before measuring
      const start = performance.now();
      apply(text);
      return { seed, ms: performance.now() - start };
    });
    return times.reduce((a, b) => (a.ms > b.ms ? a : b));
  });
  const slowest = JSON.stringify(worst.at(-1)!.seed.slice(0, 20));
  console.log(`${name.padEnd(16)} ${worst.map(({ ms }) => ms.toFixed(1).padStart(8)).join(' ')}  ${slowest}`);
}
