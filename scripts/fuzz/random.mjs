/** Seeded numbers (mulberry32), and choices made by them. */
export class Random {
  #state;

  constructor(seed) {
    this.#state = seed >>> 0;
  }

  /** A number from 0 to below 1. */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer from 0 to below n. */
  below(n) {
    return Math.floor(this.next() * n);
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  chance(probability) {
    return this.next() < probability;
  }
}

/** Integers at which readers err: ends of ranges, sizes of types, powers of two and their neighbours. */
export const INTEGERS = [
  ...[0, 1, 2, 3, 4, 7, 8, 255, 256, 65_535, 65_536, -1, -8],
  ...[2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 52, 2 ** 53 - 1, 2 ** 53],
];

/** Changes some bytes of a copy; a third of the changes hit a run of up to 8. */
export function flipBytes(random, bytes, most = 8) {
  const copy = Uint8Array.from(bytes);
  for (let i = 1 + random.below(most); i > 0 && copy.length > 0; i--) {
    const at = random.below(copy.length);
    const value = random.chance(0.5)
      ? random.pick([0, 1, 2, 4, 8, 127, 128, 255])
      : random.below(256);
    copy.fill(value, at, at + (random.chance(0.3) ? 1 + random.below(8) : 1));
  }
  return copy;
}

/** Cuts bytes off, or adds some. */
export function resize(random, bytes) {
  const length = random.chance(0.7)
    ? random.below(bytes.length + 1)
    : bytes.length + random.pick([1, 7, 64]);
  const copy = new Uint8Array(length);
  copy.set(bytes.subarray(0, length));
  return copy;
}
