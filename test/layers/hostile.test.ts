import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { createRecurrent, EngineMemoryError, type Tensor } from "../../src/index.js";
import { newTensor } from "../../src/layers/operands.js";
import { firstDifference } from "../support/compare.js";
import { expectError } from "../support/errors.js";
import { goodLayer, itThrows, m, na, nx, of, type Row, shape, T, type, wrong } from "./refusals.js";

// Operands that look right at first glance: misspelt names, shapes that are no arrays, buffers that are gone, other realms,
// sizes without numbers.

const good = goodLayer();
const { engine, layer, loaded, x, dy, state, tape } = good;

const detached = (value: Tensor): Tensor => {
  const data = value.data.slice();
  structuredClone(data, { transfer: [data.buffer] });
  return { shape: value.shape, data };
};
const without = (name: keyof typeof loaded) => ({ ...loaded, [name]: undefined });
const [{ data }] = [loaded.weight_ih_l0];

const rows: Row[] = [
  // Names.
  [
    "forward: a misspelt option",
    () => layer.forward(x, state, wrong({ keeptape: true })),
    type('forward: options: unknown option "keeptape": did you mean keepTape?'),
  ],
  [
    "forward: out for a list",
    () => layer.forward([of(2, nx)], undefined, wrong({ out: of(2, 1, na) })),
    type('forward: options: unknown option "out": expected one of keepTape'),
  ],
  [
    "forward: keepTape that is no boolean",
    () => layer.forward(x, state, wrong({ keepTape: 1 })),
    type("forward: keepTape: expected true or false, got number"),
  ],
  [
    "backward: an unknown option",
    () => layer.backward(dy, tape, {}, wrong({ into: 1 })),
    type('backward: options: unknown option "into": …'),
  ],
  [
    "backward: an unknown part of dState",
    () => layer.backward(dy, tape, wrong({ dh: of(1, m, na) })),
    type('backward: dState: unknown part "dh": expected h'),
  ],
  [
    "write: an unknown part",
    () => state.write(wrong({ hidden: of(1, m, na) })),
    type('write: state: unknown part "hidden": expected h or c'),
  ],
  [
    "load: a misspelt bias",
    () => layer.load(wrong({ ...without("bias_hh_l0"), bias_hhl_l0: loaded.bias_hh_l0 })),
    type("load: bias_hhl_l0: unknown weight: did you mean bias_hh_l0?"),
  ],

  // Shapes.
  ...["(20, 3)", null, 7, {}].map(
    (value): Row => [
      `load: shape: ${typeof value}`,
      () => layer.load(wrong({ ...loaded, weight_ih_l0: { shape: value, data } })),
      type("load: weight_ih_l0: shape: expected an array of integers, got …"),
    ],
  ),
  [
    "load: a shape of symbols",
    () => layer.load(wrong({ ...loaded, weight_ih_l0: { shape: [Symbol("a"), 3], data } })),
    shape("load: weight_ih_l0: expected (20, 3), got (Symbol(a), 3)"),
  ],
  [
    "a list with holes",
    () => layer.forward(wrong(Array(m))),
    type("forward: x[0]: expected a tensor { shape, data: Float64Array }, got undefined"),
  ],
  // Buffers that were transferred away.
  [
    "forward: x is detached",
    () => layer.forward(detached(x)),
    type("forward: x: the buffer of its data is detached"),
  ],
  [
    "forward: out is detached",
    () => layer.forward(x, state, { out: detached(dy) }),
    type("forward: out: the buffer of its data is detached"),
  ],
  [
    "write: h is detached",
    () => state.write({ h: detached(of(1, m, na)) }),
    type("write: h: the buffer of its data is detached"),
  ],
  [
    "load: a weight is detached",
    () => layer.load({ ...loaded, weight_ih_l0: detached(loaded.weight_ih_l0) }),
    type("load: weight_ih_l0: the buffer of its data is detached"),
  ],

  // Results of another call.
  ...(
    [
      [null, type("backward: out: expected an object, got null")],
      [{}, type("backward: out.dState: expected an object, got undefined")],
      [{ dState: {} }, type("backward: out.gradients: …")],
      [{ dState: {}, gradients: {} }, type("backward: out.dState.h: expected a tensor …")],
    ] as const
  ).map(
    ([out, error]): Row => [
      `backward: out: ${JSON.stringify(out)}`,
      () => layer.backward(dy, tape, {}, wrong({ out })),
      error,
    ],
  ),
  [
    "backward: out of fewer steps",
    () => {
      const made = layer.backward(dy, tape);
      return layer.backward(dy, tape, {}, { out: { ...made, dx: of(T - 1, m, nx) } });
    },
    shape("backward: out.dx: expected (T, m, nx) with T = 7, m = 4, nx = 3 (from the tape), got …"),
  ],
  [
    "backward: out with a gradient of the wrong shape",
    () => {
      const made = layer.backward(dy, tape);
      const gradients = { ...made.gradients, bias_hh_l0: of(3) };
      return layer.backward(dy, tape, {}, { out: { ...made, gradients } });
    },
    shape("backward: out.gradients.bias_hh_l0: expected (20,) … got (3,)"),
  ],
];

