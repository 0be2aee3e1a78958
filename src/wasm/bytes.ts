// The text of an embedded module: scripts/embed_encoding.mjs writes it, and says why it is not base64. Only ECMAScript
// reads it, as an AudioWorklet has neither `atob` nor `TextDecoder`.

/** The first letter, "(", and the byte that it stands for. */
const FIRST_LETTER = 40;
const FIRST_BYTE = 240;
/** "}" and "~" start a pair; the letters before them stand for themselves. */
const PAIRS = 125;
/** Letters that may follow one of the two. */
const LETTERS = 87;

/** The place in ASCII of a letter that stands in for one which strings or HTML give a meaning. */
const placeOf = (code: number): number => (code === 32 ? 92 : code === 33 ? 96 : 60);

/**
 * The bytes that `text` stands for. The loop calls nothing for most letters: it runs once, in a cold process, where a call
 * costs as much as the rest of a round (Node 20, 2026).
 */
export function decode(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    let code = text.charCodeAt(i);
    if (code < FIRST_LETTER) code = placeOf(code);
    if (code >= PAIRS) {
      let low = text.charCodeAt(++i);
      if (low < FIRST_LETTER) low = placeOf(low);
      code = PAIRS + (code - PAIRS) * LETTERS + low - FIRST_LETTER;
    }
    bytes[length++] = code - FIRST_LETTER + FIRST_BYTE;
  }
  return bytes.slice(0, length);
}

/**
 * Makes a set of kernels the relaxed build of it, in place: at each place a product goes, or the sum behind it becomes
 * a fused instruction.
 *
 * @param fusions the distance of each place to the one before: one byte, or 0 and two bytes, low first
 */
export function fuse(code: Uint8Array, fusions: Uint8Array): void {
  let at = 0;
  for (let i = 0; i < fusions.length; i++) {
    let distance = fusions[i] as number;
    if (distance === 0) distance = (fusions[++i] as number) + 256 * (fusions[++i] as number);
    at += distance;
    const operation = code[at + 1];
    // f64x2.add and f32x4.add; the others are f64x2.mul and f32x4.mul.
    if (operation === 0xf0) code.set([0x87, 2], at + 1);
    else if (operation === 0xe4) code.set([0x85, 2], at + 1);
    else code.fill(NOP, at, at + 3);
  }
}

const NOP = 1;
