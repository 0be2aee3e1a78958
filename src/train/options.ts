import { LAYER_NORM_EPSILON } from "../description/description.js";
import { checkRecurrentOptions, type RecurrentOptions } from "../layers/options.js";
import { checkOptions, type OptionNames } from "../options.js";
import { checkObject } from "../tensor.js";
import type { Precision } from "../wasm/abi.js";
import {
  type Architecture,
  type InputPart,
  outputOfPart,
  type RecurrentPart,
} from "./architecture.js";
import { checkFlag, checkInteger, checkNumber, checkWord, within } from "./checks.js";
import type { Initialisation } from "./initialisation.js";

const WHERE = "createTrainable";

/** The input: tokens with an embedding of their own, tokens as one-hot vectors, or rows of numbers. */
export type TrainableInput =
  | {
      /** The number of tokens; ids are 0 … tokens − 1. */
      readonly tokens: number;
      /** The size of a token's row in a table that is trained. Default: a token is a one-hot vector. */
      readonly embedding?: number | undefined;
      /** The probability with which each number that the lowest layer reads is set to 0 in training. Default 0. */
      readonly dropout?: number | undefined;
    }
  | {
      /** Numbers of each step. */
      readonly features: number;
      /** As for tokens. */
      readonly dropout?: number | undefined;
    };

/** A recurrent stack: the options of `createRecurrent` without `inputSize` and `precision`, and dropout. */
export interface TrainableRecurrent extends Omit<RecurrentOptions, "inputSize" | "precision"> {
  /**
   * The probability with which each output of a layer that another recurrent layer follows is set to 0 in training.
   * Default 0.
   */
  readonly dropout?: number | undefined;
}

/** The linear layer on top. */
export interface TrainableOutput {
  /** The number of outputs. */
  readonly size: number;
  /**
   * The rows that have an output: every step, the end of each sequence (in a direction that reads from the end: its first
   * step), or the mean or the maximum over its steps. Default `"step"`.
   */
  readonly of?: "step" | "last" | "mean" | "max" | undefined;
  /** The weight is that of the embedding, which has as many columns as the recurrent layers have outputs. Default false. */
  readonly tied?: boolean | undefined;
  /** The probability with which each input of the linear layer is set to 0 in training. Default 0. */
  readonly dropout?: number | undefined;
}

/** Options of `createTrainable`. */
export interface TrainableOptions {
  readonly input: TrainableInput;
  /** One stack, or several on top of each other. */
  readonly recurrent: TrainableRecurrent | readonly TrainableRecurrent[];
  readonly output: TrainableOutput;
  /**
   * The number type of weights, activations and gradients. Losses, norms and the moments of optimisers are float64 in both.
   * Default `"f64"`.
   */
  readonly precision?: Precision | undefined;
  /** Normalises the output of each recurrent layer, as torch.nn.LayerNorm. Default false. */
  readonly layerNorm?: boolean | undefined;
  /** Adds the input of a recurrent layer to its output if both have the same size. Default false. */
  readonly residual?: boolean | undefined;
  /**
   * Draws each mask of dropout once for a sequence and keeps it for all steps of a batch: variational dropout (Gal and
   * Ghahramani 2016). It holds for the input, between layers and the output. Default false: each step has masks of its own.
   */
  readonly variational?: boolean | undefined;
  /** The seed of the first weights, an integer in 0 … 2^53 − 1. Default 0. */
  readonly seed?: number | undefined;
  /** How the first weights are drawn. Default `"pytorch"`. */
  readonly initialisation?: Initialisation | undefined;
  /** The sum of the biases of an LSTM's forget gate at first. Default: as drawn by PyTorch; 1 by Keras. */
  readonly forgetBias?: number | undefined;
}

const NAMES: OptionNames<TrainableOptions> = {
  input: true,
  recurrent: true,
  output: true,
  precision: true,
  layerNorm: true,
  residual: true,
  variational: true,
  seed: true,
  initialisation: true,
  forgetBias: true,
};
const OUTPUT_NAMES: OptionNames<TrainableOutput> = {
  size: true,
  of: true,
  tied: true,
  dropout: true,
};

/** Throws unless `seed` is absent or a seed. */
export function checkSeed(where: string, seed: number | undefined): void {
  if (seed !== undefined) checkInteger(`${where}: seed`, seed, 0);
}

function checkDropout(where: string, dropout: number | undefined): void {
  if (dropout !== undefined)
    checkNumber(`${where}: dropout`, dropout, { least: 0, most: 1, below: true });
}

