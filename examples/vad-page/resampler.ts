/** Zero crossings of the filter on each side of its middle. */
const CROSSINGS = 16;

/**
 * Brings a stream of samples to another rate, with a windowed sinc (Hann, 16 crossings on each side), which also removes what
 * the lower rate cannot hold. Samples of the same rate pass as they are.
 */
export class Resampler {
  readonly #step: number;
  readonly #cutoff: number;
  readonly #reach: number;
  /** Samples that are still needed, and where the next output lies among them. */
  #kept: Float32Array;
  #place: number;

  constructor(from: number, to: number) {
    this.#step = from / to;
    this.#cutoff = Math.min(1, to / from);
    this.#reach = Math.ceil(CROSSINGS / this.#cutoff);
    this.#kept = new Float32Array(this.#reach);
    this.#place = this.#reach;
  }

  /** The samples that can be computed by now. */
  push(samples: Float32Array): Float32Array {
    if (this.#step === 1) return samples;
    const all = new Float32Array(this.#kept.length + samples.length);
    all.set(this.#kept);
    all.set(samples, this.#kept.length);
    const made: number[] = [];
    while (this.#place + this.#reach < all.length) {
      made.push(this.#at(all, this.#place));
      this.#place += this.#step;
    }
    const spent = Math.max(Math.floor(this.#place) - this.#reach, 0);
    this.#kept = all.slice(spent);
    this.#place -= spent;
    return Float32Array.from(made);
  }

  #at(samples: Float32Array, place: number): number {
    const first = Math.ceil(place - this.#reach);
    const last = Math.floor(place + this.#reach);
    let sum = 0;
    for (let i = Math.max(first, 0); i <= last; i++) {
      const x = (i - place) * this.#cutoff;
      const window = 0.5 + 0.5 * Math.cos((Math.PI * x) / CROSSINGS);
      if (Math.abs(x) >= CROSSINGS) continue;
      sum += (samples[i] ?? 0) * window * sinc(x) * this.#cutoff;
    }
    return sum;
  }
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
