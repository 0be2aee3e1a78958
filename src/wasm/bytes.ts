/** Ways to decode that some hosts have; a loop over `atob` costs 1.2 ms for the kernels in Node 20. */
interface Decoders {
  readonly Uint8Array: { fromBase64?(text: string): Uint8Array };
  readonly Buffer?: { from(text: string, encoding: "base64"): Uint8Array };
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** The bytes that `text`, base64, stands for. */
export function decodeBase64(text: string): Uint8Array {
  const { Uint8Array: Bytes, Buffer } = globalThis as unknown as Decoders;
  return Bytes.fromBase64?.(text) ?? Buffer?.from(text, "base64") ?? decodeByHand(text);
}

/** For hosts that have nothing, not even `atob`: an AudioWorklet before `Uint8Array.fromBase64`. */
function decodeByHand(text: string): Uint8Array {
  const values = new Uint8Array(128);
  for (let i = 0; i < 64; i++) values[DIGITS.charCodeAt(i)] = i;
  const digits = text.replace(/=+$/, "").length;
  const bytes = new Uint8Array(Math.floor((digits * 3) / 4));
  let bits = 0;
  for (let i = 0, at = 0; i < digits; i++) {
    bits = (bits << 6) | (values[text.charCodeAt(i)] as number);
    if (i % 4 > 0) bytes[at++] = bits >> (6 - 2 * (i % 4));
  }
  return bytes;
}
