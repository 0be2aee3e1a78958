// Why this exists: base64 costs 49 % more than the bytes themselves when a page is gzipped, because its letters stand
// across the bytes. Here each byte is one letter or two of printable ASCII, so that gzip finds what repeats
// (docs/decisions/embedding.md). src/wasm/bytes.ts reads it.

/** The byte that the first letter stands for: those after it, the most frequent of wasm, have one letter. */
const FIRST = 240;
/** 40 … 126, without what has a meaning in a string or in HTML. */
const LETTERS = Array.from({ length: 87 }, (_, i) => {
  const code = 40 + i;
  return String.fromCharCode({ 60: 35, 92: 32, 96: 33 }[code] ?? code);
});
/** Letters that stand for themselves; the last two start a pair. */
const SINGLE = LETTERS.length - 2;

const LETTER_OF = Array.from({ length: 256 }, (_, byte) => {
  const value = (byte - FIRST + 256) % 256;
  if (value < SINGLE) return LETTERS[value];
  const pair = value - SINGLE;
  return LETTERS[SINGLE + Math.floor(pair / LETTERS.length)] + LETTERS[pair % LETTERS.length];
});

/** Bytes as text for a string literal. */
export const encode = (bytes) => Array.from(bytes, (byte) => LETTER_OF[byte]).join("");
