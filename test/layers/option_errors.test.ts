import { createRecurrent } from "../../src/index.js";
import { goodLayer, itThrows, type Row, range, type, wrong } from "./refusals.js";

// Every option of a network in every wrong kind, beyond those of test/layers/kinds.test.ts, and options that exclude each other.

const good = goodLayer();
const { engine } = good;

const SIZES = { inputSize: 3, hiddenSize: 5 } as const;

/** Tries options and expects what follows `createRecurrent: `. */
const row = (options: object, error: Error): Row => [
  JSON.stringify(options, (_, value) => (typeof value === "number" ? String(value) : value)),
  () => createRecurrent(engine, wrong({ ...SIZES, ...options })),
  error,
];
const kind = (options: object, message: string): Row =>
  row(options, type(`createRecurrent: ${message}`));
const extent = (options: object, message: string): Row =>
  row(options, range(`createRecurrent: ${message}`));

const NAMES =
  "sigmoid, tanh, relu, affine, leakyRelu, thresholdedRelu, scaledTanh, hardSigmoid, elu, softsign, softplus, identity";

const rows: Row[] = [
  ...[0, -1, 1.5, Number.NaN, Infinity, "2"].map(
    (layers): Row => extent({ cell: "rnn", layers }, `layers: … got ${layers}`),
  ),
  ...(["bidirectional", "reverse"] as const).map(
    (name): Row => kind({ cell: "rnn", [name]: 1 }, `${name}: expected true or false, got 1`),
  ),
  kind({ cell: "gru", resetAfter: "no" }, "resetAfter: …"),
  ...(["peepholes", "inputForget"] as const).map(
    (name): Row => kind({ cell: "lstm", [name]: null }, `${name}: …`),
  ),
  kind(
    { cell: "lstm", bidirectional: true, reverse: true },
    "reverse: a bidirectional network already reads both ways",
  ),

  // A misspelt option, and one that is none.
  kind(
    { cell: "lstm", precison: "f32" },
    'options: unknown option "precison": did you mean precision?',
  ),
  kind({ cell: "lstm", hiddensize: 5 }, "options: … did you mean hiddenSize?"),
  kind({ cell: "gru", dropout: 0.5 }, 'options: unknown option "dropout": expected one of cell, …'),

  // Networks that no linear memory could hold, refused before anything is made for each layer.
  ...[2 ** 33, Number.MAX_SAFE_INTEGER].map(
    (layers): Row => extent({ cell: "rnn", layers }, "options: … use fewer layers or units"),
  ),
  extent(
    { cell: "lstm", hiddenSize: 2 ** 14 },
    "options: expected weights of at most 4294967296 bytes, got 8591507456: use fewer layers or units",
  ),

  // Options of another cell, even such as say the default.
  kind(
    { cell: "lstm", nonlinearity: "tanh" },
    'nonlinearity: belongs to cell "rnn", got cell "lstm"',
  ),
  kind(
    { cell: "gru", nonlinearity: "relu" },
    'nonlinearity: belongs to cell "rnn", got cell "gru"',
  ),
  kind({ cell: "rnn", resetAfter: true }, 'resetAfter: belongs to cell "gru", got cell "rnn"'),
  kind({ cell: "lstm", resetAfter: false }, 'resetAfter: belongs to cell "gru", got cell "lstm"'),
  ...(["peepholes", "inputForget"] as const).flatMap((name) =>
    (["rnn", "gru"] as const).map(
      (cell): Row =>
        kind({ cell, [name]: false }, `${name}: belongs to cell "lstm", got cell "${cell}"`),
    ),
  ),
  kind(
    { cell: "gru", projectionSize: 2 },
    'projectionSize: belongs to cell "lstm", got cell "gru"',
  ),

  kind({ cell: "rnn", nonlinearity: "sigmoid" }, "nonlinearity: …"),
  kind(
    { cell: "rnn", nonlinearity: "relu", activations: ["tanh"] },
    "activations: pass either activations or nonlinearity",
  ),
  ...[0, -0.5, Number.NaN, "1"].map(
    (clip): Row => extent({ cell: "lstm", clip }, `clip: expected a number > 0, got ${clip}`),
  ),
  ...[0, 6, 2.5, "2"].map(
    (projectionSize): Row =>
      extent(
        { cell: "lstm", projectionSize },
        `projectionSize: expected an integer 1 … 5, got ${projectionSize}`,
      ),
  ),

  kind({ cell: "rnn", activations: "tanh" }, "activations: expected 1 activation, got tanh"),
  kind({ cell: "gru", activations: {} }, "activations: expected 2 activations, got Object"),
  extent({ cell: "rnn", activations: [] }, "activations: … got 0"),
  extent({ cell: "lstm", activations: ["tanh", "tanh"] }, "activations: … got 2"),
  extent(
    { cell: "gru", bidirectional: true, activations: ["sigmoid", "tanh", "sigmoid"] },
    "activations: expected 2 or 4 activations, got 3",
  ),
  extent(
    { cell: "gru", activations: ["sigmoid", "tanh", "sigmoid", "tanh"] },
    "activations: … got 4",
  ),
  kind(
    { cell: "gru", activations: ["sigmoid", "Tanh"] },
    `activations[1]: expected one of ${NAMES}, got Tanh`,
  ),
  kind({ cell: "rnn", activations: ["toString"] }, `activations[0]: …`),
  kind({ cell: "rnn", activations: [{ name: 7 }] }, `activations[0]: … got 7`),
  ...(
    [
      [null, "null"],
      [5, "5"],
      [{ alpha: 1 }, "Object"],
    ] as const
  ).map(
    ([value, got]): Row =>
      kind(
        { cell: "rnn", activations: [value] },
        `activations[0]: expected an activation's name, or { name, alpha?, beta? }, got ${got}`,
      ),
  ),
  ...(["alpha", "beta"] as const).flatMap((name) =>
    [Number.NaN, Infinity, "1"].map(
      (value): Row =>
        extent(
          { cell: "rnn", activations: [{ name: "hardSigmoid", [name]: value }] },
          `activations[0].${name}: expected a finite number, got ${value}`,
        ),
    ),
  ),
];

itThrows(good, rows);
