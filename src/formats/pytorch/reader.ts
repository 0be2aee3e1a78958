import {
  type DenseDescription,
  type InputDescription,
  type ModelDescription,
  outputSize,
  type RecurrentDescription,
} from "../../description/description.js";
import { checkObject, describe } from "../../tensor.js";
import type { SafetensorsFile, StoredTensor } from "../safetensors/reader.js";
import { findLayout } from "./find.js";
import type { DenseLayout, Layout, PytorchNames, RecurrentLayout } from "./layout.js";
import { fail, findGroups, type Group, join, list, quote, shown, type Tensors } from "./names.js";
import { checkUnshaped, NOTE, readNote } from "./note.js";
import { checkShape, foreignNames, readShapes } from "./recurrent.js";

/** The tensors that a description takes, by their names: those that nothing asked for are left. */
class Tray {
  readonly #tensors: Tensors;
  readonly #taken = new Set<StoredTensor>();

  constructor(tensors: Tensors) {
    this.#tensors = tensors;
  }

  take(name: string): StoredTensor {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined)
      return fail("missing-tensor", "there is no tensor of this name", name);
    this.#taken.add(tensor);
    return tensor;
  }

  /** A matrix that takes n numbers. */
  matrix(name: string, letters: readonly [string, string], n: number): StoredTensor {
    const tensor = this.take(name);
    checkShape(this.#tensors, name, [
      [letters[0], -1],
      [letters[1], n],
    ]);
    return tensor;
  }

  vector(name: string, letter: string, size: number): StoredTensor {
    const tensor = this.take(name);
    checkShape(this.#tensors, name, [[letter, size]]);
    return tensor;
  }

  recurrent(group: Group | undefined, layout: RecurrentLayout): RecurrentDescription {
    const { name, options, merge } = layout;
    if (group === undefined) {
      const weight = join(name, "weight_ih_l0");
      return fail("missing-tensor", "there is no tensor of this name", weight);
    }
    const { options: shaped, weights } = readShapes(group, this.#tensors);
    checkUnshaped(quote(name), shaped, options);
    for (const weight of Object.values(weights)) this.#taken.add(weight);
    const names = foreignNames(group);
    return {
      name,
      options: { ...shaped, ...options },
      weights,
      ...(merge === undefined ? {} : { merge }),
      ...(names === undefined ? {} : { names }),
    };
  }

  dense({ name, shares = name, activation }: DenseLayout, n: number): DenseDescription {
    const weight = this.matrix(join(shares, "weight"), ["ny", "n"], n);
    const bias = join(name, "bias");
    const ny = weight.shape[0] as number;
    return {
      name,
      weight,
      ...(this.#tensors.has(bias) ? { bias: this.vector(bias, "ny", ny) } : {}),
      activation,
    };
  }

  /** Throws if something is left. */
  checkEmpty(): void {
    const left = [...this.#tensors].filter(([, tensor]) => !this.#taken.has(tensor));
    const [first] = left;
    if (first === undefined) return;
    const found = list(left.map(([name]) => shown(this.#tensors, name)));
    const hint = `recurrent, embedding and output say what is, others: "ignore" leaves it out`;
    const what = `expected no tensors beside the network found, got ${found}; the options ${hint}`;
    fail("unknown-tensor", what, first[0]);
  }
}

function build(
  { input, recurrent, dense, output }: Layout,
  groups: readonly Group[],
  tray: Tray,
): Omit<ModelDescription, "metadata"> {
  let below: number | undefined;
  const stack = recurrent.map((layout) => {
    const described = tray.recurrent(
      groups.find(({ name }) => name === layout.name),
      layout,
    );
    const { inputSize } = described.options;
    if (below !== undefined && below !== inputSize) {
      fail("chain", `${quote(layout.name)}: expected nx = ${below}, from below, got ${inputSize}`);
    }
    below = outputSize(described);
    return described;
  });
  const nx = stack[0]?.options.inputSize ?? 0;
  const from: InputDescription =
    input.kind === "embedding"
      ? { ...input, weight: tray.matrix(join(input.name, "weight"), ["V", "nx"], nx) }
      : { kind: input.kind, size: nx };
  const top = dense.map((layout) => {
    const described = tray.dense(layout, below ?? 0);
    below = described.weight.shape[0];
    return described;
  });
  return { format: "safetensors", input: from, recurrent: stack, dense: top, output };
}

/** Names that stand for a tensor of another name, as safetensors' `save_model` notes them for tied weights. */
function withAliases({ tensors, metadata }: SafetensorsFile): Tensors {
  const all = new Map(tensors);
  for (const [name, kept] of metadata) {
    const tensor = tensors.get(kept);
    if (tensor !== undefined && !tensors.has(name)) all.set(name, tensor);
  }
  return all;
}

function checkArguments(file: SafetensorsFile, names: PytorchNames): void {
  const where = "describeSafetensors";
  checkObject(where, "file", file);
  if (!(file.tensors instanceof Map) || !(file.metadata instanceof Map)) {
    const expected = "expected what readSafetensors gives, { tensors, metadata }";
    throw new TypeError(`${where}: file: ${expected}, got ${describe(file)}`);
  }
  checkObject(where, "names", names);
  const choices = {
    input: ["one-hot", "features"],
    nonlinearity: ["tanh", "relu"],
    others: ["reject", "ignore"],
  };
  for (const [option, words] of Object.entries(choices)) {
    const value = names[option as keyof typeof choices];
    if (value === undefined || words.includes(value)) continue;
    const expected = words.map(quote).join(" or ");
    throw new TypeError(`${where}: ${option}: expected ${expected}, got ${String(value)}`);
  }
  const isName = (value: unknown): boolean =>
    typeof value === "string" ||
    (typeof value === "object" && value !== null && "name" in value && isName(value.name));
  const lists = { recurrent: names.recurrent, embedding: names.embedding, output: names.output };
  for (const [option, value] of Object.entries(lists)) {
    const each: readonly unknown[] = [value ?? []].flat();
    const isAbsent = value === undefined || (value === null && option !== "recurrent");
    if (isAbsent || (each.length > 0 && each.every(isName))) continue;
    throw new TypeError(`${where}: ${option}: expected a module's name, got ${describe(value)}`);
  }
}

/**
 * Finds the network in a PyTorch model's tensors: recurrent modules (`<name>.weight_ih_l0` and so on; RNNCell's names too),
 * the embedding below and the linear module on top. Cells, sizes, layers and directions are read off the shapes; which
 * module is what, where several would do, off their names and else off `names`. What PyTorch's names cannot say stands
 * in the metadata of a file that `writeModel` wrote.
 *
 * @throws {TypeError} if an argument is of the wrong kind
 * @throws {ModelFormatError} if tensors are missing, left over or of another shape, or if several networks would do
 */
export function describeSafetensors(
  file: SafetensorsFile,
  names: PytorchNames = {},
): ModelDescription {
  checkArguments(file, names);
  const tensors = withAliases(file);
  const groups = findGroups(tensors);
  const note = readNote(file.metadata, names);
  const tray = new Tray(tensors);
  const layout = note ?? findLayout(tensors, file.metadata, groups, names);
  const description = build(layout, groups, tray);
  if (names.others !== "ignore") tray.checkEmpty();
  const metadata = new Map(file.metadata);
  metadata.delete(NOTE);
  return { ...description, metadata };
}
