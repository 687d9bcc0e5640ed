import { closest, distance } from 'fastest-levenshtein';

/** ` Did you mean …?` if one of the known words is close enough; otherwise an empty string. */
export function suggestion(word: string, known: readonly string[]): string {
  if (known.length === 0) return '';
  const match = closest(word, known);
  return distance(word, match) <= Math.max(2, Math.floor(match.length / 2)) ? ` Did you mean \`${match}\`?` : '';
}
