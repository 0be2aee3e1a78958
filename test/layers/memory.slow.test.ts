import { describe, expect, it } from "vitest";
import { createEngineSync } from "../../src/index.js";
import { vacancies } from "../support/engines.js";
import { cellNames, layerOf, randomWeights } from "../support/layers.js";
import { randomTensor, uniform } from "../support/random.js";

const [nx, na, m, T] = [3, 5, 2, 4];

describe.each(cellNames)("a layer's memory, %s", (cell) => {
  const engine = createEngineSync();
  const next = uniform(8);
  const layer = layerOf(engine, cell, randomWeights(next, cell, nx, na));
  const x = randomTensor(next, T, m, nx);
  const dy = randomTensor(next, T, m, na);

  it("100,000 times forward leave the memory as it was", () => {
    layer.forward(x).state.dispose();
    const places = vacancies(engine);
    for (let i = 0; i < 100_000; i++) layer.forward(x).state.dispose();
    expect(vacancies(engine)).toEqual(places);
  });

  it("20,000 times forward with a tape and backward leave the memory as it was", () => {
    const call = () => {
      const { state, tape } = layer.forward(x, undefined, { keepTape: true });
      if (tape === undefined) throw new Error("no tape");
      layer.backward(dy, tape);
      for (const made of [tape, state]) made.dispose();
    };
    call();
    const places = vacancies(engine);
    for (let i = 0; i < 20_000; i++) call();
    expect(vacancies(engine)).toEqual(places);
  });
});
