import { writeFileSync } from 'node:fs';
import { build } from 'esbuild';

/* npm run build:lambda: dist/lambda.js, the bot as a single file; dist/package.json makes it a module by itself. */

const dist = (path: string) => new URL(`../dist/${path}`, import.meta.url);
await build({
  entryPoints: ['src/bot/lambda.ts'],
  outfile: 'dist/lambda.js',
  bundle: true,
  minify: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  // What CommonJS packages in the bundle expect to exist.
  banner: {
    js: "import{createRequire as __cr}from'node:module';import{fileURLToPath as __fp}from'node:url';const require=__cr(import.meta.url),__filename=__fp(import.meta.url),__dirname=__fp(new URL('.',import.meta.url));",
  },
  logLevel: 'warning',
});
writeFileSync(dist('package.json'), '{"type":"module"}\n');
