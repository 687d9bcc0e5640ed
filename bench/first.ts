import { createInterface } from 'node:readline';
import { execa } from 'execa';

/*
 * npm run bench:first: how long somebody who has just run `npm ci` waits from `npm run demo`, including its build, until the
 * first answer and until the kubeconfig.
 */

const rounds = 3;
for (let round = 1; round <= rounds; round++) {
  const start = performance.now();
  const demo = execa('npm', ['run', 'demo', '--', '--script', 'create'], { stdin: 'ignore', buffer: false });
  const seen = new Map<string, number>();
  const awaited = { 'first answer': /Progress follows in this channel/, kubeconfig: /\.kubeconfig\.yaml/ };
  for await (const line of createInterface({ input: demo.stdout }))
    for (const [what, pattern] of Object.entries(awaited))
      if (pattern.test(line) && !seen.has(what)) seen.set(what, performance.now() - start);
  await demo;
  console.log([...seen].map(([what, ms]) => `${what} after ${(ms / 1000).toFixed(1)} s`).join(', '));
}
