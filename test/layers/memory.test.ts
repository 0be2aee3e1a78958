import { describe, expect, it } from "vitest";
import { createEngineSync, type Engine } from "../../src/index.js";
import { coreOf } from "../../src/wasm/engine.js";
import { vacancies } from "../support/engines.js";
import { cellNames, layerOf, randomWeights } from "../support/layers.js";
import { drawNetwork, open, startOf } from "../support/networks.js";
import { randomTensor, uniform } from "../support/random.js";

const [nx, na, m, T] = [3, 5, 2, 4];

/** An engine whose arena counts. */
function counting(): { engine: Engine; allocations: () => number } {
  const engine = createEngineSync();
  const allocate = coreOf(engine).arena.allocate.bind(coreOf(engine).arena);
  let count = 0;
  coreOf(engine).arena.allocate = (bytes) => {
    count++;
    return allocate(bytes);
  };
  return { engine, allocations: () => count };
}

describe.each(cellNames)("a layer's memory, %s", (cell) => {
  const { engine, allocations } = counting();
  const next = uniform(8);
  const layer = layerOf(engine, cell, randomWeights(next, cell, nx, na));
  const x = randomTensor(next, T, m, nx);
  const xt = randomTensor(next, m, nx);
  const dy = randomTensor(next, T, m, na);

  it("100,000 steps allocate nothing", () => {
    const state = layer.createState(m);
    const [before, places] = [allocations(), vacancies(engine)];
    const counted = allocations();
    expect(counted).toBeGreaterThan(before);
    for (let i = 0; i < 100_000; i++) layer.step(xt, state);
    expect(allocations()).toBe(counted);
    expect(vacancies(engine)).toEqual(places);
    // A bounded map: after so many steps the state is still a state.
    expect(state.read().h.data.every((value) => Math.abs(value) <= 1)).toBe(true);
    state.dispose();
  });

  it.each([
    ["2,000 times forward", 2_000, () => layer.forward(x).state.dispose()],
    [
      "2,000 times forward with a tape and backward",
      2_000,
      () => {
        const { state, tape } = layer.forward(x, undefined, { keepTape: true });
        if (tape === undefined) throw new Error("no tape");
        layer.backward(dy, tape);
        tape.dispose();
        state.dispose();
      },
    ],
  ] as [string, number, () => void][])("%s leave the memory as it was", (_, times, call) => {
    call();
    const places = vacancies(engine);
    for (let i = 0; i < times; i++) call();
    expect(vacancies(engine)).toEqual(places);
  });

  it.each([
    ["ragged", { layers: 2 }],
    ["ragged, two layers of two directions", { layers: 2, bidirectional: true }],
    ["ragged, reverse", { reverse: true }],
  ] as const)("1,000 passes forward and backward, %s, leave the memory as it was", (_, kind) => {
    const drawn = drawNetwork({ cell, ...kind }, { nx, na, lengths: [2, 0, 4, 1] }, 9);
    const network = open(engine, drawn);
    const state = startOf(network, drawn);
    const call = () => {
      network.forward(drawn.sequences, state);
      const { tape } = network.forward(drawn.sequences, state, { keepTape: true });
      if (tape === undefined) throw new Error("no tape");
      network.backward(drawn.dOutputs, tape);
      tape.dispose();
    };
    call();
    const places = vacancies(engine);
    for (let i = 0; i < 1_000; i++) call();
    expect(vacancies(engine)).toEqual(places);
    for (const made of [state, network]) made.dispose();
  });
});
