import { describe, expect, it } from "vitest";
import { expectNear } from "../support/compare.js";
import { engines } from "../support/engines.js";
import { fixtures } from "../support/fixtures.js";
import { listed, open, startOf } from "../support/networks.js";
import { drawnOf, expectedOf, type TorchCase } from "../support/torch.js";

// PyTorch sums in blocks and has its own tanh, both float64; three layers over eleven steps multiply what they differ by.
const BOUND = 1e-11;

// The second are of scripts/make_torch_projection.py: their loss looks at the last states, too.
const cases = [...fixtures<TorchCase>("torch-cases"), ...fixtures<TorchCase>("torch-projection")];

describe.each(engines)("PyTorch's cases by one network on the $name", ({ engine }) => {
  it.each(cases)(`$name: outputs, states and all gradients to ${BOUND}`, ({ content }) => {
    const drawn = drawnOf(content);
    const network = open(engine, drawn);
    const state = startOf(network, drawn);
    const initial = state.clone();
    const { outputs, tape } = network.forward(drawn.sequences, state, { keepTape: true });
    if (tape === undefined) throw new Error("no tape");
    // What is not recorded is the same, bit for bit.
    expect(network.forward(drawn.sequences, initial).outputs).toEqual(outputs);
    expect(initial.read()).toEqual(state.read());
    const back = network.backward(drawn.dOutputs, tape, drawn.dState);
    const gradients = { ...back.gradients, ...listed("x", back.dInputs), ...back.dState };
    const wanted = expectedOf(content);
    expectNear({ ...listed("y", outputs), ...state.read() }, wanted.results, BOUND);
    expectNear({ ...gradients }, wanted.gradients, BOUND);
    for (const made of [tape, state, initial, network]) made.dispose();
  });
});
