import { describe, expect, it } from "vitest";
import { type Columns, tableWindows } from "../../src/data/windows.js";
import { ShapeError, type Tensor } from "../../src/index.js";
import { expectError } from "../support/errors.js";

const ROWS = 100;
const TRAIN = 80;
const price = Float64Array.from({ length: ROWS }, (_, t) => 3 * t + (t % 5));
const load = Array.from({ length: ROWS }, (_, t) => Math.sin(t));
const state = Array.from({ length: ROWS }, (_, t) => ["low", "high", "mid"][t % 3] as string);
const columns: Columns = { price, load, state };
const options = { target: "price", window: 8, validation: 0.2 } as const;

/** Mean and standard deviation, as a plain loop has them. */
function moments(column: ArrayLike<number>): { mean: number; scale: number } {
  const own = Array.from(column).slice(0, TRAIN);
  const mean = own.reduce((sum, x) => sum + x, 0) / TRAIN;
  return { mean, scale: Math.sqrt(own.reduce((sum, x) => sum + (x - mean) ** 2, 0) / TRAIN) };
}

const near = (got: number | undefined, want: number): void => {
  expect(Math.abs((got ?? Number.NaN) - want)).toBeLessThan(1e-12);
};

describe("tableWindows", () => {
  const [p, l] = [moments(price), moments(load)];

  it("each row of a window has the normalised target of the next row", () => {
    const { train, validation, features, outputs } = tableWindows(columns, options);
    expect(features).toEqual(["price", "load"]);
    expect(outputs).toBe(1);
    // Starts 0, 4, … and the last one, whose target is row 79.
    expect(train.inputs).toHaveLength(19);
    for (const [data, k, first] of [
      [train, 1, 4],
      [train, 18, 71],
      [validation, 0, 80],
      [validation, 2, 91],
    ] as const) {
      const input = data.inputs[k] as Tensor;
      const target = (data.targets as Tensor[])[k] as Tensor;
      expect([input.shape, target.shape]).toEqual([
        [8, 2],
        [8, 1],
      ]);
      for (let t = 0; t < 8; t++) {
        const row = first + t;
        near(input.data[2 * t], ((price[row] as number) - p.mean) / p.scale);
        near(input.data[2 * t + 1], ((load[row] as number) - l.mean) / l.scale);
        near(target.data[t], ((price[row + 1] as number) - p.mean) / p.scale);
      }
    }
    expect(validation.inputs).toHaveLength(3);
  });

  it("metadata: the numbers of the training part alone, as loadTagger takes them", () => {
    const { metadata, trainingRows } = tableWindows(columns, options);
    expect(trainingRows).toBe(TRAIN);
    const { mean, scale } = JSON.parse(metadata.normalisation ?? "");
    near(mean[0], p.mean);
    near(scale[1], l.scale);
    expect(JSON.parse(metadata.targetNormalisation ?? "")).toEqual({
      mean: [mean[0]],
      scale: [scale[0]],
    });
    expect(JSON.parse(metadata.features ?? "")).toEqual(["price", "load"]);
    expect(metadata).toMatchObject({ target: "price", horizon: "1", window: "8" });
    const changed = { ...columns, load: load.map((x, t) => (t < TRAIN ? x : 1e9)) };
    expect(tableWindows(changed, options).metadata).toEqual(metadata);
  });

  it("a column of texts becomes labels in order, predicted for the same row", () => {
    const { train, classes, outputs, metadata } = tableWindows(columns, {
      ...options,
      target: "state",
    });
    expect(classes).toEqual(["high", "low", "mid"]);
    expect(outputs).toBe(3);
    expect(JSON.parse(metadata.classes ?? "")).toEqual(classes);
    expect(metadata.targetNormalisation).toBeUndefined();
    expect([...((train.targets as Int32Array[])[1] as Int32Array)]).toEqual(
      state.slice(4, 12).map((label) => classes?.indexOf(label)),
    );
  });

  it('output: "last": a target for each window, and a window for each row', () => {
    const { train, validation } = tableWindows(columns, { ...options, output: "last", horizon: 3 });
    const { shape, data } = train.targets as Tensor;
    expect(train.inputs).toHaveLength(TRAIN - 8 - 3 + 1);
    expect(shape).toEqual([TRAIN - 10, 1]);
    near(data[5], ((price[5 + 7 + 3] as number) - p.mean) / p.scale);
    expect(validation.inputs).toHaveLength(10);
    const labels = tableWindows(columns, { ...options, target: "state", output: "last" });
    expect((labels.train.targets as Int32Array)[2]).toBe(
      labels.classes?.indexOf(state[9] as string),
    );
  });

  it("a constant column has scale 1", () => {
    const { metadata } = tableWindows({ price, load: Array(ROWS).fill(7) }, options);
    expect(JSON.parse(metadata.normalisation ?? "").scale[1]).toBe(1);
  });

  it("refuses columns and options, by name", () => {
    const fails = (changed: object, kind: never, message: string, of: Columns = columns) =>
      expectError(() => tableWindows(of, { ...options, ...changed }), kind, message);
    fails(
      { target: "prize" },
      TypeError as never,
      'tableWindows: target: there is no column "prize": did you mean price?',
    );
    fails(
      { features: ["laod"] },
      TypeError as never,
      'tableWindows: features: there is no column "laod": did you mean load?',
    );
    fails(
      { features: ["state"] },
      TypeError as never,
      'tableWindows: columns.state[0]: expected a finite number, got "low"',
    );
    fails(
      { features: [] },
      TypeError as never,
      "tableWindows: features: expected at least one column of numbers, got none",
    );
    fails(
      { features: ["price"], horizon: 0 },
      TypeError as never,
      "tableWindows: features: price is the target of the same row: …",
    );
    fails(
      { window: 0 },
      RangeError as never,
      "tableWindows: window: expected an integer ≥ 1, got 0",
    );
    fails({ validation: 1 }, RangeError as never, "tableWindows: validation: …");
    fails({ windows: 3 }, TypeError as never, "tableWindows: …did you mean window?");
    fails(
      { window: 20 },
      ShapeError as never,
      "tableWindows: columns: expected at least 21 rows for training and as many for validation, got 80 and 20",
    );
    fails(
      {},
      ShapeError as never,
      "tableWindows: columns.load: expected 100 rows, as in the first column, got 1",
      { price, load: [1] },
    );
    fails(
      {},
      TypeError as never,
      "tableWindows: columns.load[3]: expected a finite number, got NaN",
      { price, load: load.map((x, t) => (t === 3 ? Number.NaN : x)) },
    );
    fails(
      { target: "state" },
      TypeError as never,
      "tableWindows: columns.state[2]: expected a text, as in its first row",
      { ...columns, state: state.map((x, t) => (t === 2 ? 5 : x)) as string[] },
    );
  });
});
