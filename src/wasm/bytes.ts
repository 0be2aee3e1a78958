// The text of an embedded module: scripts/embed_encoding.mjs writes it, and says why it is not base64. Only ECMAScript
// reads it, as an AudioWorklet has neither `atob` nor `TextDecoder`.

/** The byte that the first letter stands for. */
const FIRST = 240;
/** Letters that stand for themselves; the two after them start a pair. */
const SINGLE = 85;
const LETTERS = 87;

/** The number of a letter: 40 … 126 in ASCII, but for three that strings or HTML give a meaning. */
function letterAt(text: string, i: number): number {
  const code = text.charCodeAt(i);
  return (code > 39 ? code : code === 32 ? 92 : code === 33 ? 96 : 60) - 40;
}

/** The bytes that `text` stands for. */
export function decode(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    let value = letterAt(text, i);
    if (value >= SINGLE) value = SINGLE + (value - SINGLE) * LETTERS + letterAt(text, ++i);
    bytes[length++] = value + FIRST;
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
