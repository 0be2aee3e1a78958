/** A 16-bit float: the bits of its mantissa, and the exponent of its smallest normal number. */
interface Half {
  readonly mantissa: number;
  readonly smallest: number;
}

/** IEEE binary16. */
export const F16: Half = { mantissa: 10, smallest: -14 };
/** The upper half of an IEEE binary32. */
export const BF16: Half = { mantissa: 7, smallest: -126 };

/** The numbers of F16 bit patterns. Exact; NaNs keep their payload. */
export function fromF16(halves: Uint16Array): Float32Array {
  const numbers = new Float32Array(halves.length);
  const bits = new Uint32Array(numbers.buffer);
  for (let i = 0; i < halves.length; i++) {
    const half = halves[i] as number;
    const sign = (half & 0x8000) << 16;
    const rest = half & 0x7fff;
    if (rest >= 0x7c00) bits[i] = sign | 0x7f800000 | ((rest & 0x3ff) << 13);
    else if (rest >= 0x400) bits[i] = sign | ((rest << 13) + (112 << 23));
    else numbers[i] = (sign < 0 ? -rest : rest) * 2 ** -24;
  }
  return numbers;
}

/** The numbers of BF16 bit patterns. Exact; NaNs keep their payload. */
export function fromBF16(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = (halves[i] as number) << 16;
  return new Float32Array(bits.buffer);
}

/**
 * Rounds to nearest, ties to even, in one step also from f64. Numbers that are too large become ±∞. A NaN keeps its sign
 * and the upper bits of its payload.
 */
export function toHalves(numbers: Float64Array | Float32Array, half: Half): Uint16Array {
  const { mantissa, smallest } = half;
  const infinity = 0x8000 - 2 ** mantissa;
  const halves = new Uint16Array(numbers.length);
  const wide = new Float64Array(1);
  const wideBits = new Uint32Array(wide.buffer);
  for (let i = 0; i < numbers.length; i++) {
    const value = numbers[i] as number;
    if (Number.isNaN(value)) {
      halves[i] = nanBits(numbers, i, mantissa) | infinity;
      continue;
    }
    wide[0] = value;
    const upper = wideBits[1] as number;
    // Zero and subnormal numbers have exponent −1023 here, which the maximum lifts like all that are below `smallest`.
    const exponent = Math.max(((upper >>> 20) & 0x7ff) - 1023, smallest);
    // In units of the last place, exactly: a power of two divides without error. Adding 2^52 rounds to even.
    const units = Math.abs(value) / 2 ** (exponent - mantissa) + 2 ** 52 - 2 ** 52;
    // A normal number's leading bit adds one to the exponent field, and so does a carry.
    const bits = Math.min((exponent - smallest) * 2 ** mantissa + units, infinity);
    halves[i] = ((upper >>> 16) & 0x8000) | bits;
  }
  return halves;
}

/** Sign and payload of the NaN at `i`, from its bits: arithmetic on a signalling NaN would change them. */
function nanBits(numbers: Float64Array | Float32Array, i: number, mantissa: number): number {
  const size = numbers.BYTES_PER_ELEMENT;
  const words = new Uint32Array(numbers.buffer, numbers.byteOffset + i * size, size / 4);
  const upper = words[words.length - 1] as number;
  const width = size === 4 ? 23 : 20;
  const payload = (upper & (2 ** width - 1)) >>> (width - mantissa);
  return ((upper >>> 16) & 0x8000) | (payload === 0 ? 2 ** (mantissa - 1) : payload);
}
