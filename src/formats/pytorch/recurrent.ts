import type { RecurrentOptions } from "../../layers/options.js";
import { formatShape } from "../../tensor.js";
import type { StoredTensor } from "../safetensors/reader.js";
import { fail, join, quote, type RecurrentModule, type Tensors } from "./names.js";

/** A recurrent module with the options that its shapes imply. */
export interface ShapedModule {
  readonly module: RecurrentModule;
  readonly options: RecurrentOptions;
  readonly weights: Readonly<Record<string, StoredTensor>>;
}

/** The letter of an extent, for messages, and its expected size. */
type Extent = readonly [letter: string, size: number];

interface Sizes {
  readonly cell: RecurrentOptions["cell"];
  readonly gates: number;
  readonly nx: number;
  readonly na: number;
  readonly nh: number;
}

const CELLS = new Map<number, RecurrentOptions["cell"]>([
  [1, "rnn"],
  [3, "gru"],
  [4, "lstm"],
]);
const ANY = "(na, na) of an RNN, (3·na, na) of a GRU or (4·na, na) of an LSTM";

/** A weight's name in the file. A missing weight is named like its siblings: those of an RNNCell have no layer. */
const fileName = ({ name, names, isCell }: RecurrentModule, key: string): string =>
  names.get(key) ?? join(name, isCell ? key.replace("_l0", "") : key);

function take(module: RecurrentModule, tensors: Tensors, key: string): StoredTensor {
  const name = fileName(module, key);
  return tensors.get(name) ?? fail("missing-tensor", "the file has no tensor of this name", name);
}

/** The cell and its sizes from the shapes of the first layer. */
function readSizes(module: RecurrentModule, tensors: Tensors): Sizes {
  const matrix = (key: string, expected: string) => {
    const { shape } = take(module, tensors, key);
    const [rows = 0, columns = 0] = shape;
    if (shape.length === 2 && rows > 0 && columns > 0) return { rows, columns };
    return fail("shape", `expected ${expected}, got ${formatShape(shape)}`, fileName(module, key));
  };
  const projected = module.parts.has("weight_hr");
  const { rows, columns: nh } = matrix("weight_hh_l0", projected ? "(4·na, nh)" : ANY);
  const na = projected ? matrix("weight_hr_l0", "(nh, na)").columns : nh;
  const gates = rows / na;
  const cell = CELLS.get(gates);
  if (cell === undefined || (projected && cell !== "lstm")) {
    const from = `na = ${na} (from ${quote(fileName(module, "weight_hr_l0"))})`;
    const expected = projected ? `(4·na, nh) with ${from}` : ANY;
    const found = formatShape([rows, nh]);
    return fail("shape", `expected ${expected}, got ${found}`, fileName(module, "weight_hh_l0"));
  }
  const { columns: nx } = matrix("weight_ih_l0", `(${gates === 1 ? "na" : `${gates}·na`}, nx)`);
  return { cell, gates, nx, na, nh };
}

/** The expected shapes of one layer's weights in one direction. */
function shapesOf(
  module: RecurrentModule,
  { gates, nx, na, nh }: Sizes,
  l: number,
): [string, Extent[]][] {
  const projected = module.parts.has("weight_hr");
  const rows: Extent = [gates === 1 ? "na" : `${gates}·na`, gates * na];
  const hidden: Extent = [projected ? "nh" : "na", nh];
  const doubled: Extent = module.bidirectional ? [`2·${hidden[0]}`, 2 * nh] : hidden;
  const parts: [string, Extent[]][] = [
    ["weight_ih", [rows, l === 0 ? ["nx", nx] : doubled]],
    ["weight_hh", [rows, hidden]],
  ];
  if (module.parts.has("bias_ih") || module.parts.has("bias_hh"))
    parts.push(["bias_ih", [rows]], ["bias_hh", [rows]]);
  if (projected) parts.push(["weight_hr", [hidden, ["na", na]]]);
  if (module.parts.has("peephole")) parts.push(["peephole", [["3·na", 3 * na]]]);
  return parts;
}

/** The options and weights of a module. Throws unless its shapes fit each other. */
export function readShapes(module: RecurrentModule, tensors: Tensors): ShapedModule {
  const { layers, bidirectional } = module;
  const sizes = readSizes(module, tensors);
  const { cell, nx, na, nh } = sizes;
  if (module.parts.has("peephole") && cell !== "lstm") {
    const name = fileName(module, "peephole_l0");
    fail(
      "unknown-tensor",
      `only an LSTM has peepholes, and these shapes are those of cell ${quote(cell)}`,
      name,
    );
  }
  const weights: Record<string, StoredTensor> = {};
  for (let l = 0; l < layers; l++) {
    for (const suffix of bidirectional ? ["", "_reverse"] : [""]) {
      for (const [part, extents] of shapesOf(module, sizes, l)) {
        const key = `${part}_l${l}${suffix}`;
        weights[key] = take(module, tensors, key);
        checkShape(tensors, fileName(module, key), extents);
      }
    }
  }
  const options: RecurrentOptions = {
    cell,
    inputSize: nx,
    hiddenSize: na,
    ...(layers > 1 ? { layers } : {}),
    ...(bidirectional ? { bidirectional } : {}),
    ...(module.parts.has("weight_hr") ? { projectionSize: nh } : {}),
    ...(module.parts.has("peephole") ? { peepholes: true } : {}),
  };
  return { module, options, weights };
}

/** Throws unless the tensor has these extents. A negative size allows any extent from 1. */
export function checkShape(tensors: Tensors, name: string, extents: readonly Extent[]): void {
  const shape = tensors.get(name)?.shape ?? [];
  const fits = (found: number, size: number) => (size < 0 ? found > 0 : found === size);
  const right = extents.every(([, size], i) => fits(shape[i] ?? 0, size));
  if (right && shape.length === extents.length) return;
  const known = extents
    .filter(([, size]) => size >= 0)
    .map(([letter, size]) => `${letter} = ${size}`);
  const letters = formatShape(extents.map(([letter]) => letter));
  const expected = `${letters} with ${[...new Set(known)].join(", ")}`;
  fail("shape", `expected ${expected}, got ${formatShape(shape)}`, name);
}

/** The file's names of weights by their names in a layer, if the file's differ from `name`, a dot and those. */
export function foreignNames({ name, names }: RecurrentModule): Record<string, string> | undefined {
  const foreign = [...names].filter(([key, file]) => file !== join(name, key));
  return foreign.length === 0 ? undefined : Object.fromEntries(foreign);
}
