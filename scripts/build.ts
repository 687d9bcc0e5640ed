import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { build, type BuildOptions } from 'esbuild';

/*
 * npm run build: dist/ with the processes, each bundled with the libraries that it uses, so that they start fast and need no
 * node_modules. npm run build:lambda adds dist/lambda.js, the bot as a single file.
 */

const dist = (path: string) => new URL(`../dist/${path}`, import.meta.url);

const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  // What CommonJS packages in the bundle expect to exist.
  banner: {
    js: "import{createRequire as __cr}from'node:module';import{fileURLToPath as __fp}from'node:url';const require=__cr(import.meta.url),__filename=__fp(import.meta.url),__dirname=__fp(new URL('.',import.meta.url));",
  },
  logLevel: 'warning',
} as const satisfies BuildOptions;

if (process.argv[2] === 'lambda')
  await build({ ...common, entryPoints: ['src/bot/lambda.ts'], outfile: 'dist/lambda.js', minify: true });
else {
  rmSync(dist(''), { recursive: true, force: true });
  const { metafile } = await build({
    ...common,
    metafile: true,
    entryPoints: [
      'src/bot/main.ts',
      'src/jobs/worker/main.ts',
      'src/jobs/worker/sweep.ts',
      'src/k8s/isolation/print-policy.ts',
    ],
    outbase: 'src',
    outdir: 'dist',
    // Libraries that are imported on demand, such as those for traces, stay in files of their own.
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    // The source of a process stays in its memory; short lines keep stack traces useful.
    minifySyntax: true,
    minifyWhitespace: true,
    lineLimit: 200,
    legalComments: 'none',
  });
  for (const file of Object.keys(metafile.outputs)) asciiOnly(file);
  // What a chart is drawn with where Slack draws none: see src/jobs/slack/chart-picture.ts, which is in chunks/.
  mkdirSync(dist('parts'));
  for (const part of ['@resvg/resvg-wasm/index_bg.wasm', '@expo-google-fonts/lato/400Regular/Lato_400Regular.ttf'])
    copyFileSync(new URL(import.meta.resolve(part)), dist(`parts/${basename(part)}`));
}
// Makes the files modules by themselves.
writeFileSync(dist('package.json'), '{"type":"module"}\n');

/**
 * V8 keeps the source of a file in memory, with two bytes for each character if one of them is beyond Latin-1. esbuild escapes
 * them everywhere but in regular expressions, where the escape means the same, and in tagged templates, where it does for
 * tags that do not read the raw text, as here.
 */
function asciiOnly(file: string): void {
  const source = readFileSync(file, 'utf8');
  const escaped = source.replace(
    /[^\x00-\x7f]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  if (escaped !== source) writeFileSync(file, escaped);
}
