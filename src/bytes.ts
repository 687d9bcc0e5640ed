/**
 * What a received part of a text counts as, in bytes: very many small parts take a hundred times more memory for themselves
 * than for what is in them.
 */
export const costOf = ({ byteLength }: Uint8Array): number => byteLength + 128;
