import type { RecurrentOptions } from "../../layers/options.js";
import { formatShape } from "../../tensor.js";
import type { StoredTensor } from "../safetensors/reader.js";
import { fail, type Group, join, quote, type Tensors } from "./names.js";

/** What a recurrent module's shapes say. */
export interface Shaped {
  readonly group: Group;
  readonly options: RecurrentOptions;
  readonly weights: Readonly<Record<string, StoredTensor>>;
}

/** An extent as a message has it, and what it must be. */
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

const has = ({ names }: Group, part: string): boolean =>
  [...names.keys()].some((key) => key.startsWith(part));

/** A weight's name in the file; a missing one's as its siblings are called: an RNNCell's have no layer. */
function fileName({ name, names }: Group, key: string): string {
  const isCell = [...names].every(([own, file]) => file === join(name, own.replace("_l0", "")));
  return names.get(key) ?? join(name, isCell ? key.replace("_l0", "") : key);
}

function take(group: Group, tensors: Tensors, key: string): StoredTensor {
  const name = fileName(group, key);
  return tensors.get(name) ?? fail("missing-tensor", "there is no tensor of this name", name);
}

/** Cell and sizes, off the shapes of the first layer. */
function readSizes(group: Group, tensors: Tensors): Sizes {
  const matrix = (key: string, expected: string) => {
    const { shape } = take(group, tensors, key);
    const [rows = 0, columns = 0] = shape;
    if (shape.length === 2 && rows > 0 && columns > 0) return { rows, columns };
    return fail("shape", `expected ${expected}, got ${formatShape(shape)}`, fileName(group, key));
  };
  const projected = has(group, "weight_hr");
  const { rows, columns: nh } = matrix("weight_hh_l0", projected ? "(4·na, nh)" : ANY);
  const na = projected ? matrix("weight_hr_l0", "(nh, na)").columns : nh;
  const gates = rows / na;
  const cell = CELLS.get(gates);
  if (cell === undefined || (projected && cell !== "lstm")) {
    const from = `na = ${na} (from ${quote(fileName(group, "weight_hr_l0"))})`;
    const expected = projected ? `(4·na, nh) with ${from}` : ANY;
    const found = formatShape([rows, nh]);
    return fail("shape", `expected ${expected}, got ${found}`, fileName(group, "weight_hh_l0"));
  }
  const { columns: nx } = matrix("weight_ih_l0", `(${gates === 1 ? "na" : `${gates}·na`}, nx)`);
  return { cell, gates, nx, na, nh };
}

/** What a layer's weights must be, one direction's. */
function shapesOf(group: Group, { gates, nx, na, nh }: Sizes, l: number): [string, Extent[]][] {
  const projected = has(group, "weight_hr");
  const rows: Extent = [gates === 1 ? "na" : `${gates}·na`, gates * na];
  const hidden: Extent = [projected ? "nh" : "na", nh];
  const doubled: Extent = group.bidirectional ? [`2·${hidden[0]}`, 2 * nh] : hidden;
  const parts: [string, Extent[]][] = [
    ["weight_ih", [rows, l === 0 ? ["nx", nx] : doubled]],
    ["weight_hh", [rows, hidden]],
  ];
  if (has(group, "bias")) parts.push(["bias_ih", [rows]], ["bias_hh", [rows]]);
  if (projected) parts.push(["weight_hr", [hidden, ["na", na]]]);
  if (has(group, "peephole")) parts.push(["peephole", [["3·na", 3 * na]]]);
  return parts;
}

/** The options and weights of a module, once its shapes fit each other. */
export function readShapes(group: Group, tensors: Tensors): Shaped {
  const { layers, bidirectional } = group;
  const sizes = readSizes(group, tensors);
  const { cell, nx, na, nh } = sizes;
  if (has(group, "peephole") && cell !== "lstm") {
    const name = fileName(group, "peephole_l0");
    fail(
      "unknown-tensor",
      `only an LSTM has peepholes, these shapes are of cell ${quote(cell)}`,
      name,
    );
  }
  const weights: Record<string, StoredTensor> = {};
  for (let l = 0; l < layers; l++) {
    for (const suffix of bidirectional ? ["", "_reverse"] : [""]) {
      for (const [part, extents] of shapesOf(group, sizes, l)) {
        const key = `${part}_l${l}${suffix}`;
        weights[key] = take(group, tensors, key);
        checkShape(tensors, fileName(group, key), extents);
      }
    }
  }
  const options: RecurrentOptions = {
    cell,
    inputSize: nx,
    hiddenSize: na,
    ...(layers > 1 ? { layers } : {}),
    ...(bidirectional ? { bidirectional } : {}),
    ...(has(group, "weight_hr") ? { projectionSize: nh } : {}),
    ...(has(group, "peephole") ? { peepholes: true } : {}),
  };
  return { group, options, weights };
}

/** Throws unless the tensor has these extents; one that is negative may be anything from 1. */
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

/** The file's names of weights, where they are not those of a layer. */
export function foreignNames({ name, names }: Group): Record<string, string> | undefined {
  const foreign = [...names].filter(([key, file]) => file !== join(name, key));
  return foreign.length === 0 ? undefined : Object.fromEntries(foreign);
}
