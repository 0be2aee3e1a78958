import { type Activation, activationName } from "../cells/activations.js";
import {
  type DenseDescription,
  type InputDescription,
  LAYER_NORM_EPSILON,
  type LayerNormDescription,
  type ModelDescription,
  type RecurrentDescription,
  type StoredNumbers,
} from "../description/description.js";
import { ModelFormatError } from "../description/format_error.js";
import { checkDescription } from "../description/validate.js";
import { type Bytes, isBytes } from "../formats/bytes.js";
import { describeSafetensors } from "../formats/pytorch/reader.js";
import { readSafetensors } from "../formats/safetensors/reader.js";
import type { Precision } from "../wasm/abi.js";
import type {
  Architecture,
  HiddenPart,
  InputPart,
  NormPart,
  RecurrentPart,
} from "./architecture.js";
import type { TrainedNetwork } from "./network.js";

/** What a network cannot express, in the words of an error. */
function fail(where: string, what: string): never {
  throw new ModelFormatError("network", `${where}: ${what}`);
}

/** What may stand on top. A loss takes the arguments of a softmax or a sigmoid. */
const TOPS = ["identity", "softmax", "logSoftmax", "sigmoid"];

/** What a file may leave open. */
export interface Answers {
  readonly input?: "features" | "one-hot" | undefined;
  readonly output?: "steps" | "last" | "mean" | "max" | undefined;
  readonly precision?: Precision | undefined;
}

/** A model that is to be trained: what its file said, as an architecture and tensors by the parameters' names. */
export interface OpenedModel {
  readonly architecture: Architecture;
  readonly weights: ReadonlyMap<string, StoredNumbers>;
  readonly description: ModelDescription;
}

/**
 * The architecture and the weights of a description.
 *
 * @throws {ModelFormatError} for a network without a linear layer, or with another activation on top than a softmax or a sigmoid
 */
export function openDescription(
  where: string,
  source: ModelDescription | Bytes,
  answers: Answers,
): OpenedModel {
  const described = isBytes(source) ? describeSafetensors(readSafetensors(source)) : source;
  checkDescription(where, described);
  const description = settled(where, described, answers);
  const { input, recurrent, dense, output } = description;
  const weights = new Map<string, StoredNumbers>();
  if (input.kind === "embedding") weights.set(`${input.name}.weight`, input.weight);
  const top = dense.at(-1);
  if (top === undefined) fail(where, "expected a linear layer on top, got none");
  const isOutput = TOPS.includes(activationName(top.activation));
  if (!isOutput) {
    const got = activationName(top.activation);
    fail(where, `${top.name}: activation: expected one of ${TOPS.join(", ")} on top, got ${got}`);
  }
  const hidden = dense.slice(0, -1).map((each) => hiddenPart(each, weights));
  const tied = input.kind === "embedding" && input.weight.data === top.weight.data;
  if (!tied) weights.set(`${top.name}.weight`, top.weight);
  if (top.bias !== undefined) weights.set(`${top.name}.bias`, top.bias);
  const parts = recurrent.map(
    (each): RecurrentPart => recurrentPart(each, weights, answers.precision),
  );
  return {
    description,
    weights,
    architecture: {
      precision: answers.precision ?? "f64",
      input: inputPart(input),
      recurrent: parts,
      variational: false,
      hidden,
      output: {
        name: top.name,
        size: top.weight.shape[0] as number,
        of: output === "steps" ? "step" : output,
        tied,
        hasBias: top.bias !== undefined,
        dropout: 0,
        hasSigmoid: activationName(top.activation) === "sigmoid",
      },
    },
  };
}

function hiddenPart(
  { name, weight, bias, activation }: DenseDescription,
  weights: Map<string, StoredNumbers>,
): HiddenPart {
  weights.set(`${name}.weight`, weight);
  if (bias !== undefined) weights.set(`${name}.bias`, bias);
  return {
    name,
    size: weight.shape[0] as number,
    hasBias: bias !== undefined,
    // Validation allows a softmax on top alone.
    activation: activation as Activation,
  };
}

/** A description with what the caller says of it. */
function settled(
  where: string,
  description: ModelDescription,
  { input, output }: Answers,
): ModelDescription {
  const { assumptions: _, ...known } = description;
  const settled = output === undefined ? known : { ...known, output };
  if (input === undefined) return settled;
  if (settled.input.kind === "embedding") {
    throw new TypeError(`${where}: input: the model has an embedding, which takes tokens`);
  }
  return { ...settled, input: { kind: input, size: settled.input.size } };
}

