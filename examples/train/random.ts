/** Uniform numbers in [0, 1). */
export type Random = () => number;

/**
 * A seeded generator, which gives the same numbers on every machine. Good enough for the ends of lines.
 * Source: Tommy Ettinger's mulberry32 (https://gist.github.com/tommyettinger/46a874533244883189143505d203312c).
 */
export function mulberry32(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
}
