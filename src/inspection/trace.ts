import { type ForwardStep, gateElements } from "../cells/cell.js";
import { AbortedError } from "../errors.js";
import { languageOf } from "../generation/model.js";
import { StateRows } from "../generation/state_rows.js";
import type { LanguageModel } from "../model/language_model.js";
import type { LanguageNetwork } from "../model/language_network.js";
import { schedulerOf } from "../model/scheduler.js";
import { checkRunOptions, type SliceOptions } from "../model/time_slices.js";
import type { Sequence } from "../model/vocabulary.js";
import { checkOptions, type OptionNames } from "../options.js";
import type { Weights } from "../sequence/weights.js";
import type { Tensor } from "../tensor.js";
import { ITEM } from "../wasm/abi.js";
import type { Shared } from "../wasm/arena.js";
import type { EngineCore } from "../wasm/engine.js";
import { samplingKernels } from "../wasm/sampling_kernels.js";

/** Options of `trace`. */
export interface TraceOptions extends SliceOptions {}

const NAMES: OptionNames<TraceOptions> = { signal: true, yieldEvery: true };

/** One recurrent layer at every step. */
export interface TraceLayer {
  readonly cell: "rnn" | "lstm" | "gru";
  /** The hidden state after each step, (T, nh). */
  readonly hidden: Tensor;
  /** An LSTM's cell state after each step, (T, na). */
  readonly cellState?: Tensor;
  /**
   * The activated gates of each step, (T, na): `input`, `forget`, `candidate` and `output` of an LSTM; `reset`, `update` and
   * `candidate` of a GRU; none of an RNN.
   */
  readonly gates: Readonly<Record<string, Tensor>>;
}

/** What a model does with a sequence. */
export interface Trace {
  /** The ids of the T tokens that were read: the start token, if the model has one, and those of the sequence. */
  readonly tokens: Int32Array;
  /** Their texts; empty without a vocabulary. */
  readonly texts: readonly string[];
  /** The log-probability of each token given those before it, in nats; NaN for the first. */
  readonly logProbs: Float64Array;
  /** The recurrent layers from below. */
  readonly layers: readonly TraceLayer[];
}

/** The gates of a cell by the block in which its kernels leave them activated. */
const GATES = {
  rnn: {},
  lstm: { input: 0, forget: 1, candidate: 2, output: 3 },
  gru: { reset: 1, update: 2, candidate: 0 },
} as const;
/** Blocks in front of the activated gates: the general kernels keep what goes in, and a GRU's q. */
const firstGate = ({ name, gateBlocks, activations }: Weights["cell"]): number =>
  activations === undefined ? 0 : gateBlocks - { rnn: 0, lstm: 4, gru: 3 }[name];

const zeros = (T: number, n: number): Tensor => ({ shape: [T, n], data: new Float64Array(T * n) });

/** Copies rows of one layer out of linear memory. */
class LayerRecorder {
  readonly layer: TraceLayer;
  readonly #engine: EngineCore;
  readonly #weights: Weights;

  constructor(engine: EngineCore, weights: Weights, T: number) {
    const { cell, na, nh } = weights;
    this.#engine = engine;
    this.#weights = weights;
    const gates = Object.keys(GATES[cell.name]).map((name) => [name, zeros(T, na)] as const);
    this.layer = {
      cell: cell.name,
      hidden: zeros(T, nh),
      ...(cell.hasCellState ? { cellState: zeros(T, na) } : {}),
      gates: Object.fromEntries(gates),
    };
  }

  take(t: number, { h, c, gates }: Readonly<ForwardStep>): void {
    const { cell, na, nh, dtype } = this.#weights;
    const { arena } = this.#engine;
    const { hidden, cellState } = this.layer;
    hidden.data.set(arena.view(dtype.precision, h, nh), t * nh);
    cellState?.data.set(arena.view(dtype.precision, c, na), t * na);
    const row = arena.view(dtype.precision, gates, gateElements(cell, na));
    for (const [name, block] of Object.entries(GATES[cell.name])) {
      const first = (firstGate(cell) + block) * na;
      this.layer.gates[name]?.data.set(row.subarray(first, first + na), t * na);
    }
  }
}

/** Reads a sequence step by step. Yields after each step. */
function* read(
  where: string,
  language: LanguageNetwork,
  given: string | Int32Array,
): Generator<void, Trace, void> {
  const held: Shared[] = [language.retain()];
  const { network, tokenizer, start } = language;
  const { engine, stacks, tokenCount } = network;
  const { log_softmax_rows } = samplingKernels(engine);
  try {
    const own = yield* tokenizer.encode(where, "sequence", given);
    const tokens = start === undefined ? own.slice() : Int32Array.of(start, ...own);
    const T = tokens.length;
    const rows = new StateRows(language, 1);
    held.push(rows);
    const state = language.newState();
    held.push(state);
    engine.arena.i32(state.pointer, language.stateBytes / Int32Array.BYTES_PER_ELEMENT).fill(0);
    rows.load(0, state.pointer);
    const next = engine.arena.allocate(tokenCount * ITEM);
    held.push(next);
    const recorders = stacks.map(({ stack }) =>
      stack.layerDirections.map((weights) => new LayerRecorder(engine, weights, T)),
    );
    const logProbs = new Float64Array(T);
    for (let t = 0; t < T; t++) {
      const token = tokens[t] as number;
      if (t > 0) log_softmax_rows(1, tokenCount, rows.logits(1), next.pointer);
      logProbs[t] =
        t > 0 ? (engine.arena.f64(next.pointer, tokenCount)[token] as number) : Number.NaN;
      engine.arena.i32(rows.tokens, 1)[0] = token;
      rows.advance(1, (s, l, at) => recorders[s]?.[l]?.take(t, at));
      yield;
    }
    const known = tokenizer.vocabulary?.tokens;
    return {
      tokens,
      texts: known === undefined ? [] : Array.from(tokens, (token) => known[token] ?? ""),
      logProbs,
      layers: recorders.flat().map(({ layer }) => layer),
    };
  } finally {
    for (const each of held.reverse()) each.release();
  }
}

/**
 * What every layer of a model does while it reads a sequence: hidden units, cell states and gates at each step, and how
 * likely each token was. The numbers are those of the model itself, in f64 whatever its precision.
 *
 * @throws {TypeError | RangeError} for a value that is no sequence, or a token that the model does not know
 * @throws {StateError} if the model is disposed
 * @throws {AbortedError} if `signal` aborts
 */
export async function trace(
  model: LanguageModel,
  sequence: Sequence,
  options: TraceOptions = {},
): Promise<Trace> {
  const where = "trace";
  const language = languageOf(where, model);
  checkOptions(where, options, NAMES);
  checkRunOptions(where, options);
  const given = language.tokenizer.read(where, "sequence", sequence);
  const { signal, yieldEvery } = options;
  const aborted = (reason: unknown) => new AbortedError(where, [], reason, { done: 0, total: 1 });
  const { engine } = language.network;
  return schedulerOf(engine).run(read(where, language, given), { signal, yieldEvery, aborted });
}
