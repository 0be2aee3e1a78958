import { ITEM } from "../wasm/abi.js";
import { type EngineCore, withScratch } from "../wasm/engine.js";
import { trainerKernels } from "../wasm/trainer_kernels.js";

const square = (x: number): number => x * x;

/** A seed: an integer in 0 … 2^53 − 1. */
export interface Seed {
  readonly low: number;
  readonly high: number;
}

export const seedOf = (seed: number): Seed => ({
  low: seed >>> 0,
  high: Math.floor(seed / 2 ** 32),
});

/**
 * Seeded random numbers, the same on every host: SplitMix64 (assembly/optim/random.ts). Number i of a seed is a function of
 * both, so that `drawn`, a count, is the whole state.
 */
export class Random {
  readonly seed: Seed;
  /** How many uniform numbers were drawn. */
  drawn: number;
  readonly #engine: EngineCore;

  constructor(engine: EngineCore, seed: number, drawn = 0) {
    this.#engine = engine;
    this.seed = seedOf(seed);
    this.drawn = drawn;
  }

  /** n uniform numbers in [0, 1). */
  uniform(n: number): Float64Array {
    const { arena } = this.#engine;
    const kernels = trainerKernels(this.#engine);
    return withScratch(arena, n * ITEM, ({ pointer }) => {
      kernels.random_map(n, this.seed.low, this.seed.high, this.drawn, pointer);
      this.drawn += n;
      return arena.f64(pointer, n).slice();
    });
  }

  /** n uniform numbers in [low, high). */
  between(n: number, low: number, high: number): Float64Array {
    return this.uniform(n).map((u) => low + (high - low) * u);
  }

  /** n numbers of the standard normal distribution, by the polar method (Marsaglia and Bray 1964), in pairs. */
  normal(n: number): Float64Array {
    const numbers = new Float64Array(n);
    for (let made = 0; made < n; ) {
      const wanted = Math.ceil((n - made) / 2);
      const u = this.between(2 * wanted, -1, 1);
      const sums = new Float64Array(wanted).map(
        (_, i) => square(u[2 * i] as number) + square(u[2 * i + 1] as number),
      );
      const logs = this.#logarithms(sums);
      for (let i = 0; i < wanted && made < n; i++) {
        const s = sums[i] as number;
        if (s >= 1 || s === 0) continue;
        const factor = Math.sqrt((-2 * (logs[i] as number)) / s);
        numbers[made++] = (u[2 * i] as number) * factor;
        if (made < n) numbers[made++] = (u[2 * i + 1] as number) * factor;
      }
    }
    return numbers;
  }

  /** 0 … n − 1 in random order (Fisher and Yates). */
  order(n: number): Int32Array {
    const order = Int32Array.from({ length: n }, (_, i) => i);
    const u = this.uniform(n);
    for (let i = n - 1; i > 0; i--) {
      const j = Math.floor((u[i] as number) * (i + 1));
      const moved = order[i] as number;
      order[i] = order[j] as number;
      order[j] = moved;
    }
    return order;
  }

  /** By our kernel: a host's own Math.log may differ in the last bit. */
  #logarithms(x: Float64Array): Float64Array {
    const { arena } = this.#engine;
    const kernels = trainerKernels(this.#engine);
    return withScratch(arena, x.length * ITEM, ({ pointer }) => {
      arena.f64(pointer, x.length).set(x);
      kernels.log_map(x.length, pointer, pointer);
      return arena.f64(pointer, x.length).slice();
    });
  }
}