function inputPart(input: InputDescription): InputPart {
  if (input.kind !== "embedding") return { kind: input.kind, size: input.size, dropout: 0 };
  const [tokens = 0, size = 0] = input.weight.shape;
  return { kind: "embedding", name: input.name, tokens, size, dropout: 0 };
}

function recurrentPart(
  described: RecurrentDescription,
  weights: Map<string, StoredNumbers>,
  precision: Precision = "f64",
): RecurrentPart {
  const { name, options, weights: own, merge = "concat" } = described;
  const { layerNorm = [], residual = false } = described;
  const names = Object.keys(own);
  const hasBias = names.some((each) => each.startsWith("bias"));
  for (const each of names) {
    if (own[each] !== undefined) weights.set(`${name}.${each}`, own[each] as StoredNumbers);
  }
  if (hasBias) {
    // PyTorch has both biases; a file of Keras or ONNX may have one, and the other is zeros.
    for (const each of names.filter((key) => key.startsWith("weight_hh"))) {
      const rows = own[each]?.shape[0] ?? 0;
      for (const part of ["bias_ih", "bias_hh"]) {
        const bias = `${name}.${each.replace("weight_hh", part)}`;
        if (weights.has(bias)) continue;
        weights.set(bias, { shape: [rows], data: new Float64Array(rows) });
      }
    }
  }
  const norms = layerNorm.map((each): NormPart => {
    weights.set(`${each.name}.weight`, each.weight);
    weights.set(`${each.name}.bias`, each.bias);
    return { name: each.name, epsilon: each.epsilon ?? LAYER_NORM_EPSILON };
  });
  return {
    name,
    options: { ...options, precision },
    hasBias,
    dropout: 0,
    merge,
    norms,
    residual,
  };
}

/**
 * The description of a network as it is now, of which `loadLanguageModel` and `loadTagger` make a model.
 *
 * @param from the description that it was opened from
 */
export function describeNetwork(
  { architecture, parameters }: TrainedNetwork,
  from: ModelDescription | undefined,
  metadata: ReadonlyMap<string, string>,
): ModelDescription {
  const { input, recurrent, hidden, output } = architecture;
  const read = (name: string): StoredNumbers => parameters.read(parameters.get(name));
  const described: InputDescription =
    input.kind === "embedding"
      ? { kind: input.kind, name: input.name, weight: read(`${input.name}.weight`) }
      : { kind: input.kind, size: input.size };
  const weight =
    output.tied && described.kind === "embedding"
      ? described.weight
      : read(`${output.name}.weight`);
  const below = hidden.map(({ name, hasBias, activation }) => ({
    name,
    weight: read(`${name}.weight`),
    ...(hasBias ? { bias: read(`${name}.bias`) } : {}),
    activation,
  }));
  const top: DenseDescription = {
    name: output.name,
    weight,
    ...(output.hasBias ? { bias: read(`${output.name}.bias`) } : {}),
    activation: from?.dense.at(-1)?.activation ?? "identity",
  };
  return {
    format: "safetensors",
    input: described,
    recurrent: recurrent.map((part, i): RecurrentDescription => {
      const { name, merge, norms, residual } = part;
      const { precision: _, ...options } = part.options;
      const names = from?.recurrent[i]?.names;
      const own = parameters.all.filter((each) => isOf(each.name, name));
      const weights = own.map((each) => [each.name.slice(name.length + 1), parameters.read(each)]);
      return {
        name,
        options,
        weights: Object.fromEntries(weights),
        ...(merge === "concat" ? {} : { merge }),
        ...(norms.length === 0 ? {} : { layerNorm: norms.map((norm) => describeNorm(norm, read)) }),
        ...(residual ? { residual } : {}),
        ...(names === undefined ? {} : { names }),
      };
    }),
    dense: [...below, top],
    output: output.of === "step" ? "steps" : output.of,
    metadata: new Map([...(from?.metadata ?? []), ...metadata]),
    // It was trained as it is, whatever a file left open.
    assumptions: [],
  };
}

const describeNorm = (
  { name, epsilon }: NormPart,
  read: (name: string) => StoredNumbers,
): LayerNormDescription => ({
  name,
  weight: read(`${name}.weight`),
  bias: read(`${name}.bias`),
  ...(epsilon === LAYER_NORM_EPSILON ? {} : { epsilon }),
});

/** Whether a parameter is one of the recurrent part of this name. */
export const isOf = (parameter: string, part: string): boolean =>
  parameter.startsWith(`${part}.`) && !parameter.slice(part.length + 1).includes(".");
