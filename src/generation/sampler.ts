import { Layout } from "../sequence/layout.js";
import { type Block, Shared } from "../wasm/arena.js";
import type { EngineCore } from "../wasm/engine.js";
import { type SamplingKernels, samplingKernels } from "../wasm/sampling_kernels.js";
import type { Sampling } from "./options.js";

/** Words of the seed of a row: a u64, and which of its numbers comes next. */
const SEED_WORDS = 4;
/** Flags of a token (assembly/heads/sample.ts). */
const SEEN = 1;
const FORBIDDEN = 2;

/** Draws a token for each row of logits. A draw allocates nothing. */
export class Sampler extends Shared {
  /** Where the tokens of the rows go: (capacity) i32, given by the maker. */
  readonly tokens: number;
  readonly #engine: EngineCore;
  readonly #kernels: SamplingKernels;
  readonly #sampling: Sampling;
  readonly #n: number;
  readonly #capacity: number;
  readonly #block: Block;
  readonly #seeds: number;
  readonly #logProbs: number;
  readonly #flags: number;
  readonly #scratch: number;
  // Growth detaches views; they are renewed when the arena has grown.
  #growth = -1;
  #tokenView: Int32Array | undefined;
  #logProbView: Float64Array | undefined;
  #seedView: Int32Array | undefined;
  #flagView: Uint8Array | undefined;

  /**
   * @param n the number of different tokens
   * @param tokens a pointer to (capacity) i32
   * @param flagged whether tokens have flags: for a penalty, and where some are forbidden
   */
  constructor(
    engine: EngineCore,
    sampling: Sampling,
    { n, capacity, tokens, flagged }: SamplerShape,
  ) {
    super();
    this.tokens = tokens;
    this.#engine = engine;
    this.#kernels = samplingKernels(engine);
    this.#sampling = sampling;
    this.#n = n;
    this.#capacity = capacity;
    const layout = new Layout();
    const seeds = layout.take(capacity * SEED_WORDS, Int32Array.BYTES_PER_ELEMENT);
    const logProbs = layout.take(capacity);
    const flags = layout.take(flagged ? capacity * n : 0, 1);
    const scratch = layout.take(3 * n);
    this.#block = engine.arena.allocate(layout.bytes);
    const { pointer } = this.#block;
    this.#seeds = pointer + seeds;
    this.#logProbs = pointer + logProbs;
    this.#flags = flagged ? pointer + flags : 0;
    this.#scratch = pointer + scratch;
  }

  /** Begins a sample in a row: its seed, the tokens that have occurred, and whether all others are forbidden at first. */
  begin(row: number, seed: number, { seen, isBound }: RowStart): void {
    this.#renewViews();
    const seeds = this.#seedView as Int32Array;
    const at = row * SEED_WORDS;
    seeds[at] = seed % 2 ** 32;
    seeds[at + 1] = Math.floor(seed / 2 ** 32);
    seeds[at + 2] = 0;
    seeds[at + 3] = 0;
    if (this.#flags === 0) return;
    const first = row * this.#n;
    this.#flagView?.fill(isBound ? FORBIDDEN : 0, first, first + this.#n);
    for (const token of seen) this.see(row, token);
  }

  /** Says that a token has occurred in a row. */
  see(row: number, token: number): void {
    if (this.#flags === 0) return;
    this.#renewViews();
    const flags = this.#flagView as Uint8Array;
    const at = row * this.#n + token;
    flags[at] = (flags[at] as number) | SEEN;
  }

  allow(row: number, token: number): void {
    const flags = this.#flagView as Uint8Array;
    const at = row * this.#n + token;
    flags[at] = (flags[at] as number) & ~FORBIDDEN;
  }

  forbid(row: number, token: number): void {
    const flags = this.#flagView as Uint8Array;
    const at = row * this.#n + token;
    flags[at] = (flags[at] as number) | FORBIDDEN;
  }

  /** Says that the number which was drawn for a row is used. */
  use(row: number): void {
    const seeds = this.#seedView as Int32Array;
    const at = row * SEED_WORDS + 2;
    seeds[at] = (seeds[at] as number) + 1;
  }

  /** Draws a token for each of the first m rows. */
  sample(m: number, logits: number): void {
    const { temperature, topK, topP, minP, penalty } = this.#sampling;
    this.#kernels.sample_rows(
      m,
      this.#n,
      temperature,
      topK,
      topP,
      minP,
      penalty,
      logits,
      this.#flags,
      this.#seeds,
      this.tokens,
      this.#logProbs,
      this.#scratch,
    );
    this.#renewViews();
  }

  token(row: number): number {
    return (this.#tokenView as Int32Array)[row] as number;
  }

  /** The log-probabilities of the tokens that were drawn last. Valid until the next allocation. */
  get logProbs(): Float64Array {
    return this.#logProbView as Float64Array;
  }

  /** Sets the token that a row reads next. */
  setToken(row: number, token: number): void {
    this.#renewViews();
    (this.#tokenView as Int32Array)[row] = token;
  }

  /** Moves a row to another place. */
  move(from: number, to: number): void {
    this.#renewViews();
    const seeds = this.#seedView as Int32Array;
    seeds.copyWithin(to * SEED_WORDS, from * SEED_WORDS, (from + 1) * SEED_WORDS);
    this.setToken(to, this.token(from));
    this.#flagView?.copyWithin(to * this.#n, from * this.#n, (from + 1) * this.#n);
  }

  protected free(): void {
    this.#block.release();
  }

  #renewViews(): void {
    const { arena } = this.#engine;
    if (this.#growth === arena.growth) return;
    this.#tokenView = arena.i32(this.tokens, this.#capacity);
    this.#logProbView = arena.f64(this.#logProbs, this.#capacity);
    this.#seedView = arena.i32(this.#seeds, this.#capacity * SEED_WORDS);
    if (this.#flags !== 0) {
      const { buffer } = arena.i32(this.#flags, 1);
      this.#flagView = new Uint8Array(buffer, this.#flags, this.#capacity * this.#n);
    }
    this.#growth = arena.growth;
  }
}

interface SamplerShape {
  readonly n: number;
  readonly capacity: number;
  readonly tokens: number;
  readonly flagged: boolean;
}

interface RowStart {
  readonly seen: Int32Array;
  readonly isBound: boolean;
}
