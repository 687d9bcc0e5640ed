import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { Host } from '../test/support/host.js';

interface RealHostOptions {
  kubeconfig: string;
  context?: string | undefined;
  config: string;
}

/** A real cluster. For a context other than the current one, the kubeconfig is copied, and the copy removed at the end. */
export async function realHost({ kubeconfig, context, config }: RealHostOptions): Promise<Host> {
  const directory = await mkdtemp(join(tmpdir(), 'vcdemo-host-'));
  const close = () => rm(directory, { recursive: true, force: true });
  try {
    let file = kubeconfig;
    if (context !== undefined) {
      const content = parse(await readFile(kubeconfig, 'utf8')) as { contexts?: { name: string }[] };
      const names = content.contexts?.map(({ name }) => name) ?? [];
      if (!names.includes(context))
        throw new Error(`${kubeconfig} has no context ${context}; it has ${names.join(', ')}`);
      file = join(directory, 'kubeconfig');
      await writeFile(file, stringify({ ...content, 'current-context': context }), { mode: 0o600 });
    }
    return { environment: { KUBECONFIG: file, VCDEMO_CONFIG: config }, notice: undefined, close };
  } catch (error) {
    await close();
    throw error;
  }
}
