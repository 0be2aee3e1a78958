import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { openGraph } from "../../src/graph/graph.js";
import { createEngineSync } from "../../src/index.js";
import { type DrawnGraph, drawGraph } from "./draw.js";

const engine = createEngineSync();
afterAll(() => engine.dispose());

/** The largest difference from the oracle, beside the larger of 1 and the numbers of its tensor. */
function difference(
  outputs: ReturnType<ReturnType<typeof openGraph>["run"]>,
  graph: DrawnGraph,
): number {
  let worst = 0;
  for (const [name, { shape, data }] of Object.entries(graph.outputs)) {
    const found = outputs[name];
    expect(found?.shape, name).toEqual(shape);
    const scale = data.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
    data.forEach((value, i) => {
      const gap = Math.abs(Number(found?.data[i]) - value) / scale;
      if (!(gap <= worst)) worst = gap;
    });
  }
  return worst;
}

const seeds = fc.record({
  seed: fc.integer({ min: 1, max: 2 ** 30 }),
  count: fc.integer({ min: 1, max: 14 }),
});

describe("random graphs against plain loops in float64", () => {
  it.each([
    ["f64", 1e-10],
    ["f32", 2e-4],
  ] as const)("%s: as a run, and folded at opening, within %d", (precision, bound) => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(seeds, ({ seed, count }) => {
        const graph = drawGraph(seed, count, { double: precision === "f64" });
        for (const operator of graph.operators) seen.add(operator);
        if (Object.keys(graph.outputs).length === 0) return;
        const open = openGraph(engine, graph.bytes);
        const inputs = { x: graph.inputs.x as never };
        const first = open.run(inputs);
        expect(difference(first, graph)).toBeLessThan(bound);
        const folded = openGraph(engine, graph.bytes, { inputs });
        expect(difference(folded.run({}), graph)).toBeLessThan(bound);
        // Once more over memory that is no longer fresh.
        expect(open.run(inputs)).toEqual(first);
        open.dispose();
        folded.dispose();
      }),
      { numRuns: 200, seed: 1 },
    );
    expect(seen.size).toBeGreaterThan(45);
  });
});
