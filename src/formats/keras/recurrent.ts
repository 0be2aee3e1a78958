import { type Activation, DEFAULT_ACTIVATIONS } from "../../cells/activations.js";
import { assume } from "../../description/assumptions.js";
import type { RecurrentDescription, StoredNumbers } from "../../description/description.js";
import type { RecurrentOptions } from "../../layers/options.js";
import { GATES, reorderColumns, reorderRows } from "../gates.js";
import { type HardSigmoid, readActivation } from "./activations.js";
import type { Config } from "./config.js";
import type { KerasLayer } from "./topology.js";
import type { StoredVariable, Variable, Weights } from "./weights.js";

type CellName = RecurrentOptions["cell"];

const CELLS: Readonly<Record<string, CellName>> = { SimpleRNN: "rnn", LSTM: "lstm", GRU: "gru" };
const MERGES = ["concat", "sum", "mul", "ave"] as const;

/** The weights and conventions that all layers of a model share. */
export interface Context {
  readonly weights: Weights;
  readonly hardSigmoid: HardSigmoid;
  /** What is inferred, as it is inferred. */
  readonly assumptions: string[];
}

/** The settings of one direction. */
interface Direction {
  readonly cell: CellName;
  readonly units: number;
  readonly resetAfter: boolean;
  readonly bias: boolean;
  readonly activations: readonly Activation[];
  readonly backwards: boolean;
  readonly sequences: boolean;
  readonly config: Config;
}

export interface RecurrentLayer {
  readonly description: RecurrentDescription;
  /** The number of its output's features. */
  readonly size: number;
  /** Whether it returns every step's output. */
  readonly sequences: boolean;
}

export const isRecurrent = (className: string): boolean =>
  className === "Bidirectional" || Object.hasOwn(CELLS, className);

function readDirection(className: string, config: Config, context: Context): Direction {
  const cell = Object.hasOwn(CELLS, className) ? CELLS[className] : undefined;
  if (cell === undefined) {
    const known = Object.keys(CELLS).join(", ");
    return config.fail("unsupported-layer", `expected one of ${known}, got ${className}`);
  }
  const needed = cell === "rnn" ? ["activation"] : ["activation", "recurrent_activation"];
  for (const key of needed) {
    // Null is linear, but the default of an absent setting differs between versions.
    if (!config.has(key)) config.fail("config", "expected a function's name, got nothing", key);
  }
  const f = readActivation(config, "activation", context.hardSigmoid);
  const g =
    cell === "rnn" ? f : readActivation(config, "recurrent_activation", context.hardSigmoid);
  if (config.flag("time_major", false))
    config.refuse("time_major", "the batch is the first axis here");
  if (cell === "gru" && !config.has("reset_after")) {
    const what = `${config.layer} has no reset_after, as in files older than that setting: its reset gate stands before the product.`;
    context.assumptions.push(assume("network", what));
  }
  return {
    cell,
    units: config.size("units"),
    // Files without the setting are older than it.
    resetAfter: cell === "gru" && config.flag("reset_after", false),
    bias: config.flag("use_bias"),
    activations: { rnn: [f], gru: [g, f], lstm: [g, f, f] }[cell],
    backwards: config.flag("go_backwards", false),
    sequences: config.flag("return_sequences"),
    config,
  };
}

/** The weights of one direction under PyTorch's names. All shapes are checked before any numbers are read. */
function readWeights(
  direction: Direction,
  place: Pick<Variable, "layer" | "inner">,
  nx: number | undefined,
  suffix: string,
  { weights: source }: Context,
): { weights: Record<string, StoredNumbers>; nx: number } {
  const { cell, units: na, resetAfter, bias } = direction;
  const order = GATES.keras[cell];
  const G = order.length;
  const columns = { letter: G === 1 ? "na" : `${G}·na`, size: G * na };
  const variable = (name: string, index: number): Variable => ({
    ...place,
    cell: true,
    name,
    index,
  });
  const kernel = source.find(variable("kernel", 0), [{ letter: "nx", size: nx }, columns]);
  const recurrent = source.find(variable("recurrent_kernel", 1), [
    { letter: "na", size: na },
    columns,
  ]);
  const rows = resetAfter ? 2 : 1;
  const extents = resetAfter ? [{ letter: "2", size: 2 }, columns] : [columns];
  const biases = bias ? source.find(variable("bias", 2), extents) : undefined;
  const transposed = (found: StoredVariable): StoredNumbers =>
    source.make(found, `${cell} matrix`, (data) => {
      const [n = 0] = found.shape;
      return { shape: [G * na, n], data: reorderColumns(data, n, order) };
    });
  const weights: Record<string, StoredNumbers> = {
    [`weight_ih_l0${suffix}`]: transposed(kernel),
    [`weight_hh_l0${suffix}`]: transposed(recurrent),
  };
  if (biases !== undefined) {
    const blocks = resetAfter ? [...order, ...order.map((gate) => gate + G)] : order;
    const { data } = source.make(biases, `${cell} bias`, (numbers) => ({
      shape: [rows, G * na],
      data: reorderRows(numbers, blocks),
    }));
    ["bias_ih", "bias_hh"].slice(0, rows).forEach((name, row) => {
      const half = data.subarray(row * G * na, (row + 1) * G * na);
      weights[`${name}_l0${suffix}`] = { shape: [G * na], data: half };
    });
  }
  return { weights, nx: kernel.shape[0] as number };
}

