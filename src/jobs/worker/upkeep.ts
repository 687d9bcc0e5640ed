import type { UpkeepName } from '../../commands/job-payloads.js';
import type { DemoConfig } from '../../config.js';
import { isDue, type Demo } from '../../k8s/demo.js';

/** A job that no person asks for. */
export interface UpkeepRequest {
  name: UpkeepName;
  payload: { demo: string };
}

/** The upkeep that demos need: those that are due are removed, and credentials that expire soon are renewed. */
export function upkeepFor(demos: readonly Demo[], { credentials }: Pick<DemoConfig, 'credentials'>): UpkeepRequest[] {
  const renewBefore = Date.now() + credentials.maxAge / 4;
  const endsSoon = ({ state, credentialsEnd, expires }: Demo) =>
    state === 'ready' &&
    credentialsEnd !== undefined &&
    credentialsEnd.getTime() < Math.min(renewBefore, expires.getTime());
  return [
    ...demos.filter(isDue).map(({ name }) => ({ name: 'expire', payload: { demo: name } }) as const),
    ...demos
      .filter((demo) => !isDue(demo) && endsSoon(demo))
      .map(({ name }) => ({ name: 'renew', payload: { demo: name } }) as const),
  ];
}
