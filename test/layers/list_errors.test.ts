import { createRecurrent, type LayerWeights, type RecurrentTape } from "../../src/index.js";
import { drawNetwork, open } from "../support/networks.js";
import {
  asSingle,
  goodLayer,
  itThrows,
  na,
  nx,
  of,
  order,
  type Row,
  shape,
  type,
  wrong,
} from "./refusals.js";

// Lists of sequences, states, gradients and weights of larger networks, in every wrong kind and shape. Sizes: nx = 3,
// na = 5, two layers of two directions, a projection to 3, lengths 2, 0 and 4.

const good = goodLayer();
const { engine, layer, x: dense, tape: denseTape, dy: denseDy } = good;
const lengths = [2, 0, 4];
const drawn = drawNetwork(
  { cell: "lstm", layers: 2, bidirectional: true, projected: true, peepholes: true },
  { nx, na, lengths },
  1,
);
const network = open(engine, drawn);
const single = open(engine, drawn, "f32");
const { sequences, dOutputs, weights } = drawn;
const state = network.createState(3);
const { tape: made } = network.forward(sequences, undefined, { keepTape: true });
const tape = made as RecurrentTape;
const reversed = createRecurrent(engine, {
  cell: "rnn",
  inputSize: nx,
  hiddenSize: na,
  reverse: true,
});
const { weight_ih_l0, weight_hh_l0, ...others } = drawNetwork(
  { cell: "rnn", reverse: true },
  { nx, na, lengths },
  2,
).weights;
reversed.load({ weight_ih_l0, weight_hh_l0, ...others } as LayerWeights);

const foreignState = reversed.createState(3);

const replaced = <E>(all: readonly E[], b: number, value: unknown): E[] =>
  all.map((each, i) => (i === b ? (value as E) : each));
const load = (changes: Record<string, unknown>) => () =>
  network.load(wrong({ ...weights, ...changes }));

