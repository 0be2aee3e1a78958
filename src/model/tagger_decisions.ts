import { isAssumed, settled } from "../description/assumptions.js";
import type { DenseDescription, ModelDescription, OutputKind } from "../description/description.js";
import { ModelFormatError } from "../description/format_error.js";

/** What the options of `loadTagger` say about the network. */
export interface TaggerDecisions {
  readonly output?: OutputKind | "step" | undefined;
  readonly activation?: "identity" | "softmax" | "logSoftmax" | undefined;
}

export const OUTPUTS = ["steps", "step", "last", "mean", "max"] as const;

/**
 * The description with what the caller decides. Its assumptions are those that remain.
 *
 * @throws {ModelFormatError} with code "ambiguous" if neither the file nor the caller says what the output is. A plain network
 *   (one recurrent module, one linear layer at most) has an output for every step then, which its assumptions list.
 */
export function decideTagger(
  where: string,
  file: ModelDescription,
  { output, activation }: TaggerDecisions,
): ModelDescription {
  let { assumptions } = file;
  const isPlain = file.recurrent.length === 1 && file.dense.length <= 1;
  if (output !== undefined) assumptions = settled(assumptions, "output");
  else if (isAssumed(assumptions, "output") && !isPlain) {
    const choices = 'pass { output: "steps" }, "last", "mean" or "max", as in training';
    const message = `${where}: output: the file does not say whether each step has an output or each sequence one: ${choices}`;
    throw new ModelFormatError("ambiguous", message);
  }
  if (activation !== undefined) assumptions = settled(assumptions, "activation");
  const description = activation === undefined ? file : withActivation(file, activation);
  return {
    ...description,
    output: output === "step" ? "steps" : (output ?? file.output),
    ...(assumptions === undefined ? {} : { assumptions }),
  };
}

/** The same network with another activation after its last linear layer. */
function withActivation(
  description: ModelDescription,
  activation: DenseDescription["activation"],
): ModelDescription {
  const dense = description.dense.map((layer, i, { length }) =>
    i + 1 < length ? layer : { ...layer, activation },
  );
  return { ...description, dense };
}
