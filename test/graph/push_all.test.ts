import { afterAll, expect, it } from "vitest";
import { createEngineSync, ShapeError } from "../../src/index.js";
import { type GraphInputs, openGraph } from "../../src/onnx.js";
import { FLOAT, model } from "../formats/onnx/writer.js";
import { expectError } from "../support/errors.js";

const engine = createEngineSync();
afterAll(() => engine.dispose());

// y = total = sum + x: the new sum has the shape of x.
const file = model({
  nodes: [
    { operator: "Add", inputs: ["sum", "x"], outputs: ["total"] },
    { operator: "Neg", inputs: ["total"], outputs: ["y"] },
  ],
  inputs: [
    ["x", FLOAT, ["n"]],
    ["sum", FLOAT, [1]],
  ],
  outputs: [
    ["y", FLOAT],
    ["total", FLOAT],
  ],
});
const one = { x: { shape: [1], data: [2] } };

it.each<[string, GraphInputs, new () => Error, string]>([
  [
    "the state would come out in another shape",
    { x: { shape: [3], data: [1, 2, 3] } },
    ShapeError,
    "pushAll: total: expected (1,), which sum has, got (3,)",
  ],
  [
    "the numbers are of another kind",
    { x: { shape: [1], data: ["2"] as unknown as number[] } },
    TypeError,
    "pushAll: x: expected Float32Array or Float64Array, got Array",
  ],
])("one of several streams is at fault, %s: no stream moves", (_, fault, kind, message) => {
  const graph = openGraph(engine, file);
  const streams = [0, 1, 2].map(() => graph.stream({ sum: "total" }));
  graph.pushAll(streams, [one, one, one]);
  const before = streams.map(({ state }) => state.toBytes());
  expectError(() => graph.pushAll(streams, [one, one, fault]), kind, message);
  expect(streams.map(({ state }) => state.toBytes())).toEqual(before);
  graph.dispose();
});
