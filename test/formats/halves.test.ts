import { describe, expect, it } from "vitest";
import { readSafetensors, writeSafetensors } from "../../src/formats/safetensors.js";
import { entry, file } from "./safetensors/by_hand.js";

const ALL = 0x10000;
const patterns = Uint16Array.from({ length: ALL }, (_, i) => i);

/** A file of every bit pattern. */
function everyPattern(dtype: "F16" | "BF16"): Uint8Array {
  const bytes = file(`{"x":${entry(dtype, [ALL], 0, 2 * ALL)}}`, 2 * ALL);
  bytes.set(new Uint8Array(patterns.buffer), bytes.length - 2 * ALL);
  return bytes;
}

/** What a pattern means: the definition of the format. */
function meaning(bits: number, mantissa: number): number {
  const bias = 2 ** (14 - mantissa) - 1;
  const sign = bits >= 0x8000 ? -1 : 1;
  const field = (bits & 0x7fff) >> mantissa;
  const fraction = (bits & (2 ** mantissa - 1)) / 2 ** mantissa;
  if (field === 2 ** (15 - mantissa) - 1) return fraction === 0 ? sign / 0 : Number.NaN;
  return field === 0
    ? sign * fraction * 2 ** (1 - bias)
    : sign * (1 + fraction) * 2 ** (field - bias);
}

/** The 16 bits of what is written. */
function written(dtype: "F16" | "BF16", data: Float64Array | Float32Array): Uint16Array {
  const bytes = writeSafetensors({ x: { dtype, shape: [data.length], data } });
  return new Uint16Array(bytes.slice(bytes.length - 2 * data.length).buffer);
}

describe.each([
  ["F16", 10],
  ["BF16", 7],
] as const)("%s", (dtype, mantissa) => {
  const { tensors } = readSafetensors(everyPattern(dtype), { nonFinite: "allow" });
  const read = tensors.get("x")?.data as Float32Array;

  it("every bit pattern is read as what it means, 65,536 of 65,536", () => {
    expect(read).toBeInstanceOf(Float32Array);
    const wrong = [...patterns].filter((bits) => !Object.is(read[bits], meaning(bits, mantissa)));
    expect(wrong).toEqual([]);
  });

  it("every bit pattern is written back, NaNs with their payload, 0 bits of difference", () => {
    expect(written(dtype, read)).toEqual(patterns);
  });

  it("so it is from f64; every NaN stays one", () => {
    const back = written(dtype, Float64Array.from(read));
    const wrong = [...patterns].filter((bits) =>
      Number.isNaN(read[bits])
        ? !Number.isNaN(meaning(back[bits] as number, mantissa))
        : back[bits] !== bits,
    );
    expect(wrong).toEqual([]);
  });

  it("between each two neighbours: the nearer, the even one half way, also a hair beside it in f64", () => {
    const infinity = 0x8000 - 2 ** mantissa;
    const below = [...patterns.subarray(0, infinity)];
    // The largest number's upper neighbour would be where the next exponent begins.
    const next = (bits: number) =>
      bits + 1 === infinity ? 2 ** (2 ** (14 - mantissa)) : meaning(bits + 1, mantissa);
    const middle = Float64Array.from(below, (bits) => (meaning(bits, mantissa) + next(bits)) / 2);
    expect(written(dtype, middle)).toEqual(Uint16Array.from(below, (bits) => bits + (bits % 2)));
    const hair = (factor: number) => middle.map((value) => value * factor);
    expect(written(dtype, hair(1 + 2 ** -52))).toEqual(Uint16Array.from(below, (bits) => bits + 1));
    expect(written(dtype, hair(1 - 2 ** -52))).toEqual(Uint16Array.from(below));
    const negative = Uint16Array.from(below, (bits) => (bits + (bits % 2)) | 0x8000);
    expect(written(dtype, hair(-1))).toEqual(negative);
  });

  it("what is too large is ±∞, what is too small ±0", () => {
    const data = Float64Array.of(1e300, -1e300, 5e-324, -5e-324, -0);
    const infinity = 0x8000 - 2 ** mantissa;
    expect([...written(dtype, data)]).toEqual([infinity, infinity | 0x8000, 0, 0x8000, 0x8000]);
  });

  it("a NaN whose payload is all in its lower bits stays a NaN", () => {
    const single = new Float32Array(Uint32Array.of(0x7f800001, 0xff800001).buffer);
    const quiet = 0x8000 - 2 ** mantissa + 2 ** (mantissa - 1);
    expect([...written(dtype, single)]).toEqual([quiet, quiet | 0x8000]);
  });
});
