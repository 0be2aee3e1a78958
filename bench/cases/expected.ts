// The expected output of each case, from the tests' oracle: plain loops in float64 (test/oracle).
import { sigmoid } from "../../test/oracle/activations.js";
import { gatesOf, lstmGeneralForward } from "../../test/oracle/cells.js";
import { tokenLogProbs } from "../../test/oracle/model.js";
import {
  type Recurrent,
  type RecurrentOptions,
  type RecurrentWeights,
  recurrentForward,
} from "../../test/oracle/recurrent.js";
import { add } from "../../test/oracle/tensor.js";
import { plus, times } from "../../test/oracle/vector.js";
import { type Case, callsBeforeCheck, gates, type Sizes } from "./cases.js";
import { join, type Operands } from "./data.js";
import type { LanguageCase, Reading } from "./language.js";
import { type ModelFile, stored } from "./model_file.js";

/** The cell that brain.js calls LSTM has no cell state: its forget gate weighs the hidden state. */
export type CellKind = "usual" | "brain";

const plain = (name: "sigmoid" | "tanh") => ({ name, alpha: 0, beta: 0 });
const LSTM: RecurrentOptions = {
  cell: "lstm",
  activations: [plain("sigmoid"), plain("tanh"), plain("tanh")],
};
const RNN: RecurrentOptions = { cell: "rnn", activations: [plain("tanh")] };

function weightsOf({ work, nx, na }: Case, o: Operands): RecurrentWeights {
  const rows = gates(work) * na;
  return {
    weight_ih: { shape: [rows, nx], data: o.weight_ih },
    weight_hh: { shape: [rows, na], data: o.weight_hh },
    bias_ih: { shape: [rows], data: o.bias_ih },
    bias_hh: { shape: [rows], data: o.bias_hh },
  };
}

/** Sequence b of (T, m, n), as (T, n). */
function sequenceOf(data: Float64Array, { m, T }: Sizes, n: number, b: number) {
  const rows = Array.from({ length: T }, (_, t) =>
    data.subarray((t * m + b) * n, (t * m + b + 1) * n),
  );
  return { shape: [T, n], data: join(...rows) };
}

/** The inverse, of all sequences: (T, m, n). */
function together(sequences: readonly Float64Array[], T: number): Float64Array {
  const n = (sequences[0]?.length ?? 0) / T;
  const steps = Array.from({ length: T }, (_, t) =>
    sequences.map((data) => data.subarray(t * n, (t + 1) * n)),
  );
  return join(...steps.flat());
}

/** The hidden states of brain.js's cell over one sequence. */
function brainForward(weights: RecurrentWeights, x: Float64Array, { nx, na, T }: Sizes) {
  let h = new Float64Array(na);
  const steps = Array.from({ length: T }, (_, t) => {
    const input = plus(
      times(weights.weight_ih, x.slice(t * nx, (t + 1) * nx)),
      weights.bias_ih.data,
    );
    const z = plus(input, plus(times(weights.weight_hh, h), weights.bias_hh.data));
    const step = { m: 1, na, coupled: false, peepholes: undefined, cPrev: h };
    h = Float64Array.from(lstmGeneralForward(step, z, gatesOf(LSTM.activations)).h);
    return h;
  });
  return join(...steps);
}

/** dx, dweight_ih, dweight_hh and dbias, one after the other, for the loss Σ y·dy. */
function gradients(one: Case, o: Operands, runs: readonly Recurrent[]): Float64Array {
  const all = runs.map(({ backward }, b) => backward(sequenceOf(o.dy, one, one.na, b)));
  const sum = (name: "weight_ih" | "weight_hh" | "bias_ih") =>
    all.map(({ dweights }) => dweights[name]).reduce(add).data;
  const dx = together(
    all.map((each) => each.dx.data),
    one.T,
  );
  return join(dx, sum("weight_ih"), sum("weight_hh"), sum("bias_ih"));
}

/** The expected result: hidden states (T, m, na), one step's (m, na), gradients, or the mapped values. */
export function expected(one: Case, o: Operands, cell: CellKind): Float64Array {
  const { nx, na, m, T, work } = one;
  if (work === "tanh-map") return o.x.map(Math.tanh);
  if (work === "sigmoid-map") return o.x.map(sigmoid);
  const weights = weightsOf(one, o);
  const sequences = Array.from({ length: m }, (_, b) => sequenceOf(o.x, one, nx, b));
  const zero = new Float64Array(na);
  const runs = () =>
    sequences.map((x) =>
      recurrentForward(work === "rnn-forward" ? RNN : LSTM, weights, x, zero, zero),
    );
  if (work === "lstm-train") return gradients(one, o, runs());
  const states =
    cell === "usual"
      ? runs().map(({ y }) => y.data)
      : sequences.map(({ data }) => brainForward(weights, data, one));
  const all = together(states, T);
  if (work !== "lstm-step") return all;
  const step = callsBeforeCheck(work);
  return all.slice((step - 1) * m * na, step * m * na);
}

/** The network of a model's file, as the oracle takes it. */
function networkOf(file: ModelFile) {
  const weights = [...file].filter(([name]) => name.startsWith("lstm."));
  const [rows = 0, inputSize = 0] = stored(file, "lstm.weight_ih_l0").shape;
  const options = {
    cell: "lstm",
    inputSize,
    hiddenSize: rows / 4,
    layers: weights.filter(([name]) => name.includes("weight_ih")).length,
  } as const;
  const named = weights.map(([name, value]) => [name.slice("lstm.".length), value] as const);
  return {
    input: { kind: "embedding", weight: stored(file, "embedding.weight") },
    recurrent: [{ options, weights: Object.fromEntries(named) }],
    dense: [
      {
        weight: stored(file, "decoder.weight"),
        bias: stored(file, "decoder.bias"),
        activation: "identity",
      },
    ],
  } as const;
}

/** The log-probability of every token but the first, given those before it; the state starts at zero. */
export const tokenLogProbabilities = (file: ModelFile, tokens: readonly number[]): number[] =>
  tokenLogProbs(networkOf(file), tokens);

/** The lines to score: of a large case every 50th and the last, which takes seconds of plain loops. */
const scored = (i: number, m: number): boolean => m <= 200 || i % 50 === 0 || i === m - 1;

/** The score of each line, NaN for lines left out; of a stream, that of the token in the last call before the check. */
export function expectedScores(
  one: LanguageCase,
  { model, vocabulary, lines }: Reading,
): Float64Array {
  const pushed = callsBeforeCheck(one.work);
  return Float64Array.from(lines, (line, i) => {
    if (!scored(i, lines.length)) return Number.NaN;
    const tokens = [...line].map((character) => vocabulary[character] as number);
    if (one.work === "stream-tokens") {
      return tokenLogProbabilities(model, tokens.slice(0, pushed)).at(-1) as number;
    }
    return tokenLogProbabilities(model, tokens).reduce((sum, value) => sum + value, 0);
  });
}
