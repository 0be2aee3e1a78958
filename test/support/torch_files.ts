import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ModelDescription } from "../../src/description/description.js";
import { readSafetensors, type SafetensorsFile } from "../../src/formats/safetensors.js";
import { createRecurrent, type Engine } from "../../src/index.js";

const folder = new URL("../fixtures/torch-files/", import.meta.url);

export interface Expected {
  /** Tokens, or rows of features. */
  readonly x: number[] | number[][];
  readonly shape: [number, number];
  readonly y: number[];
}

export const fileBytes = (name: string): Uint8Array =>
  readFileSync(fileURLToPath(new URL(`${name}.safetensors`, folder)));
export const openFile = (name: string): SafetensorsFile => readSafetensors(fileBytes(name));
export const expected: Record<string, Expected> = JSON.parse(
  readFileSync(new URL("expected.json", folder), "utf8"),
);

/** What a described network makes of a sequence, all layers in f64: (T, ny), flat. Plain loops around the layers. */
export function run(engine: Engine, description: ModelDescription, x: Expected["x"]): number[] {
  const { input, recurrent, dense } = description;
  let n = recurrent[0]?.options.inputSize ?? 0;
  let rows = x.flatMap((step) => {
    if (typeof step !== "number") return step;
    if (input.kind === "embedding") return [...input.weight.data.slice(step * n, (step + 1) * n)];
    return Array.from({ length: n }, (_, j) => (j === step ? 1 : 0));
  });
  for (const { options, weights } of recurrent) {
    const layer = createRecurrent(engine, { ...options, precision: "f64" });
    layer.load(weights);
    const { y } = layer.forward({ shape: [x.length, 1, n], data: Float64Array.from(rows) });
    rows = [...y.data];
    n = y.shape[2] ?? 0;
  }
  for (const { weight, bias } of dense) {
    const [ny = 0, columns = 0] = weight.shape;
    rows = x.flatMap((_, t) =>
      Array.from({ length: ny }, (__, k) =>
        rows
          .slice(t * columns, (t + 1) * columns)
          .reduce((sum, h, j) => sum + h * (weight.data[k * columns + j] ?? 0), bias?.data[k] ?? 0),
      ),
    );
  }
  return rows;
}

/** A description with every array replaced by its shape. */
export const outline = (description: ModelDescription): unknown =>
  JSON.parse(
    JSON.stringify(description, (_, value) => {
      if (value instanceof Map) return Object.fromEntries(value);
      if (typeof value !== "object" || value === null || !("data" in value)) return value;
      return `(${value.shape})`;
    }),
  );