const rows: Row[] = [
  ...(
    [
      [undefined, "undefined"],
      [null, "null"],
      [3, "number"],
      [[1, 2], "shape: undefined"],
      [asSingle(of(2, nx)), "data: Float32Array"],
    ] as const
  ).flatMap(([value, got]): Row[] => [
    [
      `forward: x[1]: ${got}`,
      () => network.forward(replaced(sequences, 1, value)),
      type(`forward: x[1]: …${got}`),
    ],
    [
      `backward: dy[2]: ${got}`,
      () => network.backward(replaced(dOutputs, 2, value), tape),
      type(`backward: dy[2]: …${got}`),
    ],
  ]),
  ...[of(nx), of(4, nx + 1), of(4, 1, nx)].map(
    (value): Row => [
      `forward: x[2]: (${value.shape})`,
      () => network.forward(replaced(sequences, 2, value)),
      shape(
        `forward: x[2]: …(T, nx) with nx = 3… got (${value.shape.join(", ")}${value.shape.length === 1 ? "," : ""})`,
      ),
    ],
  ),
  ["forward: f32, f64 sequences", () => single.forward(wrong(sequences)), type("forward: x[0]: …")],
  [
    "forward: f32, keepTape",
    () => single.forward(sequences.map(asSingle), undefined, { keepTape: true }),
    type('forward: keepTape: training is f64; make the layer with precision "f64"'),
  ],
  [
    "forward: fewer sequences than the state has",
    () => network.forward(sequences.slice(1), state),
    shape("forward: x: expected m = 3 sequences, got 2"),
  ],
  [
    "forward: an empty list for a state of 3",
    () => network.forward([], state),
    shape("forward: x: … got 0"),
  ],
  [
    "forward: another network's state",
    () => network.forward(sequences, foreignState),
    order("forward: state: made by another layer"),
  ],
  [
    "forward: out",
    () => network.forward(of(4, 3, nx), undefined, { out: of(4, 3, 5) }),
    shape(
      "forward: out: expected (T, m, 2·na) with T = 4, m = 3, 2·na = 6 (from x), got (4, 3, 5)",
    ),
  ],

  [
    "backward: one tensor for a list",
    () => network.backward(wrong(of(4, 3, 6)), tape),
    order("backward: dy: expected the form of the forward pass, a list of sequences"),
  ],
  [
    "backward: a list for one tensor",
    () => layer.backward(wrong([denseDy]), denseTape),
    order("backward: dy: expected the form of the forward pass, one tensor (T, m, nx)"),
  ],
  [
    "backward: fewer sequences",
    () => network.backward(dOutputs.slice(1), tape),
    shape("backward: dy: … got 2"),
  ],
  [
    "backward: dy[0]: another length",
    () => network.backward(replaced(dOutputs, 0, of(3, 6)), tape),
    shape("backward: dy[0]: expected (T, 2·na) with T = 2, 2·na = 6 (from the tape), got (3, 6)"),
  ],
  [
    "backward: dy[1]: a length where there was none",
    () => network.backward(replaced(dOutputs, 1, of(1, 6)), tape),
    shape("backward: dy[1]: … got (1, 6)"),
  ],
  [
    "backward: dy[2]: one direction only",
    () => network.backward(replaced(dOutputs, 2, of(4, 3)), tape),
    shape("backward: dy[2]: expected (T, 2·na) with 2·na = 6, got (4, 3)"),
  ],
  [
    "backward: dState.h: of the units, not of the projection",
    () => network.backward(dOutputs, tape, { h: of(4, 3, na) }),
    shape(
      "backward: dState.h: expected (layers·D, m, na) with layers·D = 4, m = 3, na = 3 (from the tape), got (4, 3, 5)",
    ),
  ],
  [
    "backward: dState.c: one layer",
    () => network.backward(dOutputs, tape, { c: of(2, 3, na) }),
    shape("backward: dState.c: … got (2, 3, 5)"),
  ],
  [
    "write: h: one direction",
    () => state.write({ h: of(2, 3, 3) }),
    shape("write: h: … got (2, 3, 3)"),
  ],

  ...[network, reversed].map(
    (each): Row => [
      `step: ${each.options.cell}`,
      () => each.step(of(3, nx), wrong(state)),
      order("step: a direction that reads from the end has no live step"),
    ],
  ),

  ...(
    [
      ["weight_ih_l0_reverse", "(20, 3)"],
      ["weight_ih_l1", "(20, 6)"],
      ["weight_hh_l1_reverse", "(20, 3)"],
      ["weight_hr_l0", "(3, 5)"],
      ["peephole_l1", "(15,)"],
      ["bias_hh_l1_reverse", "(20,)"],
    ] as const
  ).flatMap(([name, expected]): Row[] => [
    [
      `load: ${name}: array`,
      load({ [name]: new Float64Array(7) }),
      shape(`load: ${name}: …${expected}… got 7 numbers`),
    ],
    [`load: ${name}: shape`, load({ [name]: of(2, 2) }), shape(`load: ${name}: … got (2, 2)`)],
    ...(name.startsWith("bias")
      ? []
      : [[`load: ${name}: absent`, load({ [name]: undefined }), type(`load: ${name}: …`)] as Row]),
  ]),
  [
    "load: a layer too many",
    load({ weight_ih_l2: of(20, 6) }),
    shape("load: weight_ih_l2: the network has 2 layers of two directions"),
  ],
  [
    "load: a peephole of a layer too many",
    load({ peephole_l2_reverse: of(15) }),
    shape("load: peephole_l2_reverse: the network has 2 layers of two directions"),
  ],
  [
    "load: a direction too many",
    () =>
      reversed.load(wrong({ ...others, weight_ih_l0, weight_hh_l0, bias_ih_l0_reverse: of(5) })),
    shape("load: bias_ih_l0_reverse: the network has 1 layer of one direction"),
  ],
  [
    "load: a projection too many",
    () => reversed.load(wrong({ ...others, weight_ih_l0, weight_hh_l0, weight_hr_l0: of(2, 5) })),
    shape("load: weight_hr_l0: the network has no projection"),
  ],
  [
    "load: peepholes too many",
    () => layer.load(wrong({ ...good.loaded, peephole_l0: of(15) })),
    shape("load: peephole_l0: the network has no peepholes"),
  ],
  [
    "backward: another network's tape",
    () => layer.backward(wrong(dOutputs), tape),
    order("backward: tape: made by another layer"),
  ],
  [
    "backward: another engine's tape",
    () => good.foreign.backward(wrong(dense), wrong(tape)),
    order("backward: tape: made by another engine"),
  ],
];

itThrows(good, rows);
