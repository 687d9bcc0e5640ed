/** How many parts a JSON text may have: objects, lists, and what is in them. */
export const mostParts = 300_000;

/** The content of a JSON text; undefined if it is anything else, or has too many parts. */
export function parseJson(text: string): unknown {
  if (hasTooManyParts(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether a text would take far more memory than its length once it is parsed: each part takes up to 100 bytes, `{}` too. */
export function hasTooManyParts(text: string): boolean {
  if (text.length <= mostParts) return false; // as nearly all are
  let parts = 0;
  let isQuoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text.charCodeAt(at);
    if (character === quote) isQuoted = !isQuoted;
    else if (isQuoted && character === backslash) at++;
    else if (!isQuoted && (character === comma || character === brace || character === bracket)) parts++;
  }
  return parts > mostParts;
}

const [quote, backslash, comma, brace, bracket] = [...'"\\,{['].map((character) => character.charCodeAt(0));
