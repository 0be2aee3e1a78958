import type { StackShape } from "../sequence/shape.js";
import type { Architecture } from "./architecture.js";
import { isOf } from "./description.js";
import type { TrainedNetwork } from "./network.js";
import type { Parameter } from "./parameters.js";
import { Random } from "./random.js";

/** Where first weights come from: as PyTorch's modules draw them, or as Keras's layers do. */
export type Initialisation = "pytorch" | "keras";

/**
 * Draws the first weights of a network, parameter by parameter in their order:
 *
 * |            | pytorch                                  | keras                                              |
 * |------------|------------------------------------------|----------------------------------------------------|
 * | embedding  | normal, deviation 1                      | uniform in ±0.05                                   |
 * | recurrent  | all uniform in ±1/√na                    | Wx Glorot uniform, Wh orthogonal, biases 0, an LSTM's forget gate 1 |
 * | output     | uniform in ±1/√inputs                    | Glorot uniform, bias 0                             |
 * | LayerNorm  | 1 and 0                                  | 1 and 0                                            |
 *
 * @param forgetBias if it is given: the sum of both biases of an LSTM's forget gate
 */
export function initialise(
  network: TrainedNetwork,
  seed: number,
  { by, forgetBias }: { readonly by: Initialisation; readonly forgetBias: number | undefined },
): void {
  const { parameters, architecture, shapes } = network;
  const random = new Random(network.engine, seed);
  const { input, recurrent } = architecture;
  for (const parameter of parameters.all) {
    const s = recurrent.findIndex(({ name }) => isOf(parameter.name, name));
    let numbers: Float64Array;
    if (s >= 0) {
      const shape = shapes[s] as StackShape;
      numbers =
        by === "pytorch"
          ? uniform(random, parameter.size, shape.na)
          : keras(random, parameter, shape);
      const forget = forgetBias ?? (by === "keras" ? 1 : undefined);
      if (forget !== undefined) setForgetBias(parameter, numbers, shape, forget);
    } else if (isNorm(architecture, parameter.name)) {
      numbers = new Float64Array(parameter.size).fill(parameter.name.endsWith(".weight") ? 1 : 0);
    } else if (input.kind === "embedding" && parameter.name === `${input.name}.weight`) {
      numbers =
        by === "pytorch"
          ? random.normal(parameter.size)
          : random.between(parameter.size, -0.05, 0.05);
    } else numbers = output(random, network, parameter, by);
    parameters.write(parameter, numbers);
  }
  network.changed();
}

const isNorm = ({ recurrent }: Architecture, parameter: string): boolean =>
  recurrent.some(({ norms }) => norms.some(({ name }) => isOf(parameter, name)));

const uniform = (random: Random, n: number, fan: number): Float64Array => {
  const bound = 1 / Math.sqrt(fan);
  return random.between(n, -bound, bound);
};

function output(
  random: Random,
  { shapes }: TrainedNetwork,
  { shape, size }: Parameter,
  by: Initialisation,
): Float64Array {
  const top = shapes.at(-1) as StackShape;
  const inputs = top.cells.length * top.nh;
  if (by === "pytorch") return uniform(random, size, inputs);
  return shape.length === 1
    ? new Float64Array(size)
    : glorot(random, size, inputs + (shape[0] as number));
}

/** Uniform in ±√(6 / fans): Glorot and Bengio 2010. */
const glorot = (random: Random, n: number, fans: number): Float64Array => {
  const bound = Math.sqrt(6 / fans);
  return random.between(n, -bound, bound);
};

function keras(random: Random, { name, shape, size }: Parameter, stack: StackShape): Float64Array {
  const part = name.slice(name.lastIndexOf(".") + 1);
  const [rows = 0, columns = 0] = shape;
  if (part.startsWith("weight_ih") || part.startsWith("weight_hr")) {
    return glorot(random, size, rows + columns);
  }
  if (part.startsWith("weight_hh")) return orthogonal(random, rows, columns);
  return part.startsWith("bias") ? new Float64Array(size) : uniform(random, size, stack.na);
}

/** A matrix (rows, columns) whose shorter side is orthonormal: Gram and Schmidt's method on normal numbers, twice for rounding. */
function orthogonal(random: Random, rows: number, columns: number): Float64Array {
  const isWide = columns > rows;
  const [count, n] = isWide ? [rows, columns] : [columns, rows];
  const drawn = random.normal(count * n);
  for (let i = 0; i < count; i++) {
    const own = drawn.subarray(i * n, (i + 1) * n);
    for (let pass = 0; pass < 2; pass++) {
      for (let k = 0; k < i; k++) {
        const other = drawn.subarray(k * n, (k + 1) * n);
        let dot = 0;
        for (let j = 0; j < n; j++) dot += (own[j] as number) * (other[j] as number);
        for (let j = 0; j < n; j++) own[j] = (own[j] as number) - dot * (other[j] as number);
      }
    }
    let sum = 0;
    for (let j = 0; j < n; j++) sum += (own[j] as number) * (own[j] as number);
    const norm = Math.sqrt(sum);
    for (let j = 0; j < n; j++) own[j] = (own[j] as number) / norm;
  }
  if (isWide) return drawn;
  const transposed = new Float64Array(rows * columns);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) transposed[r * columns + c] = drawn[c * n + r] as number;
  }
  return transposed;
}

/** The forget gate is the second block of an LSTM's biases in PyTorch's order; that of bias_hh becomes 0. */
function setForgetBias(
  { name }: Parameter,
  numbers: Float64Array,
  { cells, na }: StackShape,
  value: number,
): void {
  const part = name.slice(name.lastIndexOf(".") + 1);
  if (cells[0]?.name !== "lstm" || !part.startsWith("bias")) return;
  numbers.fill(part.startsWith("bias_ih") ? value : 0, na, 2 * na);
}
