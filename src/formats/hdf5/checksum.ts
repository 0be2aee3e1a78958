const rotate = (x: number, k: number): number => (x << k) | (x >>> (32 - k));

/** Bob Jenkins' lookup3 (hashlittle, initial value 0), the checksum of HDF5's newer structures. */
export function lookup3(bytes: Uint8Array): number {
  const { length } = bytes;
  const word = (at: number): number => {
    let sum = 0;
    for (let i = 0; i < 4 && at + i < length; i++) sum |= (bytes[at + i] as number) << (8 * i);
    return sum;
  };
  let a = (0xdeadbeef + length) | 0;
  let [b, c] = [a, a];
  if (length === 0) return c >>> 0;
  let at = 0;
  const add = (): void => {
    a += word(at);
    b += word(at + 4);
    c += word(at + 8);
    at += 12;
  };
  while (length - at > 12) {
    add();
    for (const k of [4, 6, 8, 16, 19, 4]) {
      const mixed = (a - c) ^ rotate(c, k);
      // The next round is the same with the next two letters.
      [a, b, c] = [b, c + b, mixed];
    }
  }
  add();
  for (const k of [14, 11, 25, 16, 4, 14, 24]) {
    const mixed = (c ^ b) - rotate(b, k);
    [a, b, c] = [b, mixed, a];
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
