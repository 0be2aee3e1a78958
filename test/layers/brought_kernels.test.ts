import { describe, expect, it } from "vitest";
import { FeatureError } from "../../src/errors.js";
import * as forward from "../../src/forward.js";
import { createEngineSync, createRecurrent, type RecurrentOptions } from "../../src/index.js";
import { expectError } from "../support/errors.js";
import { uniform } from "../support/random.js";

const { float32, generalCells, generalCellsFloat32 } = forward;
const engine = createEngineSync();
const SIZES = { inputSize: 3, hiddenSize: 5 } as const;

/** All weights that any of the cells asks for. */
function weightsOf({ cell, projectionSize, peepholes }: RecurrentOptions) {
  const next = uniform(7);
  const G = { rnn: 1, gru: 3, lstm: 4 }[cell];
  const [nx, na, nh] = [SIZES.inputSize, SIZES.hiddenSize, projectionSize ?? SIZES.hiddenSize];
  const draw = (n: number) => Float64Array.from({ length: n }, () => next() - 0.5);
  return {
    weight_ih_l0: draw(G * na * nx),
    weight_hh_l0: draw(G * na * nh),
    bias_ih_l0: draw(G * na),
    bias_hh_l0: draw(G * na),
    ...(projectionSize === undefined ? {} : { weight_hr_l0: draw(nh * na) }),
    ...(peepholes === true ? { peephole_l0: draw(3 * na) } : {}),
  };
}

/** What a layer gives for one input. */
function outputs(layer: forward.ForwardRecurrent<Float64Array | Float32Array>): number[] {
  const options = layer.options;
  layer.load(weightsOf(options));
  const next = uniform(8);
  const data = Float64Array.from({ length: 2 * 2 * 3 }, next);
  const x = {
    shape: [2, 2, 3],
    data: options.precision === "f32" ? Float32Array.from(data) : data,
  };
  return Array.from(layer.forward(x).y.data);
}

const STANDARD: RecurrentOptions[] = [
  { cell: "rnn", ...SIZES },
  { cell: "gru", ...SIZES },
  { cell: "lstm", ...SIZES },
  { cell: "lstm", ...SIZES, projectionSize: 2 },
];
const GENERAL: RecurrentOptions[] = [
  { cell: "rnn", ...SIZES, nonlinearity: "relu" },
  { cell: "rnn", ...SIZES, activations: ["softsign"] },
  { cell: "gru", ...SIZES, resetAfter: false },
  { cell: "gru", ...SIZES, clip: 0.3 },
  { cell: "lstm", ...SIZES, peepholes: true },
  { cell: "lstm", ...SIZES, inputForget: true },
  { cell: "lstm", ...SIZES, projectionSize: 2, activations: ["hardSigmoid", "tanh", "tanh"] },
];
const single = (options: RecurrentOptions): RecurrentOptions => ({ ...options, precision: "f32" });

/** The kernels that each kind of cell needs. */
const CASES: [RecurrentOptions, forward.Kernels[]][] = [
  ...STANDARD.map((options): [RecurrentOptions, forward.Kernels[]] => [options, []]),
  ...STANDARD.map((options): [RecurrentOptions, forward.Kernels[]] => [single(options), [float32]]),
  ...GENERAL.map((options): [RecurrentOptions, forward.Kernels[]] => [options, [generalCells]]),
  ...GENERAL.map((options): [RecurrentOptions, forward.Kernels[]] => [
    single(options),
    [float32, generalCellsFloat32],
  ]),
];
const titled = CASES.map(([options, kernels]) => ({
  title: `${JSON.stringify(options)} with [${kernels.map(({ name }) => name)}]`,
  options,
  kernels,
}));

describe("createRecurrent of recurra/forward", () => {
  it.each(titled)("gives the bits of recurra's: $title", ({ options, kernels }) => {
    const own = outputs(forward.createRecurrent(engine, { ...options, kernels }));
    expect(own).toEqual(outputs(createRecurrent(engine, options)));
    expect(own.some((value) => value !== 0)).toBe(true);
  });

  it.each(titled.filter(({ kernels }) => kernels.length > 0))(
    "names what to import where the last is missing: $title",
    ({ options, kernels }) => {
      const brought = kernels.slice(0, -1);
      const { name } = kernels.at(-1) as forward.Kernels;
      const all = kernels.map((each) => each.name).join(", ");
      expectError(
        () => forward.createRecurrent(engine, { ...options, kernels: brought }),
        FeatureError,
        `createRecurrent: kernels: expected ${name} for …, got none: import ${name} from recurra/forward, and pass { kernels: [${all}] }`,
      );
    },
  );

  it("says why it needs them", () => {
    const why = (options: RecurrentOptions, use: string) =>
      expectError(
        () => forward.createRecurrent(engine, options),
        FeatureError,
        `createRecurrent: kernels: … for ${use}, got none: …`,
      );
    why({ cell: "lstm", ...SIZES, precision: "f32" }, 'precision "f32"');
    why({ cell: "lstm", ...SIZES, clip: 1 }, "a cell or an activation beyond the standard ones");
  });

  it.each([
    [null, "null"],
    ["f32", "string"],
    [float32, "Object"],
    [[float32, "f32"], "other values in it"],
    [[undefined], "other values in it"],
  ])("refuses other kernels: %j", (kernels, got) => {
    expectError(
      () =>
        forward.createRecurrent(engine, {
          cell: "rnn",
          ...SIZES,
          kernels: kernels as unknown as forward.Kernels[],
        }),
      TypeError,
      `createRecurrent: kernels: expected a list of kernels that recurra/forward exports, got ${got}`,
    );
  });

  it("names a misspelt option, and recurra's has no such option", () => {
    const misspelt = { cell: "rnn", ...SIZES, kernel: [] } as RecurrentOptions;
    expectError(
      () => forward.createRecurrent(engine, misspelt),
      TypeError,
      'createRecurrent: options: unknown option "kernel": did you mean kernels?',
    );
    expectError(
      () => createRecurrent(engine, { cell: "rnn", ...SIZES, kernels: [] } as RecurrentOptions),
      TypeError,
      'createRecurrent: options: unknown option "kernels": …',
    );
  });
});
