import { createRecurrent } from "../../src/index.js";
import {
  asSingle,
  goodLayer,
  itThrows,
  m,
  na,
  nx,
  order,
  type Row,
  range,
  T,
  type,
  wrong,
} from "./refusals.js";

// Each operand in every wrong kind, and calls in the wrong order.

const good = goodLayer();
const { engine, layer, loaded, single, x, xt, dy, state, tape, foreign, foreignTape } = good;

const options = { cell: "rnn", inputSize: nx, hiddenSize: na } as const;
const SIZES: [unknown, string][] = [
  ...([undefined, null, 0, -1, 1.5, Number.NaN, "3"] as const).map((value): [unknown, string] => [
    value,
    String(value),
  ]),
];

const KINDS: [unknown, string][] = [
  [undefined, "undefined"],
  [null, "null"],
  [1, "number"],
  [x.data, "shape: undefined"],
  [{ shape: [T, m, nx] }, "data: undefined"],
  [{ shape: [T, m, nx], data: [...x.data] }, "data: Array"],
  [asSingle(x), "data: Float32Array"],
];

const rows: Row[] = [
  ...[undefined, null, {}].map(
    (value): Row => [
      `createRecurrent: engine: ${value}`,
      () => createRecurrent(wrong(value), options),
      type(
        `createRecurrent: engine: expected an engine of createEngine, got ${(value && "Object") || String(value)}`,
      ),
    ],
  ),
  [
    "options: null",
    () => createRecurrent(engine, wrong(null)),
    type("createRecurrent: options: expected an object, got null"),
  ],
  [
    "cell",
    () => createRecurrent(engine, wrong({ ...options, cell: "toString" })),
    type('createRecurrent: cell: expected "rnn", "lstm" or "gru", got toString'),
  ],
  [
    "precision",
    () => createRecurrent(engine, wrong({ ...options, precision: "f16" })),
    type('createRecurrent: precision: expected "f64" or "f32", got f16'),
  ],
  ...(["inputSize", "hiddenSize"] as const).flatMap((name) =>
    SIZES.map(
      ([value, got]): Row => [
        `${name}: ${got}`,
        () => createRecurrent(engine, wrong({ ...options, [name]: value })),
        range(`createRecurrent: ${name}: … got ${got}`),
      ],
    ),
  ),
  ...[undefined, -1, 0.5, "2"].map(
    (value): Row => [
      `createState(${value})`,
      () => layer.createState(wrong(value)),
      type(`createState: m: … got ${value}`),
    ],
  ),

  [
    "load(null)",
    () => layer.load(wrong(null)),
    type("load: weights: expected { weight_ih_l0, … }, got null"),
  ],
  ...(["weight_ih_l0", "weight_hh_l0"] as const).map(
    (name): Row => [
      `load: no ${name}`,
      () => layer.load(wrong({ ...loaded, [name]: undefined })),
      type(`load: ${name}: expected Float64Array, Float32Array or a tensor, got undefined`),
    ],
  ),

  ...KINDS.flatMap(([value, got]): Row[] => [
    [`forward: x: ${got}`, () => layer.forward(wrong(value)), type(`forward: x: …${got}`)],
    [`step: x: ${got}`, () => layer.step(wrong(value), state), type(`step: x: …${got}`)],
    [
      `backward: dy: ${got}`,
      () => layer.backward(wrong(value), tape),
      type(`backward: dy: …${got}`),
    ],
    ...(value === undefined ? [] : (["h", "c"] as const)).flatMap((name): Row[] => [
      [
        `dState.${name}: ${got}`,
        () => layer.backward(dy, tape, wrong({ [name]: value })),
        type(`backward: dState.${name}: …${got}`),
      ],
      [
        `write: ${name}: ${got}`,
        () => state.write(wrong({ [name]: value })),
        type(`write: ${name}: …${got}`),
      ],
    ]),
    ...(value === undefined
      ? []
      : [
          [
            `out: ${got}`,
            () => layer.forward(x, undefined, { out: wrong(value) }),
            type(`forward: out: …${got}`),
          ] as const,
        ]),
  ]),
  [
    "f32: x",
    () => single.forward(wrong(x)),
    type("forward: x: expected a tensor { shape, data: Float32Array }, got data: Float64Array"),
  ],
  [
    "f32: keepTape",
    () => single.forward(asSingle(x), undefined, { keepTape: true }),
    type('forward: keepTape: training is f64; make the layer with precision "f64"'),
  ],

  ...[null, 5, {}, tape].flatMap((value): Row[] => {
    const got = value === null ? "null" : value === 5 ? "number" : value.constructor.name;
    return [
      [
        `forward: state: ${got}`,
        () => layer.forward(x, wrong(value)),
        type(`forward: state: …${got}`),
      ],
      [`step: state: ${got}`, () => layer.step(xt, wrong(value)), type(`step: state: …${got}`)],
    ];
  }),
  [
    "forward: options: null",
    () => layer.forward(x, undefined, wrong(null)),
    type("forward: options: …"),
  ],
  [
    "backward: dState: null",
    () => layer.backward(dy, tape, wrong(null)),
    type("backward: dState: …"),
  ],
  ["write: null", () => state.write(wrong(null)), type("write: state: …")],
  [
    "step: no state",
    () => layer.step(xt, wrong(undefined)),
    type("step: state: expected RecurrentState, got undefined"),
  ],
  [
    "state of another layer",
    () => layer.step(xt, foreign.createState(m)),
    order("step: state: made by another layer"),
  ],
  [
    "backward: tape: none",
    () => layer.backward(dy, wrong(undefined)),
    type("backward: tape: expected RecurrentTape, got undefined"),
  ],
  ["backward: tape: state", () => layer.backward(dy, wrong(state)), type("backward: tape: …")],
  [
    "tape of another engine",
    () => layer.backward(dy, wrong(foreignTape)),
    order("backward: tape: made by another engine"),
  ],
];

itThrows(good, rows);
