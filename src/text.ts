export const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** The first characters of a text, none of them cut in two. */
export const firstCharacters = (text: string, most: number): string =>
  text.slice(0, most).replace(/\p{Surrogate}$/u, '');

/** `1 demo`, `2 demos` */
export const countOf = ({ length }: readonly unknown[], noun: string): string =>
  `${length} ${noun}${length === 1 ? '' : 's'}`;
