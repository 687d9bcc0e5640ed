import { writeFileSync } from 'node:fs';
import { build } from 'esbuild';

/* npm run build:lambda: dist/lambda.js, the bot as one file; dist/package.json makes a module of it where it is alone. */

const dist = (path: string) => new URL(`../dist/${path}`, import.meta.url);
await build({
  entryPoints: ['src/bot/lambda.ts'],
  outfile: 'dist/lambda.js',
  bundle: true,
  minify: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  // What CommonJS packages in the bundle expect of their surroundings.
  banner: {
    js: "import{createRequire as __cr}from'node:module';import{fileURLToPath as __fp}from'node:url';const require=__cr(import.meta.url),__filename=__fp(import.meta.url),__dirname=__fp(new URL('.',import.meta.url));",
  },
  logLevel: 'warning',
});
writeFileSync(dist('package.json'), '{"type":"module"}\n');
