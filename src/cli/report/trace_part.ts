import type { ModelDescription, RecurrentDescription, StoredNumbers } from "../../index.js";
import type { MapData, TraceData } from "./data.js";

/** Tokens over which activations are shown, and units of each map. */
const [MOST_TOKENS, MOST_UNITS] = [120, 96];

type Numbers = Float64Array | Float32Array;

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** W·x + b, or W·x. */
function affine(
  weight: StoredNumbers,
  x: ArrayLike<number>,
  bias: Numbers | undefined,
): Float64Array {
  const [rows = 0, columns = 0] = weight.shape;
  return Float64Array.from({ length: rows }, (_, i) => {
    let sum = bias?.[i] ?? 0;
    for (let j = 0; j < columns; j++)
      sum += (weight.data[i * columns + j] as number) * (x[j] as number);
    return sum;
  });
}

/** The gates of a step under their names, and the state after it. */
interface Step {
  readonly h: Float64Array;
  readonly c: Float64Array;
  readonly gates: Readonly<Record<string, Float64Array>>;
}

/** One step of a cell by PyTorch's formulas, as plain loops: x and h as products, the blocks of gates in its order. */
function stepOf(
  cell: string,
  [fromInput, fromState]: readonly [Float64Array, Float64Array],
  { h, c }: Omit<Step, "gates">,
): Step {
  const na = h.length;
  const block = (of: Float64Array, k: number, i: number): number => of[k * na + i] as number;
  const gate = (k: number, f: (x: number) => number): Float64Array =>
    h.map((_, i) => f(block(fromInput, k, i) + block(fromState, k, i)));
  if (cell === "lstm") {
    const [input, forget, candidate, output] = [
      gate(0, sigmoid),
      gate(1, sigmoid),
      gate(2, Math.tanh),
      gate(3, sigmoid),
    ];
    const next = c.map(
      (x, i) => (forget[i] as number) * x + (input[i] as number) * (candidate[i] as number),
    );
    return {
      c: next,
      h: next.map((x, i) => (output[i] as number) * Math.tanh(x)),
      gates: { "input gate": input, "forget gate": forget, candidate, "output gate": output },
    };
  }
  if (cell === "gru") {
    const [reset, update] = [gate(0, sigmoid), gate(1, sigmoid)];
    const candidate = h.map((_, i) =>
      Math.tanh(block(fromInput, 2, i) + (reset[i] as number) * block(fromState, 2, i)),
    );
    const next = h.map(
      (x, i) => (1 - (update[i] as number)) * (candidate[i] as number) + (update[i] as number) * x,
    );
    return { c, h: next, gates: { "reset gate": reset, "update gate": update, candidate } };
  }
  return { c, h: gate(0, Math.tanh), gates: {} };
}

/** Whether a stack is one of those whose formulas stand above. */
const isPlain = ({ options }: RecurrentDescription): boolean => {
  const {
    cell: _,
    inputSize: __,
    hiddenSize: ___,
    layers: ____,
    precision: _____,
    ...others
  } = options as unknown as Record<string, unknown>;
  return Object.entries(others).every(
    ([name, value]) =>
      value === undefined || value === false || (name === "resetAfter" && value === true),
  );
};

/** Numbers of each unit at each step. */
type Recorded = Map<string, Float64Array[]>;

/** Runs one layer over inputs; records its activations. */
function runLayer(
  { options, weights }: RecurrentDescription,
  layer: number,
  inputs: readonly ArrayLike<number>[],
  record: (name: string, values: Float64Array) => void,
): Float64Array[] {
  const weight = (name: string): StoredNumbers => weights[`${name}_l${layer}`] as StoredNumbers;
  const bias = (name: string): Numbers | undefined => weights[`${name}_l${layer}`]?.data;
  let state: Omit<Step, "gates"> = {
    h: new Float64Array(options.hiddenSize),
    c: new Float64Array(options.hiddenSize),
  };
  return inputs.map((x) => {
    const products = [
      affine(weight("weight_ih"), x, bias("bias_ih")),
      affine(weight("weight_hh"), state.h, bias("bias_hh")),
    ] as const;
    const { gates, ...next } = stepOf(options.cell, products, state);
    state = next;
    record("hidden state", next.h);
    if (options.cell === "lstm") record("cell state, tanh of it", next.c.map(Math.tanh));
    for (const [name, values] of Object.entries(gates)) record(name, values);
    return next.h;
  });
}

/** A map of a byte for each number. */
function mapOf(name: string, steps: readonly Float64Array[]): MapData {
  const all = steps[0]?.length ?? 0;
  const units = Math.min(all, MOST_UNITS);
  const isGate = name.endsWith("gate");
  const [low, high] = isGate ? [0, 1] : [-1, 1];
  const bytes = new Uint8Array(units * steps.length);
  steps.forEach((values, t) => {
    for (let unit = 0; unit < units; unit++) {
      bytes[unit * steps.length + t] = Math.round(
        (255 * ((values[unit] as number) - low)) / (high - low),
      );
    }
  });
  const shown = units < all ? `${name}, the first ${units} of ${all} units` : name;
  return { name: shown, units, low, high, bytes: Buffer.from(bytes).toString("base64") };
}

/**
 * Gates and states of a language model while it reads tokens; undefined for one whose cells have options that the formulas
 * above do not know.
 *
 * @param ids the tokens that are read, the start token included
 */
export function traceData(
  { input, recurrent }: ModelDescription,
  ids: readonly number[],
  tokens: readonly string[],
): TraceData | undefined {
  if (input.kind === "features" || !recurrent.every(isPlain)) return undefined;
  const read = ids.slice(0, MOST_TOKENS);
  let values: ArrayLike<number>[] = read.map((id) => {
    if (input.kind === "one-hot")
      return Float64Array.from({ length: input.size }, (_, i) => (i === id ? 1 : 0));
    const n = input.weight.shape[1] as number;
    return input.weight.data.subarray(id * n, (id + 1) * n);
  });
  const recorded: Recorded = new Map();
  let number = 0;
  const total = recurrent.reduce((sum, { options }) => sum + (options.layers ?? 1), 0);
  for (const part of recurrent) {
    for (let layer = 0; layer < (part.options.layers ?? 1); layer++) {
      number++;
      const prefix = total === 1 ? "" : `layer ${number}, `;
      values = runLayer(part, layer, values, (name, own) => {
        recorded.set(prefix + name, [...(recorded.get(prefix + name) ?? []), own]);
      });
    }
  }
  return {
    tokens: tokens.slice(0, MOST_TOKENS),
    maps: [...recorded].map(([name, steps]) => mapOf(name, steps)),
  };
}
