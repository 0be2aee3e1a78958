import { describe, it } from "vitest";
import { expectNear } from "../support/compare.js";
import { fixtures } from "../support/fixtures.js";
import { type Drawn, drawNetwork, type Kind, listed, runOracle } from "../support/networks.js";
import { drawnOf, expectedOf, type TorchCase } from "../support/torch.js";
import { stencil } from "./stencil.js";
import type { Tensor } from "./tensor.js";

describe("the oracle of networks: PyTorch's outputs, states and gradients, to 1e-11", () => {
  // PyTorch sums in another order; three layers over eleven steps multiply what they differ by.
  const cases = [...fixtures<TorchCase>("torch-cases"), ...fixtures<TorchCase>("torch-projection")];
  it.each(cases)("$name", ({ content }) => {
    const { outputs, state, gradients } = runOracle(drawnOf(content));
    const wanted = expectedOf(content);
    expectNear({ ...listed("y", outputs), ...state }, wanted.results, 1e-11);
    expectNear(gradients(), wanted.gradients, 1e-11);
  });
});

describe("its gradients are its derivatives, to 1e-8", () => {
  const dot = (a: Tensor | undefined, b: Tensor | undefined): number =>
    a?.data.reduce((sum, value, i) => sum + value * (b?.data[i] as number), 0) ?? 0;

  /** Σ y·dy + Σ h·dh + Σ c·dc. */
  function loss(drawn: Drawn): number {
    const { outputs, state } = runOracle(drawn);
    const { dOutputs, dState } = drawn;
    const ofOutputs = outputs.reduce((sum, y, b) => sum + dot(y, dOutputs[b]), 0);
    return ofOutputs + dot(state.h, dState.h) + dot(state.c, dState.c);
  }

  // The stencil's own error is below 1e-12 of the loss, and the gradients' largest elements are no smaller than 1e-3 of it; a
  // wrong term in a derivative moves it by percents.
  it.each<Kind>([
    { cell: "rnn", layers: 3 },
    { cell: "gru", layers: 2, bidirectional: true },
    { cell: "gru", resetAfter: false, reverse: true },
    {
      cell: "lstm",
      bidirectional: true,
      activations: ["sigmoid", "tanh", "tanh", "sigmoid", "softplus", "tanh"],
    },
    { cell: "lstm", layers: 2, bidirectional: true, projected: true, peepholes: true },
    { cell: "lstm", layers: 2, reverse: true, inputForget: true },
  ])("%j", (kind) => {
    const drawn = drawNetwork(kind, { nx: 2, na: 3, lengths: [2, 0, 3] }, 5);
    const operands = { ...drawn.weights, ...listed("x", drawn.sequences), ...drawn.state };
    const differences = Object.entries(operands).map(
      ([name, operand]) => [name, stencil(() => loss(drawn), operand)] as const,
    );
    expectNear(runOracle(drawn).gradients(), Object.fromEntries(differences), 1e-8);
  });
});
