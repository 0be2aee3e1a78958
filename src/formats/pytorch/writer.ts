import type {
  LayerNormDescription,
  ModelDescription,
  RecurrentDescription,
  StoredNumbers,
} from "../../description/description.js";
import { ModelFormatError } from "../../description/format_error.js";
import { checkParts } from "../../description/validate.js";
import { checkTensor, isNumbers } from "../../tensor.js";
import type { SafetensorsFile, StoredTensor } from "../safetensors/reader.js";
import { type StorableTensor, writeSafetensors } from "../safetensors/writer.js";
import { ARCHITECTURE_KEY, architectureOf } from "./architecture_metadata.js";
import { join } from "./names.js";
import { describeSafetensors } from "./reader.js";

const WHERE = "writeModel";

/** The description under the names that a PyTorch model would have. A description of a safetensors file keeps its names. */
function withNames(description: ModelDescription): ModelDescription {
  if (description.format === "safetensors") return description;
  const { input, recurrent, dense } = description;
  const cells = new Set(recurrent.map(({ options }) => options.cell));
  const base = cells.size === 1 ? [...cells].join() : "layers";
  return {
    ...description,
    input: input.kind === "embedding" ? { ...input, name: "embedding" } : input,
    recurrent: recurrent.map(({ names: _, ...each }, i) => ({
      ...each,
      name: recurrent.length === 1 ? base : `${base}.${i}`,
      ...(each.layerNorm === undefined ? {} : { layerNorm: renamed(each.layerNorm, recurrent, i) }),
    })),
    dense: dense.map((each, i) => ({
      ...each,
      name: dense.length === 1 ? "decoder" : `decoder.${i}`,
    })),
  };
}

/** The normalisations of part i by their places among those of all parts. */
function renamed(
  norms: readonly LayerNormDescription[],
  recurrent: readonly RecurrentDescription[],
  i: number,
): LayerNormDescription[] {
  const first = recurrent.slice(0, i).reduce((n, { layerNorm = [] }) => n + layerNorm.length, 0);
  return norms.map((each, l) => ({ ...each, name: `norm.${first + l}` }));
}

/** A module's weights by their names in a file. PyTorch has both biases or none, so a missing one becomes zeros. */
function* namedWeights({
  name,
  weights,
  names,
}: RecurrentDescription): Iterable<[string, StorableTensor]> {
  const file = (key: string) => names?.[key] ?? join(name, key);
  const keys = Object.keys(weights);
  const biased = keys.some((key) => key.startsWith("bias"));
  for (const key of keys) yield [file(key), weights[key] as StoredNumbers];
  for (const key of biased ? keys.filter((each) => each.startsWith("weight_ih")) : []) {
    for (const part of ["bias_ih", "bias_hh"]) {
      const bias = key.replace("weight_ih", part);
      if (weights[bias] === undefined) yield [file(bias), zerosLike(weights[key] as StoredTensor)];
    }
  }
}

function zerosLike({ shape: [rows = 0], data, dtype }: StoredTensor): StorableTensor {
  const Numbers = isNumbers(data, Float64Array) ? Float64Array : Float32Array;
  return { shape: [rows], data: new Numbers(rows), dtype };
}

/** Tensors and metadata. Shared numbers are written once and aliased in the metadata, as safetensors' `save_model` does. */
function contentOf(description: ModelDescription): SafetensorsFile {
  const { input, recurrent, dense } = description;
  const tensors = new Map<string, StoredTensor>();
  const metadata = new Map(description.metadata);
  metadata.delete(ARCHITECTURE_KEY);
  const names = new Map<StorableTensor["data"], string>();
  const put = (name: string, value: StorableTensor): void => {
    const kind = isNumbers(value?.data, Float32Array) ? Float32Array : Float64Array;
    checkTensor(WHERE, name, value, kind);
    const kept = names.get(value.data) ?? name;
    if (kept !== name) metadata.set(name, kept);
    names.set(value.data, kept);
    if (kept !== name) return;
    const { dtype = isNumbers(value.data, Float32Array) ? "F32" : "F64", shape, data } = value;
    tensors.set(name, { dtype, shape, data });
  };
  if (input.kind === "embedding") put(join(input.name, "weight"), input.weight);
  for (const each of recurrent) {
    for (const [name, value] of namedWeights(each)) put(name, value);
    for (const { name, weight, bias } of each.layerNorm ?? []) {
      put(join(name, "weight"), weight);
      put(join(name, "bias"), bias);
    }
  }
  for (const { name, weight, bias } of dense) {
    put(join(name, "weight"), weight);
    if (bias !== undefined) put(join(name, "bias"), bias);
  }
  return { tensors, metadata };
}

/**
 * The architecture that a reader would infer from the file's names and shapes, as JSON: with its assumptions, unless they are
 * not to be compared.
 */
function inferredArchitecture(file: SafetensorsFile, assumed: boolean): string | undefined {
  try {
    const { assumptions, ...inferred } = describeSafetensors(file);
    return JSON.stringify(architectureOf(assumed ? { ...inferred, assumptions } : inferred));
  } catch (error) {
    if (error instanceof ModelFormatError) return undefined;
    throw error;
  }
}

/**
 * Writes a model as a safetensors file with PyTorch's names: the description's own if it came from such a file, else
 * `embedding`, the cell's name and `decoder`. The metadata `recurra.network` hold the architecture, so that
 * `describeSafetensors` gives the same description back, with the same assumptions; they are left out if it would do so
 * without them. Equal descriptions give equal bytes.
 *
 * @throws {TypeError} if an argument is of the wrong kind
 * @throws {ShapeError} if numbers do not fill their shape
 * @throws {ModelFormatError} if the description is incomplete or its parts do not fit each other
 */
export function writeModel(description: ModelDescription): Uint8Array {
  checkParts(WHERE, "description", description);
  const named = withNames(description);
  const file = contentOf(named);
  const architecture = JSON.stringify(architectureOf(named));
  if (inferredArchitecture(file, description.assumptions !== undefined) !== architecture) {
    file.metadata.set(ARCHITECTURE_KEY, architecture);
    describeSafetensors(file);
  }
  return writeSafetensors(file.tensors, file.metadata);
}
