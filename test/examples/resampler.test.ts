import { describe, expect, it } from "vitest";
import { Resampler } from "../../examples/vad-page/resampler.js";

const sine = (rate: number, frequency: number, count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.sin((2 * Math.PI * frequency * i) / rate));

/** Of the outputs behind the filter's beginning, the greatest distance from what is expected. */
function worst(made: Float32Array, expected: Float32Array): number {
  let most = 0;
  for (let i = 100; i < made.length; i++) {
    most = Math.max(most, Math.abs((made[i] as number) - (expected[i] as number)));
  }
  return most;
}

describe("the page's resampler", () => {
  it("the same rate: samples as they are", () => {
    const samples = sine(16_000, 440, 128);
    expect(new Resampler(16_000, 16_000).push(samples)).toBe(samples);
  });

  it.each([48_000, 44_100, 8_000])(
    "%d Hz to 16 kHz: a tone of 1 kHz within 2e-3, where it was",
    (rate) => {
      const made = new Resampler(rate, 16_000).push(sine(rate, 1000, rate));
      expect(made.length).toBeGreaterThan(15_900);
      expect(worst(made, sine(16_000, 1000, made.length))).toBeLessThan(2e-3);
    },
  );

  it("48 kHz to 16 kHz: a tone of 10 kHz, which 16 kHz cannot hold, is below 2 %", () => {
    const made = new Resampler(48_000, 16_000).push(sine(48_000, 10_000, 48_000));
    expect(worst(made, new Float32Array(made.length))).toBeLessThan(0.02);
  });

  it("128 samples at a time: the same within 1e-6 as at once", () => {
    const samples = sine(44_100, 700, 44_100 - (44_100 % 128));
    const [whole, parts] = [new Resampler(44_100, 16_000), new Resampler(44_100, 16_000)];
    const made: number[] = [];
    for (let at = 0; at < samples.length; at += 128) {
      made.push(...parts.push(samples.subarray(at, at + 128)));
    }
    const expected = whole.push(samples);
    expect(made.length).toBe(expected.length);
    expect(worst(Float32Array.from(made), expected)).toBeLessThan(1e-6);
  });
});
