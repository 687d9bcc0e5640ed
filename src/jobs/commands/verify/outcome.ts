import type { VerdictOutcome } from '../../../k8s/demo/demo.js';
import type { Cause } from './causes.js';
import type { Verdict } from './verdict.js';

/** Why the public names do not work for the worker, and whether that means that the demo has failed. */
export interface PublicWay {
  problem: string;
  isRequired: boolean;
}

/**
 * What a verify of a demo ends with. Where the public name is required, a demo that cannot be reached has failed, whatever
 * its mesh does.
 */
export function outcomeOf({ verdict, publicWay }: { verdict: Verdict; publicWay?: PublicWay | undefined }): {
  outcome: VerdictOutcome;
  /** In one sentence without a full stop. */
  reason: string;
} {
  if (!publicWay?.isRequired) return { outcome: verdict.kind, reason: verdict.reason };
  return { outcome: 'fail', reason: `${verdict.reason}; its public name does not work` };
}

/** Whether the mesh does not work and nothing that verify knows explains it. */
export const isUnexplained = ({ verdict, causes }: { verdict: Verdict; causes: readonly Pick<Cause, 'isApart'>[] }) =>
  verdict.kind !== 'pass' && causes.every(({ isApart }) => isApart);
