import { afterAll, describe, expect, it } from "vitest";
import { openGraph } from "../../src/graph/graph.js";
import { createEngineSync } from "../../src/index.js";
import { bytesOf, firstFault, givenFor, loadGraphCases } from "./cases.js";

// Graphs as PyTorch 1.13 exports them: scripts/make_torch_graphs.py.

const engine = createEngineSync();
afterAll(() => engine.dispose());

describe("graphs exported by PyTorch, in double", () => {
  it.each(loadGraphCases("torch_graphs"))("$name: f64 within 1e-10, f32 within 1e-5", (each) => {
    for (const [precision, bound] of [
      ["f64", 1e-10],
      ["f32", 1e-5],
    ] as const) {
      const graph = openGraph(engine, bytesOf(each), { precision });
      expect(firstFault(graph.run(givenFor(each)), each.outputs, bound)).toBe("");
      graph.dispose();
    }
  });
});
