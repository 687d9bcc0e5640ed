import type { DemoConfig } from '../../config.js';

/** What the configuration takes away from the isolation of demos that they have by default, as sentences' ends. */
export function weakenedBy({ isolation }: Pick<DemoConfig, 'isolation'>): string[] {
  const { admission, allow } = isolation;
  return [
    ...(admission === 'off' ? ['the admission policy is off (isolation.admission)'] : []),
    ...(admission !== 'off' && allow.length > 0
      ? [`the admission policy leaves out ${allow.join(', ')} (isolation.allow)`]
      : []),
  ];
}

/** For people: what is weaker than by default. */
export const weakerIsolation = (notes: readonly string[]): string =>
  `Weaker isolation from the host cluster than by default: ${notes.join('; ')}`;
