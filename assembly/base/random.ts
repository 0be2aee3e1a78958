// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) at any place of its sequence: number i of a seed is a function of seed + i,
// so that what was drawn is known from a count alone. A uniform number in [0, 1) is the upper 53 bits.

const GOLDEN: u64 = 0x9e3779b97f4a7c15;

/** Uniform number i of a seed, in [0, 1). */
// @ts-ignore: decorator
@inline
export function uniformAt(seed: u64, i: u64): f64 {
  let z = seed + (i + 1) * GOLDEN;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return <f64>((z ^ (z >> 31)) >> 11) * 1.1102230246251565e-16; // 2^−53
}

/** A seed of its halves. */
// @ts-ignore: decorator
@inline
export function seedOf(low: u32, high: u32): u64 {
  return ((<u64>high) << 32) | (<u64>low);
}
