// The text of an embedded module: scripts/embed_encoding.mjs writes it, and says why it is not base64. Only ECMAScript
// reads it, as an AudioWorklet has neither `atob` nor `TextDecoder`.

/** Letters by the bytes that they stand for, from 240 on; the last two start a pair. */
const LETTERS =
  "cw{!9K3+VqMNDr]meno ,a:l.}di(p;gfyX#*0_TECW-jPUGt=hBF78ILRv6Z524bkH/AOJQ1Yz?^Sxu)s|[~@";
const FIRST_BYTE = 240;
const PAIRS = LETTERS.length - 2;

/**
 * The bytes that `text` stands for. The loop calls nothing for most letters: it runs once, in a cold process, where a call
 * costs as much as the rest of a round (Node 20, 2026).
 */
export function decode(text: string): Uint8Array<ArrayBuffer> {
  const places = new Uint8Array(128);
  for (let i = 0; i < LETTERS.length; i++) places[LETTERS.charCodeAt(i)] = i;
  const bytes = new Uint8Array(text.length);
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    let value = places[text.charCodeAt(i)] as number;
    if (value >= PAIRS) {
      value = PAIRS + (value - PAIRS) * LETTERS.length + (places[text.charCodeAt(++i)] as number);
    }
    bytes[length++] = value + FIRST_BYTE;
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