function inputOf(input: TrainableInput): InputPart {
  checkObject(WHERE, "input", input);
  if ("features" in input) {
    checkOptions(WHERE, input, { features: true, dropout: true }, "input");
    checkInteger(`${WHERE}: input.features`, input.features, 1);
    checkDropout(`${WHERE}: input`, input.dropout);
    return { kind: "features", size: input.features, dropout: input.dropout ?? 0 };
  }
  checkOptions(WHERE, input, { tokens: true, embedding: true, dropout: true }, "input");
  checkInteger(`${WHERE}: input.tokens`, input.tokens, 1);
  checkDropout(`${WHERE}: input`, input.dropout);
  const { tokens, embedding: size, dropout = 0 } = input;
  if (size === undefined) return { kind: "one-hot", size: tokens, dropout };
  checkInteger(`${WHERE}: input.embedding`, size, 1);
  return { kind: "embedding", name: "embedding", tokens, size, dropout };
}

function recurrentOf(
  { recurrent: given, layerNorm = false, residual = false, precision = "f64" }: TrainableOptions,
  inputSize: number,
): readonly RecurrentPart[] {
  const list: readonly TrainableRecurrent[] = Array.isArray(given) ? given : [given];
  if (list.length === 0) throw new RangeError(`${WHERE}: recurrent: expected a stack, got none`);
  let n = inputSize;
  let norms = 0;
  return list.map((each, i) => {
    const place = list.length === 1 ? "recurrent" : `recurrent[${i}]`;
    checkObject(WHERE, place, each);
    const { dropout, ...others } = each;
    checkDropout(`${WHERE}: ${place}`, dropout);
    for (const own of ["inputSize", "precision"]) {
      if (!(own in others)) continue;
      const where =
        own === "precision" ? "it is an option of the whole network" : "the layers below define it";
      throw new TypeError(`${WHERE}: ${place}: ${own}: remove it: ${where}`);
    }
    const options: RecurrentOptions = { ...others, inputSize: n, precision };
    within(`${WHERE}: ${place}`, "createRecurrent", () => checkRecurrentOptions(options));
    const part = {
      name: list.length === 1 ? "recurrent" : `recurrent.${i}`,
      options,
      hasBias: true,
      dropout: dropout ?? 0,
      merge: "concat" as const,
      norms: Array.from({ length: layerNorm ? (options.layers ?? 1) : 0 }, () => ({
        name: `norm.${norms++}`,
        epsilon: LAYER_NORM_EPSILON,
      })),
      residual,
    };
    n = outputOfPart(part);
    return part;
  });
}

/**
 * Checks the options of a network, each for itself and together.
 *
 * @throws {TypeError | RangeError} for an option that is unknown, of the wrong kind or out of range
 */
export function architectureOfOptions(options: TrainableOptions): Architecture {
  checkOptions(WHERE, options, NAMES);
  const { precision = "f64", layerNorm = false, residual = false, variational = false } = options;
  const { seed, initialisation, forgetBias } = options;
  checkWord(`${WHERE}: precision`, precision, ["f64", "f32"]);
  checkFlag(`${WHERE}: variational`, variational);
  checkFlag(`${WHERE}: layerNorm`, layerNorm);
  checkFlag(`${WHERE}: residual`, residual);
  checkSeed(WHERE, seed);
  checkWord(`${WHERE}: initialisation`, initialisation, ["pytorch", "keras"]);
  if (forgetBias !== undefined) checkNumber(`${WHERE}: forgetBias`, forgetBias, {});
  const input = inputOf(options.input);
  const recurrent = recurrentOf(options, input.size);
  checkOptions(WHERE, options.output, OUTPUT_NAMES, "output");
  const { size, of = "step", tied = false, dropout } = options.output;
  checkInteger(`${WHERE}: output.size`, size, 1);
  checkWord(`${WHERE}: output.of`, of, ["step", "last", "mean", "max"]);
  checkFlag(`${WHERE}: output.tied`, tied);
  checkDropout(`${WHERE}: output`, dropout);
  if (tied) {
    if (input.kind !== "embedding") {
      throw new TypeError(
        `${WHERE}: output.tied: expected an input with an embedding, got ${input.kind}`,
      );
    }
    const n = outputOfPart(recurrent.at(-1) as RecurrentPart);
    if (size !== input.tokens || n !== input.size) {
      throw new RangeError(
        `${WHERE}: output.tied: expected an embedding (${size}, ${n}), as the linear layer's weight, got (${input.tokens}, ${input.size})`,
      );
    }
  }
  return {
    precision,
    input,
    recurrent,
    variational,
    hidden: [],
    output: {
      name: "output",
      size,
      of,
      tied,
      hasBias: true,
      dropout: dropout ?? 0,
      hasSigmoid: false,
    },
  };
}
