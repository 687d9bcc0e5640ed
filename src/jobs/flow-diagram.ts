import type { Flow } from './flow.js';

/**
 * A flow as a Mermaid flowchart: one box per step, with a double border if it runs on each virtual cluster. What follows
 * from other arrows has none of its own.
 */
export function mermaidOf<Once, Each>(flow: Flow<Once, Each, string>): string {
  const boxes = flow.steps.map(({ name, on, says }) =>
    on === 'each' ? `  ${name}[["${says}"]]` : `  ${name}["${says}"]`,
  );
  const before = new Map<string, Set<string>>();
  for (const { name, after } of flow.steps)
    before.set(name, new Set(after.flatMap((earlier) => [earlier, ...(before.get(earlier) ?? [])])));
  const arrows = flow.steps.flatMap(({ name, after }) =>
    after
      .filter((earlier) => !after.some((other) => before.get(other)?.has(earlier)))
      .map((earlier) => `  ${earlier} --> ${name}`),
  );
  return ['flowchart TD', ...boxes, ...arrows].join('\n');
}
