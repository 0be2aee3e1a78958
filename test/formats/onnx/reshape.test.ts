import { describe, expect, it } from "vitest";
import { reshaped } from "../../../src/formats/onnx/folding.js";
import type { Axis, Flow, Label } from "../../../src/formats/onnx/values.js";

const labels: Record<string, Label> = {
  t: { size: undefined },
  m: { size: undefined },
  d: { size: 2 },
  h: { size: 3 },
  one: { size: 1 },
  five: { size: 5 },
};
const label = (name: string): Label => labels[name] as Label;
const flow = (axes: readonly string[]): Flow =>
  ({ axes: axes.map((axis) => axis.split("·").map(label)) }) as unknown as Flow;
/** Axes in words; a label that was not there before is "new". */
const words = (axes: readonly Axis[] | undefined) =>
  axes?.map((axis) =>
    axis.map((each) => Object.keys(labels).find((key) => labels[key] === each) ?? "new").join("·"),
  );

describe("Reshape, by name of each axis", () => {
  it.each([
    [
      ["t", "m", "d", "h"],
      [0, 0, -1],
      ["t", "m", "d·h"],
    ],
    [
      ["t", "m", "d", "h"],
      [0, 0, 6],
      ["t", "m", "d·h"],
    ],
    [
      ["t", "m", "d", "h"],
      ["t", "m", 6],
      ["t", "m", "d·h"],
    ],
    [
      ["t", "m", "d", "h"],
      [-1, 6],
      ["t·m", "d·h"],
    ],
    [
      ["t", "m", "d·h"],
      [0, 0, 2, 3],
      ["t", "m", "d", "h"],
    ],
    [
      ["t", "m", "d·h"],
      [0, 0, 2, -1],
      ["t", "m", "d", "h"],
    ],
    [
      ["five", "one", "d", "h"],
      [5, 1, 6],
      ["five", "one", "d·h"],
    ],
    [
      ["five", "one", "d", "h"],
      [5, 6],
      ["five", "one·d·h"],
    ],
    [
      ["five", "d", "h", "one"],
      [5, 6],
      ["five", "d·h"],
    ],
    [
      ["t", "h"],
      [0, 1, 3],
      ["t", "new", "h"],
    ],
    [
      ["t", "one", "h"],
      [-1, 3],
      ["t·one", "h"],
    ],
    [
      ["t", "m", "h"],
      [-1, "m", 3],
      ["t", "m", "h"],
    ],
    // What does not come out whole.
    [["t", "m", "d", "h"], [0, 0, 3, 2], undefined],
    [["t", "m", "d", "h"], [0, 0, 5], undefined],
    [["t", "m", "h"], [5, -1, 3], undefined],
    [["t", "m", "h"], ["m", "t", 3], undefined],
    [["t", "m", "h"], [0, 3], undefined],
    [["t", "m", "h"], [0, 0, 3, 2], undefined],
    [["t", "m", "h"], [], undefined],
  ] as const)("%j to %j: %j", (from, target, wanted) => {
    const items = target.map((item) => (typeof item === "number" ? item : label(item)));
    expect(words(reshaped(flow(from), items))).toEqual(wanted);
  });
});
