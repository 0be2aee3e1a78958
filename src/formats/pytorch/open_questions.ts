import { ACTIVATIONS } from "../../cells/activations.js";
import { assume, graphAdvice } from "../../description/assumptions.js";
import {
  type ModelDescription,
  outputSize,
  type RecurrentDescription,
} from "../../description/description.js";
import type { OutputName, PytorchNames } from "./architecture.js";
import { fail, list, quote } from "./names.js";

type Described = Omit<ModelDescription, "metadata">;

export const ONNX_ADVICE = /* @__PURE__ */ graphAdvice("torch.onnx.export");

const namesOf = (parts: readonly { readonly name: string }[]): string =>
  list(parts.map(({ name }) => quote(name)));

const activationOf = (given: OutputName | undefined) =>
  typeof given === "object" ? given.activation : undefined;

const givenOutputs = ({ output }: PytorchNames) => [output ?? []].flat() as readonly OutputName[];

/** Whether two places of a stack have the same number of columns, so that one could be added to the other. */
function allowsResidual({ recurrent }: Described): boolean {
  if (recurrent.length < 2) return false;
  const widths = recurrent.map(outputSize);
  widths.unshift(recurrent[0]?.options.inputSize ?? 0);
  return new Set(widths).size < widths.length;
}

/** Throws if the tensors fit several networks, and the caller does not say which. */
export function checkQuestions(described: Described, names: PytorchNames): void {
  const { recurrent, dense } = described;
  const questions: string[] = [];
  if (names.residual === undefined && allowsResidual(described)) {
    const what = `whether the output of ${namesOf(recurrent)} is added to another one (a residual connection)`;
    questions.push(`${what}: pass { residual: false } if it is not; if it is, ${ONNX_ADVICE}`);
  }
  const given = givenOutputs(names);
  const open = dense.slice(0, -1).filter((_, i) => activationOf(given[i]) === undefined);
  if (open.length > 0) {
    const first = open[0]?.name ?? "";
    const option = `output: [{ name: ${quote(first)}, activation: "relu" }, …]`;
    const values = `"identity" for none; ${Object.keys(ACTIVATIONS).join(", ")}`;
    questions.push(`which activation follows ${namesOf(open)}: pass { ${option} } (${values})`);
  }
  if (questions.length === 0) return;
  fail(
    "ambiguous",
    `these tensors fit several networks; they do not say ${questions.join("; nor ")}`,
  );
}

/** Throws if the caller says that there are residual connections. */
export function checkResidual(place: string, residual: unknown): void {
  if (residual !== true) return;
  fail(
    "unsupported-setting",
    `${place}: expected false: state residual connections in recurra.network, or ${ONNX_ADVICE}`,
  );
}

const CELLS: Readonly<Record<RecurrentDescription["options"]["cell"], string>> = {
  rnn: "nn.RNN",
  lstm: "nn.LSTM, with gates in the order i, f, g, o",
  gru: "nn.GRU, with gates in the order r, z, n and the reset gate after the recurrent product (ONNX: linear_before_reset = 1)",
};

/** What an architecture that was inferred takes for granted. */
export function assumptionsOf(
  { input, recurrent, dense }: Described,
  names: PytorchNames,
  metadata: ReadonlyMap<string, string>,
): string[] {
  const embedding = input.kind === "embedding" ? [input] : [];
  const chain = namesOf([...embedding, ...recurrent, ...dense]);
  const others = names.residual === false ? "or attention" : "attention or a residual connection";
  const all = [
    assume(
      "network",
      `It is ${chain}, from the input up, and nothing else: no activation between them, no normalisation, ${others}.`,
    ),
  ];
  for (const cell of new Set(recurrent.map(({ options }) => options.cell))) {
    const own = recurrent.filter(({ options }) => options.cell === cell);
    all.push(assume("network", `${namesOf(own)} computes as ${CELLS[cell]}.`));
    const isSaid = names.nonlinearity !== undefined || metadata.has("nonlinearity");
    if (cell === "rnn" && !isSaid) {
      all.push(assume("nonlinearity", `tanh in ${namesOf(own)}; "relu" is the alternative.`));
    }
  }
  const zeros = "Every sequence begins with a state of zeros and is read from its first step on";
  all.push(assume("network", `${zeros}; batch_first changes the order of axes only.`));
  if (input.kind !== "embedding" && input.guessed) {
    const kinds = {
      "one-hot": `${input.size} tokens as one-hot vectors, since there are as many outputs; "features"`,
      features: `${input.size} numbers a step; "one-hot"`,
    };
    all.push(assume("input", `${kinds[input.kind]} is the alternative.`));
  }
  if (names.pooling === undefined) {
    const alternatives = '"last", "mean" and "max" are the alternatives';
    all.push(assume("output", `one for every step; ${alternatives}.`));
  }
  if (activationOf(givenOutputs(names).at(-1)) === undefined) {
    const top = namesOf([(dense.at(-1) ?? recurrent.at(-1)) as { name: string }]);
    const alternatives = '"softmax" and "logSoftmax" are among the alternatives';
    all.push(assume("activation", `none after ${top}; ${alternatives}.`));
  }
  return all;
}
