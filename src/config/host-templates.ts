/*
 * Templates of public names. People choose the names of their demos, so no choice may give a demo a name of another one.
 */

/** Names that fill every gap which a template leaves. */
const demos = ['a', 'vc1', 'a-vc1', 'vc1-a'];
const clusters = ['vc1', 'vc2'];

/** Whether no public name of a demo can be another public name of it, or one of another demo. */
export function areDistinct(templates: Record<string, string>): boolean {
  const all = Object.values(templates);
  return all.every((template, index) => {
    const names = demos.flatMap((demo) => clusters.map((cluster) => fill(template, { demo, cluster })));
    return all.every((other, at) => at === index || !names.some((name) => patternOf(other).test(name)));
  });
}

const fill = (template: string, values: Record<string, string>): string =>
  template.replace(/\{(\w+)\}/g, (whole, key: string) => values[key] ?? whole);

const patternOf = (template: string): RegExp =>
  new RegExp(
    `^${fill(template.replace(/[.*+?^$()|[\]\\]/g, '\\$&'), { demo: '[a-z][a-z0-9-]*', cluster: 'vc[12]' }).replaceAll('{domain}', '\\{domain\\}')}$`,
  );
