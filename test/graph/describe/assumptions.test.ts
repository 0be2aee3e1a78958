import { describe, expect, it } from "vitest";
import { describeOnnx } from "../../../src/onnx.js";
import { loadCases } from "../../formats/onnx/cases.js";
import { FLOAT, model } from "../../formats/onnx/writer.js";

const STATES =
  "network: The initial states are inputs of the graph; every sequence begins with a state of zeros here.";
const LENGTHS =
  "network: sequence_lens is an input of the graph; every sequence is read to its own end here.";

describe("what a graph leaves to its caller is listed", () => {
  it.each(loadCases("chains.json"))("$name", ({ name, model }) => {
    const words = name.split(" ");
    const expected = [
      ...(words.includes("h0") ? [STATES] : []),
      ...(words.includes("lengths") ? [LENGTHS] : []),
    ];
    expect(describeOnnx(model).assumptions).toEqual(expected);
  });

  it("which of several outputs is read, unless an option says it", () => {
    const zeros = (...shape: number[]) => ({
      shape,
      data: new Float32Array(shape.reduce((a, b) => a * b)),
    });
    const bytes = model({
      nodes: [
        {
          operator: "GRU",
          inputs: ["X", "W", "R"],
          outputs: ["Y", "H"],
          attributes: { hidden_size: 2 },
        },
        { operator: "Squeeze", inputs: ["Y", "one"], outputs: ["steps"] },
        { operator: "Squeeze", inputs: ["H", "zero"], outputs: ["end"] },
      ],
      initializers: {
        W: zeros(1, 6, 3),
        R: zeros(1, 6, 2),
        one: { shape: [1], data: BigInt64Array.of(1n) },
        zero: { shape: [1], data: BigInt64Array.of(0n) },
      },
      inputs: [["X", FLOAT, ["T", "m", 3]]],
      outputs: [
        ["steps", FLOAT],
        ["end", FLOAT],
      ],
    });
    expect(describeOnnx(bytes)).toMatchObject({
      output: "steps",
      assumptions: ['network: The model\'s output is "steps", the first of 2.'],
    });
    expect(describeOnnx(bytes, { output: "end" })).toMatchObject({
      output: "last",
      assumptions: [],
    });
  });
});
