import type { DemoConfig } from '../../config.js';

/** What the configuration takes away from the isolation of demos that they have by default, as sentences' ends. */
export function weakenedBy({ isolation }: Pick<DemoConfig, 'isolation'>): string[] {
  const { required, admission, allow } = isolation;
  return [
    ...(admission === 'off' ? ['the admission policy is off (isolation.admission)'] : []),
    ...(admission !== 'off' && allow.length > 0
      ? [`the admission policy leaves out ${allow.join(', ')} (isolation.allow)`]
      : []),
    ...(required ? [] : ['what the host cluster does not enforce is not required (isolation.required)']),
  ];
}
