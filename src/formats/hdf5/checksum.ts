const rotate = (x: number, k: number): number => (x << k) | (x >>> (32 - k));

/** Bob Jenkins' lookup3 (hashlittle, initial value 0), the checksum of HDF5's newer structures. No structure is empty. */
export function lookup3(bytes: Uint8Array): number {
  const padded = new Uint8Array(12 * Math.ceil(bytes.length / 12));
  padded.set(bytes);
  const words = new Int32Array(padded.buffer);
  let a = 0xdeadbeef + bytes.length;
  let [b, c] = [a, a];
  for (let i = 0; i < words.length; i += 3) {
    a += words[i] as number;
    b += words[i + 1] as number;
    c += words[i + 2] as number;
    const isLast = i + 3 === words.length;
    for (const k of isLast ? [14, 11, 25, 16, 4, 14, 24] : [4, 6, 8, 16, 19, 4]) {
      // Each round changes one letter; the next round is the same with the letters turned.
      if (isLast) [a, b, c] = [b, (c ^ b) - rotate(b, k), a];
      else [a, b, c] = [b, (c + b) | 0, (a - c) ^ rotate(c, k)];
    }
  }
  return b >>> 0;
}

/** Fletcher's checksum of 16-bit big-endian words, as HDF5's filter stores it. */
export function fletcher32(bytes: Uint8Array): number {
  let [low, high] = [0, 0];
  for (let i = 0; i < bytes.length; i += 2) {
    low += ((bytes[i] as number) << 8) | (bytes[i + 1] ?? 0);
    // Modulo 65,535, but with 65,535 itself in place of 0.
    if (low > 65_535) low -= 65_535;
    high += low;
    if (high > 65_535) high -= 65_535;
  }
  return high * 65_536 + low;
}

/** The checksum at the end of zlib's format. */
export function adler32(bytes: Uint8Array): number {
  let [low, high] = [1, 0];
  for (const byte of bytes) {
    low = (low + byte) % 65_521;
    high = (high + low) % 65_521;
  }
  return high * 65_536 + low;
}
