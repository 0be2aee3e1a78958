import { ITEM } from "../wasm/abi.js";
import { type EngineCore, withScratch } from "../wasm/engine.js";
import { outputKernels } from "../wasm/kernel_sets.js";
import { type BatchResults, type NetworkSequence, readAll, type SequenceWork } from "./batching.js";
import type { Network } from "./network.js";
import type { InitialState } from "./network_pass.js";
import type { ScoringNetwork } from "./scoring_network.js";
import type { Sequence } from "./vocabulary.js";

/** How likely a model finds a sequence. */
export interface Score {
  /** The sum of `tokenLogProbs`, in nats. */
  readonly logProb: number;
  /**
   * The log-probability of each token given those before it, in nats. Without a start token the first token has none: it
   * conditions only.
   */
  readonly tokenLogProbs: Float64Array;
  /** The number of tokens that were scored. */
  readonly tokens: number;
  /** exp(−logProb / tokens); NaN if nothing was scored. */
  readonly perplexity: number;
  /** −logProb / (tokens·ln 2); NaN if nothing was scored. */
  readonly bitsPerToken: number;
}

/** A sequence that was checked and copied, or its error. */
export type GivenSequence = string | Int32Array | Error;

/** Checks and copies the sequences of a list. */
export const readSequences = (
  where: string,
  { tokenizer }: ScoringNetwork,
  sequences: readonly Sequence[],
): GivenSequence[] =>
  readAll(where, sequences, (sequence, name) => tokenizer.read(where, name, sequence));

/** Where all sequences begin, if not at zeros. */
export interface ScoreStart {
  /** Called first. `close` releases what it allocates. */
  open(): InitialState;
  close(): void;
  /** The log-probabilities of the first token, once it is open and if there are any. */
  readonly first: Float64Array | undefined;
}

/** Scores sequences: the log-probability of each target is taken from the logits as they come, which are never kept. */
export class ScoreWork implements SequenceWork<Score> {
  readonly network: Network;
  readonly count: number;
  readonly output = "steps";
  readonly #where: string;
  readonly #language: ScoringNetwork;
  readonly #given: readonly GivenSequence[];
  readonly #from: ScoreStart | undefined;
  /** All tokens of each sequence, those that are read and last the final target. */
  readonly #tokens: Int32Array[] = [];

  constructor(
    where: string,
    language: ScoringNetwork,
    given: readonly GivenSequence[],
    from?: ScoreStart,
  ) {
    this.network = language.network;
    this.count = given.length;
    this.#where = where;
    this.#language = language;
    this.#given = given;
    this.#from = from;
  }

  open(): InitialState | undefined {
    return this.#from?.open();
  }

  close(): void {
    this.#from?.close();
  }

  *read(i: number): Generator<void, NetworkSequence, void> {
    const given = this.#given[i] as GivenSequence;
    if (given instanceof Error) throw given;
    const { tokenizer, start } = this.#language;
    let tokens = yield* tokenizer.encode(this.#where, `sequences[${i}]`, given);
    const units = typeof given === "string" ? given.length : 0;
    if (start !== undefined && this.#from === undefined) {
      const all = new Int32Array(tokens.length + 1);
      all[0] = start;
      all.set(tokens, 1);
      tokens = all;
    }
    this.#tokens[i] = tokens;
    return { steps: Math.max(tokens.length - 1, 0), tokens, units };
  }

  begin(members: readonly number[]): BatchResults<Score> {
    const { engine } = this.network;
    const { arena } = engine;
    const { score_rows } = outputKernels(engine);
    const firsts = this.#from?.first;
    const all = members.map((i) => this.#tokens[i] as Int32Array);
    const logProbs = all.map((tokens) => {
      const first = firsts?.[tokens[0] as number];
      const own = new Float64Array(Math.max(tokens.length - 1, 0) + (first === undefined ? 0 : 1));
      if (first !== undefined) own[0] = first;
      return own;
    });
    const shift = firsts === undefined ? 0 : 1;
    return {
      take: ({ rows, pointer, sequences, steps, scratch }) => {
        const target = scratch + rows * ITEM;
        const targets = arena.i32(target, rows);
        for (let r = 0; r < rows; r++) {
          const tokens = all[sequences[r] as number] as Int32Array;
          targets[r] = tokens[(steps[r] as number) + 1] as number;
        }
        score_rows(rows, this.network.dense.outputSize, pointer, target, scratch);
        const found = arena.f64(scratch, rows);
        for (let r = 0; r < rows; r++) {
          const own = logProbs[sequences[r] as number] as Float64Array;
          own[(steps[r] as number) + shift] = found[r] as number;
        }
      },
      finish: () => scoresOf(this.network.engine, logProbs),
    };
  }
}

/** The scores of sequences. The perplexity is computed by the engine's exp, so that every host gives the same bits. */
function scoresOf(engine: EngineCore, all: readonly Float64Array[]): Score[] {
  const { arena } = engine;
  const m = all.length;
  const sums = all.map((logProbs) => logProbs.reduce((sum, logProb) => sum + logProb, 0));
  return withScratch(arena, 2 * m * ITEM, ({ pointer }) => {
    arena.f64(pointer, m).set(sums.map((sum, b) => -sum / (all[b] as Float64Array).length));
    outputKernels(engine).exp_map(m, pointer, pointer + m * ITEM);
    const perplexities = arena.f64(pointer + m * ITEM, m);
    return all.map((tokenLogProbs, b) => ({
      logProb: sums[b] as number,
      tokenLogProbs,
      tokens: tokenLogProbs.length,
      perplexity: perplexities[b] as number,
      bitsPerToken: -(sums[b] as number) / (tokenLogProbs.length * Math.LN2),
    }));
  });
}
