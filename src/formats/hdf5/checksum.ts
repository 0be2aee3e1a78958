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
  let b = a;
  let c = a;
  if (length === 0) return c >>> 0;
  let at = 0;
  for (; length - at > 12; at += 12) {
    a += word(at);
    b += word(at + 4);
    c += word(at + 8);
    a = (a - c) ^ rotate(c, 4);
    c += b;
    b = (b - a) ^ rotate(a, 6);
    a += c;
    c = (c - b) ^ rotate(b, 8);
    b += a;
    a = (a - c) ^ rotate(c, 16);
    c += b;
    b = (b - a) ^ rotate(a, 19);
    a += c;
    c = (c - b) ^ rotate(b, 4);
    b += a;
  }
  a += word(at);
  b += word(at + 4);
  c += word(at + 8);
  c = (c ^ b) - rotate(b, 14);
  a = (a ^ c) - rotate(c, 11);
  b = (b ^ a) - rotate(a, 25);
  c = (c ^ b) - rotate(b, 16);
  a = (a ^ c) - rotate(c, 4);
  b = (b ^ a) - rotate(a, 14);
  c = (c ^ b) - rotate(b, 24);
  return c >>> 0;
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
  for (let i = 0; i < bytes.length; i++) {
    low = (low + (bytes[i] as number)) % 65_521;
    high = (high + low) % 65_521;
  }
  return high * 65_536 + low;
}
