// Why this exists: base64 costs 49 % more than the bytes themselves when a page is gzipped, because its letters stand
// across the bytes. Here each byte is one letter or two of printable ASCII, so that gzip finds what repeats
// (docs/decisions/embedding.md). src/wasm/bytes.ts reads it.

/** The byte that the first letter stands for: those after it, the most frequent of wasm, have one letter. */
const FIRST = 240;
/**
 * Frequent bytes have the letters that minified JavaScript has most often, so that gzip needs no other code for them. Letters
 * with a meaning in a string or in HTML are not among them.
 */
const LETTERS =
  "cw{!9K3+VqMNDr]meno ,a:l.}di(p;gfyX#*0_TECW-jPUGt=hBF78ILRv6Z524bkH/AOJQ1Yz?^Sxu)s|[~@";
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
