import { describe, expect, it } from "vitest";
import { createRecurrent, type LayerWeights } from "../../src/index.js";
import { relativeError } from "../support/compare.js";
import { fixtures } from "../support/fixtures.js";
import { loaded } from "../support/stored.js";
import type { Tensor } from "../support/subject.js";
import { engines } from "../support/subjects.js";
import { expectedOf, type TorchCase } from "../support/torch.js";

// PyTorch sums in blocks and has its own tanh, both float64; three layers over eleven steps multiply what they differ by.
const BOUND = 1e-11;

// The second are of scripts/make_torch_projection.py: their loss looks at the last states, too.
const cases = [...fixtures<TorchCase>("torch-cases"), ...fixtures<TorchCase>("torch-projection")];

/** Everything that a case holds, by one network over the ragged batch. */
function run(engine: (typeof engines)[number]["engine"], given: TorchCase): Map<string, Tensor> {
  const { cell, layers, bidirectional } = given;
  const network = createRecurrent(engine, {
    ...{ cell, layers, bidirectional },
    inputSize: given.input_size,
    hiddenSize: given.hidden_size,
    ...(given.projection_size && { projectionSize: given.projection_size }),
  });
  const all = Object.entries(given.weights).map(([name, value]) => [name, loaded(value)]);
  network.load(Object.fromEntries(all) as LayerWeights);
  const sequences = given.x.map(loaded);
  const state = network.createState(sequences.length);
  state.write({ h: loaded(given.h0), ...(given.c0 && { c: loaded(given.c0) }) });
  const initial = state.clone();
  const { outputs, tape } = network.forward(sequences, state, { keepTape: true });
  if (tape === undefined) throw new Error("no tape");
  // What is not recorded is the same, bit for bit.
  expect(network.forward(sequences, initial).outputs).toEqual(outputs);
  expect(initial.read()).toEqual(state.read());
  const { dInputs, dState, gradients } = network.backward(given.dy.map(loaded), tape, {
    ...(given.dh_n && { h: loaded(given.dh_n) }),
    ...(given.dc_n && { c: loaded(given.dc_n) }),
  });
  const results = new Map<string, Tensor>();
  const { h, c } = state.read();
  results.set("h_n", h).set("dh0", dState.h);
  if (c && dState.c) results.set("c_n", c).set("dc0", dState.c);
  for (const [b, y] of outputs.entries()) results.set(`y[${b}]`, y);
  for (const [b, dx] of dInputs.entries()) results.set(`dx[${b}]`, dx);
  for (const [name, d] of Object.entries(gradients)) results.set(`dweights.${name}`, d as Tensor);
  for (const made of [tape, state, initial, network]) made.dispose();
  return results;
}

describe.each(engines)("PyTorch's cases by one network on the $name", ({ engine }) => {
  it.each(cases)(`$name: outputs, states and all gradients to ${BOUND}`, ({ content }) => {
    const results = run(engine, content);
    const expected = expectedOf(content);
    expect([...results.keys()].sort()).toEqual([...expected.keys()].sort());
    for (const [name, want] of expected) {
      expect(relativeError(results.get(name) as Tensor, want), name).toBeLessThan(BOUND);
    }
  });
});
