import { assume } from "../../description/assumptions.js";
import {
  type DenseDescription,
  type InputDescription,
  layerOutputSize,
  type ModelDescription,
  outputSize,
  type RecurrentDescription,
} from "../../description/description.js";
import { checkObject, describe, isMap } from "../../tensor.js";
import type { SafetensorsFile, StoredTensor } from "../safetensors/reader.js";
import type { Architecture, DensePart, PytorchNames, RecurrentPart } from "./architecture.js";
import {
  ARCHITECTURE_KEY,
  checkUnshapedOptions,
  readArchitecture,
} from "./architecture_metadata.js";
import { inferArchitecture } from "./infer.js";
import {
  fail,
  findRecurrentModules,
  join,
  list,
  quote,
  type RecurrentModule,
  shown,
  type Tensors,
} from "./names.js";
import { assumptionsOf, checkQuestions, checkResidual, ONNX_ADVICE } from "./open_questions.js";
import { checkShape, foreignNames, readShapes } from "./recurrent.js";

/** The tensors of a file by name, and which of them no part of the description has used yet. */
class UnclaimedTensors {
  readonly #tensors: Tensors;
  readonly #taken = new Set<StoredTensor>();

  constructor(tensors: Tensors) {
    this.#tensors = tensors;
  }

  take(name: string): StoredTensor {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) {
      return fail("missing-tensor", "the file has no tensor of this name", name);
    }
    this.#taken.add(tensor);
    return tensor;
  }

  /** A matrix with n columns. */
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

  recurrent(module: RecurrentModule | undefined, part: RecurrentPart): RecurrentDescription {
    const { name, options, merge, layerNorm, residual } = part;
    if (module === undefined) {
      const weight = join(name, "weight_ih_l0");
      return fail("missing-tensor", "the file has no tensor of this name", weight);
    }
    const { options: shaped, weights } = readShapes(module, this.#tensors);
    checkUnshapedOptions(quote(name), shaped, part);
    for (const weight of Object.values(weights)) this.#taken.add(weight);
    const names = foreignNames(module);
    const described = {
      name,
      options: { ...shaped, ...options },
      weights,
      ...(merge === undefined ? {} : { merge }),
      ...(residual === undefined ? {} : { residual }),
      ...(names === undefined ? {} : { names }),
    };
    if (layerNorm === undefined) return described;
    const n = layerOutputSize(described);
    return {
      ...described,
      layerNorm: layerNorm.map((norm) => ({
        ...norm,
        weight: this.vector(join(norm.name, "weight"), "n", n),
        bias: this.vector(join(norm.name, "bias"), "n", n),
      })),
    };
  }

  dense({ name, shares = name, activation }: DensePart, n: number): DenseDescription {
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

  /** The names of the tensors that no part used. */
  names(): string[] {
    const left = [...this.#tensors].filter(([, tensor]) => !this.#taken.has(tensor));
    return left.map(([name]) => name);
  }

  /** The first few of some names, with their shapes. */
  show(names: readonly string[]): string {
    return list(names.map((name) => shown(this.#tensors, name)));
  }

  /** How to name the linear layer that one of the tensors left could be, above the last that was found. */
  #linearAbove(dense: readonly DenseDescription[], left: readonly string[]): string | undefined {
    const last = dense.at(-1);
    const ny = last?.weight.shape[0];
    const weight = left.find((name) => {
      const { shape = [] } = this.#tensors.get(name) ?? {};
      return /(^|\.)weight$/.test(name) && shape.length === 2 && shape[1] === ny;
    });
    if (last === undefined || weight === undefined) return undefined;
    const above = quote(weight.replace(/\.?weight$/, ""));
    const names = `{ output: [{ name: ${quote(last.name)}, activation: "relu" }, ${above}] }`;
    return `if ${above} is a linear layer, pass ${names} with the activation that lies between`;
  }

  /** Throws if any tensor was not used. */
  checkEmpty(dense: readonly DenseDescription[]): void {
    const left = this.names();
    if (left.length === 0) return;
    const assign =
      this.#linearAbove(dense, left) ?? "assign them by recurrent, embedding or output";
    const graph = `if they are of another kind (a normalisation, attention, a convolution), ${ONNX_ADVICE}`;
    const ignore = `others: "ignore" leaves them out, and the outputs are wrong unless the network does without them`;
    const got = `expected no tensors outside of the network, got ${this.show(left)}`;
    fail("unknown-tensor", `${got}; ${assign}; ${graph}; ${ignore}`, left[0]);
  }
}

function build(
  { input, recurrent, dense, output }: Architecture,
  modules: ReadonlyMap<string, RecurrentModule>,
  tensors: UnclaimedTensors,
): Omit<ModelDescription, "metadata"> {
  let below: number | undefined;
  const stack = recurrent.map((part) => {
    const described = tensors.recurrent(modules.get(part.name), part);
    const { inputSize } = described.options;
    if (below !== undefined && below !== inputSize) {
      fail("chain", `${quote(part.name)}: expected nx = ${below}, from below, got ${inputSize}`);
    }
    below = outputSize(described);
    return described;
  });
  const nx = stack[0]?.options.inputSize ?? 0;
  const from: InputDescription =
    input.kind === "embedding"
      ? { ...input, weight: tensors.matrix(join(input.name, "weight"), ["V", "nx"], nx) }
      : { ...input, size: nx };
  const top = dense.map((part) => {
    const described = tensors.dense(part, below ?? 0);
    below = described.weight.shape[0];
    return described;
  });
  return { format: "safetensors", input: from, recurrent: stack, dense: top, output };
}

/** The tensors by name and by alias: safetensors' `save_model` stores tied weights once and their other names as metadata. */
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
  if (!isMap(file.tensors) || !isMap(file.metadata)) {
    const expected = "expected what readSafetensors gives, { tensors, metadata }";
    throw new TypeError(`${where}: file: ${expected}, got ${describe(file)}`);
  }
  checkObject(where, "names", names);
  const { residual } = names;
  if (residual !== undefined && typeof residual !== "boolean") {
    throw new TypeError(`${where}: residual: expected true or false, got ${describe(residual)}`);
  }
  checkResidual("residual", residual);
  const choices = {
    pooling: ["steps", "step", "last", "mean", "max"],
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
 * the embedding below and the linear module on top. Shapes give cells, sizes, layers and directions; names give the role of
 * a module if several would fit, and `names` decides if they do not. What is inferred beyond that stands in the
 * description's `assumptions`. Metadata `recurra.network`, which `writeModel` writes, hold the whole architecture: then nothing
 * is inferred. The time is proportional to the number of tensors and metadata entries.
 *
 * @throws {TypeError} if an argument is of the wrong kind
 * @throws {ModelFormatError} if tensors are missing, left over or of another shape; with code "ambiguous" if several networks
 *   are possible, such as one with residual connections and one without: the message names the option that decides
 */
export function describeSafetensors(
  file: SafetensorsFile,
  names: PytorchNames = {},
): ModelDescription {
  checkArguments(file, names);
  return describeFile(file, names);
}

const NO_NAMES: PytorchNames = {};

/** As {@link describeSafetensors}, for arguments that are known to be of the right kind. */
export function describeFile(file: SafetensorsFile, names = NO_NAMES): ModelDescription {
  const tensors = withAliases(file);
  const modules = findRecurrentModules(tensors);
  const stated = readArchitecture(file.metadata, names);
  const unclaimed = new UnclaimedTensors(tensors);
  const architecture = stated ?? inferArchitecture(tensors, file.metadata, modules, names);
  const description = build(architecture, modules, unclaimed);
  if (names.others !== "ignore") unclaimed.checkEmpty(description.dense);
  if (stated === undefined) checkQuestions(description, names);
  const assumptions = stated?.assumptions ?? assumptionsOf(description, names, file.metadata);
  const left = unclaimed.names();
  const metadata = new Map(file.metadata);
  metadata.delete(ARCHITECTURE_KEY);
  return {
    ...description,
    metadata,
    assumptions: [
      ...assumptions,
      ...(left.length === 0
        ? []
        : [
            assume(
              "others",
              `${unclaimed.show(left)} are ignored; whatever they compute is missing.`,
            ),
          ]),
    ],
  };
}
