// Dropout's masks in plain JavaScript: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) in integers of any size.

const MASK = (1n << 64n) - 1n;

/** Uniform number i of a seed, in [0, 1): the upper 53 bits of number i of SplitMix64's sequence. */
function uniformOf(seed: bigint, i: bigint): number {
  let z = (seed + (i + 1n) * 0x9e3779b97f4a7c15n) & MASK;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK;
  return Number((z ^ (z >> 31n)) >> 11n) * 2 ** -53;
}

/** Number i of the masks of a seed: 0 with probability p, else 1 / (1 − p). */
export const dropoutMask = (seed: bigint, i: bigint, p: number): number =>
  uniformOf(seed, i) < p ? 0 : 1 / (1 - p);
