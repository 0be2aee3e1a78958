import type { LanguageNetwork } from "../model/language_network.js";
import { type Block, Shared } from "../wasm/arena.js";
import type { Branch } from "./continuations.js";
import type { Sampling } from "./options.js";
import type { Sample, SampleRules } from "./sample.js";
import { Sampler } from "./sampler.js";
import { StateRows } from "./state_rows.js";

const NOTHING = new Int32Array(0);

/** A sample that is to begin, and the state from which it reads its prompt. */
export interface Beginning {
  readonly sample: Sample;
  readonly state: Block;
  /** The whole prompt: of it `sample.prompt` is what the state has not read. */
  readonly prompt: Int32Array;
}

/**
 * Samples side by side, one pass a step. A sample that ends leaves its row to the next one, or to the last row. A sample
 * gives what it gives alone.
 */
export class SampleBatch extends Shared {
  readonly #where: string;
  readonly #rules: SampleRules;
  readonly #rows: StateRows;
  readonly #sampler: Sampler;
  /** The samples of the first rows. */
  readonly #samples: Sample[] = [];
  readonly #isFlagged: boolean;

  constructor(
    where: string,
    language: LanguageNetwork,
    capacity: number,
    { rules, sampling }: { readonly rules: SampleRules; readonly sampling: Sampling },
  ) {
    super();
    this.#where = where;
    this.#rules = rules;
    const { engine, tokenCount } = language.network;
    this.#isFlagged = rules.allowed !== undefined || sampling.penalty !== 1;
    this.#rows = new StateRows(language, capacity);
    try {
      this.#sampler = new Sampler(engine, sampling, {
        n: tokenCount,
        capacity,
        tokens: this.#rows.tokens,
        flagged: this.#isFlagged,
      });
    } catch (error) {
      this.#rows.release();
      throw error;
    }
  }

  get size(): number {
    return this.#samples.length;
  }

  get hasRoom(): boolean {
    return this.size < this.#rows.capacity;
  }

  protected free(): void {
    this.#sampler.release();
    this.#rows.release();
  }

  /** Adds a sample in a row of its own. */
  add({ sample, state, prompt }: Beginning): void {
    const row = this.#samples.length;
    this.#samples.push(sample);
    this.#rows.load(row, state.pointer);
    const { allowed } = this.#rules;
    const seen = this.#isFlagged ? prompt : NOTHING;
    this.#sampler.begin(row, sample.seed, { seen, isBound: allowed !== undefined });
    if (allowed !== undefined) this.#open(row, allowed.root);
  }

  /**
   * One step: the rows that have read their prompts draw a token, then all rows read theirs.
   *
   * @param ended takes a sample that has ended, whose row is free then
   */
  step(ended: (sample: Sample) => void): void {
    const samples = this.#samples;
    if (samples.some(isReady)) this.#draw(ended);
    for (let row = 0; row < samples.length; row++) {
      const sample = samples[row] as Sample;
      if (isReady(sample)) continue;
      this.#sampler.setToken(row, sample.prompt[sample.read++] as number);
    }
    if (samples.length > 0) this.#rows.advance(samples.length);
  }

  #draw(ended: (sample: Sample) => void): void {
    const samples = this.#samples;
    const m = samples.length;
    this.#sampler.sample(m, this.#rows.logits(m));
    // Downwards: the last row, which fills a gap, was looked at before.
    for (let row = m - 1; row >= 0; row--) {
      const sample = samples[row] as Sample;
      if (!isReady(sample)) continue;
      this.#take(row, sample);
      if (sample.reason === undefined) continue;
      this.#leave(row);
      ended(sample);
    }
  }

  /** Gives a sample the token that was drawn. */
  #take(row: number, sample: Sample): void {
    const token = this.#sampler.token(row);
    if (token < 0) {
      const kind = sample.branch === undefined ? "any token" : "a token that is allowed";
      throw new RangeError(
        `${this.#where}: the model gives no probability to ${kind} after ${sample.count} tokens: its weights, or its state, hold NaN or Infinity`,
      );
    }
    this.#sampler.use(row);
    this.#sampler.see(row, token);
    const { branch } = sample;
    if (branch !== undefined) sample.branch = this.#follow(row, branch, token);
    sample.take(token, this.#sampler.logProbs, row);
  }

  /** Frees a row. */
  #leave(row: number): void {
    const last = this.#samples.length - 1;
    const moved = this.#samples.pop() as Sample;
    if (row === last) return;
    this.#samples[row] = moved;
    this.#rows.take(this.#rows, last, row);
    this.#sampler.move(last, row);
  }

  /** Allows what comes after `token` in place of its siblings. */
  #follow(row: number, branch: Branch, token: number): Branch {
    const { allowed } = this.#rules;
    let followed = branch;
    allowed?.each(branch, (id, next) => {
      this.#sampler.forbid(row, id);
      if (id === token) followed = next;
    });
    this.#open(row, followed);
    return followed;
  }

  #open(row: number, branch: Branch): void {
    this.#rules.allowed?.each(branch, (id) => {
      this.#sampler.allow(row, id);
    });
  }
}

/** Whether a sample has read its prompt. */
const isReady = ({ read, prompt }: Sample): boolean => read === prompt.length;