itThrows(good, rows);

describe("steps without sequences", () => {
  const steps = 2 ** 40;
  const none = (...extents: number[]): Tensor => ({ shape: extents, data: new Float64Array(0) });

  it.each([
    { cell: "lstm", bidirectional: true },
    { cell: "lstm" },
    { cell: "rnn", reverse: true },
    { cell: "gru" },
  ] as const)("2^40 of them return at once, forward and backward: %o", (options) => {
    const network = createRecurrent(engine, { ...options, inputSize: nx, hiddenSize: na });
    const D = "bidirectional" in options ? 2 : 1;
    const G = { rnn: 1, gru: 3, lstm: 4 }[options.cell];
    const weights = Object.fromEntries(
      ["", "_reverse"].slice(0, D).flatMap((suffix) => [
        [`weight_ih_l0${suffix}`, new Float64Array(G * na * nx)],
        [`weight_hh_l0${suffix}`, new Float64Array(G * na * na)],
      ]),
    );
    network.load(weights);
    const { y } = network.forward(none(steps, 0, nx));
    expect(y.shape).toEqual([steps, 0, D * na]);
    const { tape: empty } = network.forward(none(steps, 0, nx), undefined, { keepTape: true });
    if (empty === undefined) throw new Error("no tape");
    const { dx, gradients } = network.backward(none(steps, 0, D * na), empty);
    expect(dx.shape).toEqual([steps, 0, nx]);
    expect(gradients.weight_ih_l0.data.every((value) => value === 0)).toBe(true);
    for (const made of [empty, network]) made.dispose();
  });
});

it("numbers that no memory holds are errors that say how many bytes", () => {
  expect(() => layer.createState(2 ** 50)).toThrow(EngineMemoryError);
  const big = () => newTensor("forward: y", [2 ** 30, 2 ** 10, 5], Float64Array);
  const message = "forward: y: the host refused 43980465111040 bytes for (1073741824, 1024, 5)";
  expectError(big, RangeError, message);
});

it("arrays of another realm give the same bits: x, out, state, weights, dy", () => {
  const foreign = ({ shape: extents, data: numbers }: Tensor): Tensor => ({
    shape: extents,
    data: runInNewContext("Float64Array.from(numbers)", { numbers }) as Float64Array,
  });
  expect(foreign(x).data).not.toBeInstanceOf(Float64Array);
  const own = layer.forward(x, undefined, { keepTape: true });
  const back = layer.backward(dy, own.tape as never);
  layer.load(Object.fromEntries(Object.entries(loaded).map(([name, w]) => [name, foreign(w)])));
  const start = layer.createState(m);
  start.write({ h: foreign(of(1, m, na)), c: foreign(of(1, m, na)) });
  const out = foreign(of(T, m, na));
  const other = layer.forward(foreign(x), start, { out, keepTape: true });
  expect(firstDifference(Float64Array.from(out.data), own.y.data)).toBeUndefined();
  const again = layer.backward(foreign(dy), other.tape as never);
  expect(firstDifference(again.dx.data, back.dx.data)).toBeUndefined();
  for (const made of [own.tape, own.state, other.tape, start]) made?.dispose();
});