const sameFunctions = (a: readonly Activation[], b: readonly Activation[]): boolean =>
  JSON.stringify(a) === JSON.stringify(b);

function optionsOf(
  { cell, units, resetAfter, activations }: Direction,
  nx: number,
  second?: Direction,
): RecurrentOptions {
  const isDefault = [activations, second?.activations ?? activations].every((functions) =>
    sameFunctions(functions, DEFAULT_ACTIVATIONS[cell]),
  );
  const both = second === undefined ? activations : [...activations, ...second.activations];
  return {
    cell,
    inputSize: nx,
    hiddenSize: units,
    ...(cell === "gru" ? { resetAfter } : {}),
    ...(isDefault ? {} : { activations: both }),
    ...(second === undefined ? {} : { bidirectional: true }),
  };
}

/** Reads a recurrent layer of one direction or two. `nx` is the number of features from below, if known. */
export function readRecurrent(
  layer: KerasLayer,
  nx: number | undefined,
  context: Context,
): RecurrentLayer {
  if (layer.className === "Bidirectional") return readBidirectional(layer, nx, context);
  const direction = readDirection(layer.className, layer.config, context);
  const { sequences, backwards, units } = direction;
  if (backwards && sequences) {
    layer.config.refuse(
      "go_backwards",
      "with return_sequences the steps would come from last to first",
    );
  }
  const read = readWeights(direction, { layer }, nx, "", context);
  const options = optionsOf(direction, read.nx);
  const description = {
    name: layer.name,
    options: backwards ? { ...options, reverse: true } : options,
    weights: read.weights,
  };
  return { description, size: units, sequences };
}

function readBidirectional(
  layer: KerasLayer,
  nx: number | undefined,
  context: Context,
): RecurrentLayer {
  const { config } = layer;
  const merge = MERGES.find((name) => name === config.get("merge_mode"));
  if (merge === undefined) {
    return config.refuse("merge_mode", `expected one of ${MERGES.join(", ")}`);
  }
  const inner = (key: string): { direction: Direction; name: string } => {
    const wrapped = config.child(key);
    const settings = wrapped.child("config");
    const name = settings.text("name");
    return { direction: readDirection(wrapped.text("class_name"), settings, context), name };
  };
  const forward = inner("layer");
  const given = config.get("backward_layer") === undefined ? undefined : inner("backward_layer");
  const ahead = forward.direction;
  const back = given?.direction ?? { ...ahead, backwards: !ahead.backwards };
  if (ahead.backwards || !back.backwards) {
    forward.direction.config.refuse("go_backwards", "the first direction must read forwards");
  }
  for (const key of ["cell", "units", "resetAfter", "bias", "sequences"] as const) {
    if (ahead[key] === back[key]) continue;
    config.fail("unsupported-setting", `the two directions differ in ${key}`, "backward_layer");
  }
  const bare = forward.name.replace(/^forward_/, "");
  const names = [`forward_${bare}`, given?.name ?? `backward_${bare}`] as const;
  const first = { layer, inner: { part: "forward", name: names[0] } } as const;
  const second = { layer, inner: { part: "backward", name: names[1] } } as const;
  const read = readWeights(ahead, first, nx, "", context);
  const reversed = readWeights(back, second, read.nx, "_reverse", context);
  const description: RecurrentDescription = {
    name: layer.name,
    options: optionsOf(ahead, read.nx, back),
    weights: { ...read.weights, ...reversed.weights },
    ...(merge === "concat" ? {} : { merge }),
  };
  const size = merge === "concat" ? 2 * ahead.units : ahead.units;
  return { description, size, sequences: ahead.sequences };
}
