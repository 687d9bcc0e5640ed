import { valueAt } from '../../records.js';

/**
 * The minor versions of Kubernetes that each minor version of Istio supports, oldest and newest.
 * @see https://istio.io/latest/docs/releases/supported-releases/#support-status-of-istio-releases
 */
const supportedKubernetes: Readonly<Record<string, readonly [oldest: number, newest: number]>> = {
  '1.18': [24, 27],
  '1.19': [25, 28],
  '1.20': [25, 29],
  '1.21': [26, 29],
  '1.22': [27, 30],
  '1.23': [27, 30],
  '1.24': [28, 31],
  '1.25': [29, 32],
  '1.26': [29, 33],
  '1.27': [29, 33],
  '1.28': [30, 34],
  '1.29': [31, 35],
  '1.30': [32, 36],
  '1.31': [32, 36],
};

/** `1.31` of `1.31.0`, `v1.31.2-gke.1`; the text itself of anything else. */
export const minorOf = (version: string): string => /^v?(\d+\.\d+)/.exec(version)?.[1] ?? version;

/** How many minor versions `one` is ahead of `other`; undefined of other major versions, and of what is no version. */
export function minorsAhead(one: string, other: string): number | undefined {
  const [[major, minor = NaN], [otherMajor, otherMinor = NaN]] = [numbersOf(one), numbersOf(other)];
  const ahead = minor - otherMinor;
  return major === otherMajor && Number.isInteger(ahead) ? ahead : undefined;
}

/** The range of Kubernetes versions that a version of Istio supports, and whether one is in it; undefined if not known. */
export function supportOf(istio: string, kubernetes: string): { range: string; fits: boolean } | undefined {
  const supported = valueAt(supportedKubernetes, minorOf(istio));
  if (!supported) return undefined;
  const [oldest, newest] = supported;
  const [major, minor = NaN] = numbersOf(kubernetes);
  return { range: `1.${oldest} to 1.${newest}`, fits: major === 1 && minor >= oldest && minor <= newest };
}

const numbersOf = (version: string): number[] => minorOf(version).split('.').map(Number);
