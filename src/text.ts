export const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** The first characters of a text, none of them cut in two. */
export const firstCharacters = (text: string, most: number): string =>
  text.slice(0, most).replace(/\p{Surrogate}$/u, '');
