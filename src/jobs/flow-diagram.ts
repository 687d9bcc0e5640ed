import type { Flow } from './flow.js';

/** A flow as a Mermaid flowchart: one box per step, with a double border if it runs on each virtual cluster. */
export function mermaidOf<Once, Each>(flow: Flow<Once, Each, string>): string {
  const boxes = flow.steps.map(({ name, on, says }) =>
    on === 'each' ? `  ${name}[["${says}"]]` : `  ${name}["${says}"]`,
  );
  const arrows = flow.steps.flatMap(({ name, after }) => after.map((earlier) => `  ${earlier} --> ${name}`));
  return ['flowchart TD', ...boxes, ...arrows].join('\n');
}
