import { describe, expect, it } from "vitest";
import { fuseLayers } from "../../src/description/fuse_layers.js";
import {
  describeSafetensors,
  type SafetensorsFile,
  writeModel,
} from "../../src/formats/safetensors.js";
import { countWork } from "../support/cost.js";

// Work is counted, not timed: the functions and blocks that run. Twice the input may take twice the work and no more.

const tensor = (...shape: number[]) => ({
  dtype: "F32" as const,
  shape,
  data: new Float32Array(shape.reduce((a, b) => a * b, 1)),
});
const file = (entries: Iterable<[string, ReturnType<typeof tensor>]>): SafetensorsFile => ({
  tensors: new Map(entries),
  metadata: new Map(),
});
const PARTS = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"];
const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** One LSTM of n layers. */
const layers = (n: number): SafetensorsFile =>
  file(
    numbers(n).flatMap((l) =>
      PARTS.map((part): [string, ReturnType<typeof tensor>] => [
        `lstm.${part}_l${l}`,
        part.startsWith("weight") ? tensor(4, 1) : tensor(4),
      ]),
    ),
  );

/** n modules of one layer, numbered. */
const modules = (n: number): SafetensorsFile =>
  file(
    numbers(n).flatMap((i) =>
      ["weight_ih", "weight_hh"].map((part): [string, ReturnType<typeof tensor>] => [
        `gru${i}.${part}_l0`,
        tensor(3, 1),
      ]),
    ),
  );

/** Two tensors that the metadata give the names of n layers. */
const aliases = (n: number): SafetensorsFile => ({
  tensors: new Map([
    ["a", tensor(4, 1)],
    ["b", tensor(4)],
  ]),
  metadata: new Map(
    numbers(n).flatMap((l) =>
      PARTS.map((part): [string, string] => [
        `lstm.${part}_l${l}`,
        part.startsWith("weight") ? "a" : "b",
      ]),
    ),
  ),
});

/** A small network among n other modules. */
const others = (n: number): SafetensorsFile => {
  const { tensors, metadata } = layers(1);
  for (const i of numbers(n)) tensors.set(`m${i}.weight`, tensor(2, 1));
  return { tensors, metadata };
};

const described = (n: number) => describeSafetensors(modules(n), { residual: false });

describe("work grows with the input, not with its square", () => {
  it.each<[string, number, (n: number) => () => unknown]>([
    ["describeSafetensors: layers", 600, (n) => describeSafetensors.bind(null, layers(n))],
    ["describeSafetensors: modules", 1200, (n) => describeSafetensors.bind(null, modules(n))],
    ["describeSafetensors: aliases", 600, (n) => describeSafetensors.bind(null, aliases(n))],
    ["describeSafetensors: others", 2400, (n) => describeSafetensors.bind(null, others(n))],
    ["writeModel: layers", 600, (n) => writeModel.bind(null, describeSafetensors(layers(n)))],
    ["writeModel: modules", 1200, (n) => writeModel.bind(null, described(n))],
  ])("%s", (_, n, prepare) => {
    const [once, twice] = [prepare(n), prepare(2 * n)].map(countWork);
    expect(once).toBeGreaterThan(n);
    // Sorting takes n·log n comparisons.
    expect((twice as number) / (once as number)).toBeLessThan(2.2);
  });

  it("as many layers and modules as a file may have", () => {
    expect(describeSafetensors(layers(2500)).recurrent[0]?.options.layers).toBe(2500);
    expect(described(5000).recurrent).toHaveLength(5000);
  });

  // Copying an object is no counted work. The square of 40,000 would take minutes.
  it("40,000 stacks become one", () => {
    const description = described(1);
    const [stack] = description.recurrent;
    const recurrent = Array(40_000).fill(stack);
    const [fused, ...more] = fuseLayers({ ...description, recurrent }).recurrent;
    expect([fused?.options.layers, more.length]).toEqual([40_000, 0]);
    expect(Object.keys(fused?.weights ?? {})).toHaveLength(80_000);
  });
});
