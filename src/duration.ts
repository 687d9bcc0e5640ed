const units = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 } as const;

const isUnit = (text: string): text is keyof typeof units => text in units;

export const seconds = (count: number) => count * units.s;
export const minutes = (count: number) => count * units.m;
export const hours = (count: number) => count * units.h;

/**
 * Milliseconds of a duration such as `90m`, `8h`, `2d` or `1h30m`; `undefined` for anything else, zero included.
 */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d+[dhms])+$/.test(text)) return undefined;
  const total = [...text.matchAll(/(\d+)([dhms])/g)].reduce(
    (sum, [, count, unit = '']) => sum + Number(count) * (isUnit(unit) ? units[unit] : NaN),
    0,
  );
  return total > 0 && Number.isSafeInteger(total) ? total : undefined;
}

/** `8h`, `1h30m`, `45s`: the two largest units that are not zero, rounded down. */
export function formatDuration(milliseconds: number): string {
  let rest = Math.max(0, Math.round(milliseconds / 1000) * 1000);
  const parts: string[] = [];
  for (const [unit, size] of Object.entries(units)) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count}${unit}`);
  }
  return parts.slice(0, 2).join('') || '0s';
}
