import { goodLayer, itThrows, m, na, nx, of, type Row, shape, T, type, wrong } from "./refusals.js";

// Each operand in every wrong shape, each weight in every wrong one.

const good = goodLayer();
const { layer, loaded, x, dy, part, state, tape } = good;

const rows: Row[] = [
  ...(
    [
      ["weight_ih_l0", "(20, 3)"],
      ["weight_hh_l0", "(20, 5)"],
      ["bias_ih_l0", "(20,)"],
      ["bias_hh_l0", "(20,)"],
    ] as const
  ).flatMap(([name, expected]): Row[] => [
    [
      `load: ${name}: list`,
      () => layer.load(wrong({ ...loaded, [name]: [1] })),
      type(`load: ${name}: …`),
    ],
    [
      `load: ${name}: array`,
      () => layer.load({ ...loaded, [name]: new Float64Array(19) }),
      shape(`load: ${name}: …${expected}… got 19 numbers`),
    ],
    [
      `load: ${name}: shape`,
      () => layer.load({ ...loaded, [name]: of(20, 9) }),
      shape(`load: ${name}: …${expected}… got (20, 9)`),
    ],
  ]),

  ...[of(m, nx), of(T, m, nx + 1), of(T, m, nx, 1)].map(
    (value): Row => [
      `forward: x: (${value.shape})`,
      () => layer.forward(value),
      shape(
        `forward: x: expected (T, m, nx) with nx = 3 (from the layer), got (${value.shape.join(", ")})`,
      ),
    ],
  ),
  [
    "forward: x and state",
    () => layer.forward(of(T, m + 1, nx), state),
    shape(
      "forward: x: expected (T, m, nx) with m = 4, nx = 3 (from state and layer), got (7, 5, 3)",
    ),
  ],
  [
    "forward: out",
    () => layer.forward(x, state, { out: of(T, m, na + 1) }),
    shape("forward: out: expected (T, m, na) with T = 7, m = 4, na = 5 (from x), got (7, 4, 6)"),
  ],
  ...[of(1, m, nx), of(m + 1, nx), of(m, nx - 1)].map(
    (value): Row => [
      `step: x: (${value.shape})`,
      () => layer.step(value, state),
      shape(`step: x: … got (${value.shape.join(", ")})`),
    ],
  ),
  [
    "step: data",
    () => layer.step({ shape: [m, nx], data: x.data }, state),
    shape("step: x: shape (4, 3) asks for 12 elements, data has 84"),
  ],
  [
    "backward: dy",
    () => layer.backward(of(T - 1, m, na), tape),
    shape("backward: dy: … got (6, 4, 5)"),
  ],
  [
    "backward: dState.c",
    () => layer.backward(dy, tape, { h: part, c: of(m, na) }),
    shape("backward: dState.c: expected (1, m, na) with m = 4, na = 5 (from the tape), got (4, 5)"),
  ],
  ["write: h", () => state.write({ h: of(2, m, na) }), shape("write: h: … got (2, 4, 5)")],
];

itThrows(good, rows);
