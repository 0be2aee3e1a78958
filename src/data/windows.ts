import { ShapeError } from "../errors.js";
import { checkOptions, nearest, type OptionNames } from "../options.js";
import { checkObject, describe } from "../tensor.js";
import type { Rows } from "../train/batch.js";
import { checkInteger, checkNumber, checkWord } from "../train/checks.js";
import type { TrainingData } from "../train/data.js";
import { type Column, type Normalisation, normalisationOf, normalisedRows } from "./scaling.js";

/** Columns by name, in the order of time: numbers, or texts, each of which is a label. */
export type Columns = Readonly<
  Record<string, readonly number[] | Float64Array | readonly string[]>
>;

/** Options of {@link tableWindows}. */
export interface WindowsOptions {
  /** The column that is predicted: a number, or a label. */
  readonly target: string;
  /** The columns that are read. Default: all columns of numbers; without the target, if it is predicted for the same row. */
  readonly features?: readonly string[] | undefined;
  /** Rows of a window. Default 32. */
  readonly window?: number | undefined;
  /** Rows from the last one that is read to the one that is predicted. Default 1 for a number, 0 for a label. */
  readonly horizon?: number | undefined;
  /** Rows from one training window to the next. Default: half a window, or 1 with `output: "last"`. */
  readonly stride?: number | undefined;
  /** The share of the rows, the last ones, that are kept for validation: 0 … 1, exclusive. Default 0.1. */
  readonly validation?: number | undefined;
  /** Whether each row of a window has a target, or its last one. Default `"step"`, which a live stream needs. */
  readonly output?: "step" | "last" | undefined;
}

const NAMES: OptionNames<WindowsOptions> = {
  target: true,
  features: true,
  window: true,
  horizon: true,
  stride: true,
  validation: true,
  output: true,
};

/** What {@link tableWindows} makes of a table. */
export interface TableWindows {
  readonly train: TrainingData;
  readonly validation: TrainingData;
  /** The columns that are read, in the order of the network's inputs. */
  readonly features: readonly string[];
  /** The labels in the order of their ids; undefined if the target is a number. */
  readonly classes: readonly string[] | undefined;
  /** The outputs that a network needs: 1, or the number of labels. */
  readonly outputs: number;
  readonly horizon: number;
  readonly window: number;
  /** The rows that windows of the training part read and predict; those of the validation part follow. */
  readonly trainingRows: number;
  /**
   * For `net.save({ metadata })`: `normalisation` and `targetNormalisation` or `classes`, which `loadTagger` applies;
   * `features`, `target`, `horizon` and `window`. The numbers are those of the training part.
   */
  readonly metadata: Readonly<Record<string, string>>;
}

const WHERE = "tableWindows";

const isText = (column: Columns[string]): column is readonly string[] =>
  typeof column[0] === "string";

function columnOf(columns: Columns, name: string, option: string): Columns[string] {
  const column = Object.hasOwn(columns, name) ? columns[name] : undefined;
  if (column !== undefined) return column;
  const names = Object.keys(columns);
  const meant = nearest(String(name), names);
  const hint =
    meant === undefined ? `expected one of ${names.join(", ")}` : `did you mean ${meant}?`;
  throw new TypeError(`${WHERE}: ${option}: there is no column ${JSON.stringify(name)}: ${hint}`);
}

/** The number of rows, which all columns have. */
function rowsOf(columns: Columns): number {
  checkObject(WHERE, "columns", columns);
  let rows: number | undefined;
  for (const [name, column] of Object.entries(columns)) {
    if (!Array.isArray(column) && !ArrayBuffer.isView(column)) {
      throw new TypeError(`${WHERE}: columns.${name}: expected a list, got ${describe(column)}`);
    }
    rows ??= column.length;
    if (column.length === rows) continue;
    throw new ShapeError(
      `${WHERE}: columns.${name}: expected ${rows} rows, as in the first column, got ${column.length}`,
    );
  }
  return rows ?? 0;
}

function checkNumbers(name: string, column: Columns[string]): Column {
  for (let row = 0; row < column.length; row++) {
    const value = column[row];
    if (typeof value === "number" && Number.isFinite(value)) continue;
    const got = typeof value === "string" ? JSON.stringify(value.slice(0, 40)) : String(value);
    throw new TypeError(`${WHERE}: columns.${name}[${row}]: expected a finite number, got ${got}`);
  }
  return column as Column;
}

/** Labels in the order of their code units, and the ids of a column. */
function labelsOf(
  name: string,
  column: readonly unknown[],
): { classes: string[]; ids: Int32Array } {
  const wrong = column.findIndex((each) => typeof each !== "string");
  if (wrong >= 0) {
    throw new TypeError(
      `${WHERE}: columns.${name}[${wrong}]: expected a text, as in its first row`,
    );
  }
  const classes = [...new Set(column as string[])].sort((a, b) => (a < b ? -1 : 1));
  const places = new Map(classes.map((label, id) => [label, id]));
  return { classes, ids: Int32Array.from(column, (each) => places.get(each as string) as number) };
}

/** Features and targets of all rows: row t's target is that of row t + horizon. */
interface Series {
  readonly x: Float64Array;
  readonly nx: number;
  readonly y: Int32Array | Float64Array;
}

interface Cut {
  readonly window: number;
  readonly stride: number;
  readonly horizon: number;
  readonly perStep: boolean;
}

/** The windows that read and predict rows first … end − 1. */
function windowsOf(
  { x, nx, y }: Series,
  [first, end]: readonly [number, number],
  { window, stride, horizon, perStep }: Cut,
): TrainingData {
  const starts: number[] = [];
  const last = end - horizon - window;
  for (let at = first; at <= last; at += stride) starts.push(at);
  // The newest rows, too.
  if (starts.length > 0 && starts.at(-1) !== last) starts.push(last);
  const inputs = starts.map((at): Rows => {
    return { shape: [window, nx], data: x.subarray(at * nx, (at + window) * nx) };
  });
  const isIds = y instanceof Int32Array;
  if (perStep) {
    const targets = starts.map((at) => {
      const own = y.subarray(at + horizon, at + horizon + window);
      return isIds ? (own as Int32Array) : { shape: [window, 1], data: own as Float64Array };
    });
    return { inputs, targets };
  }
  const ends = starts.map((at) => y[at + window - 1 + horizon] as number);
  const targets = isIds
    ? Int32Array.from(ends)
    : { shape: [ends.length, 1], data: Float64Array.from(ends) };
  return { inputs, targets };
}

/** The columns of numbers that are read. */
function featuresOf(
  columns: Columns,
  { target, features }: WindowsOptions,
  predictsSameRow: boolean,
): readonly string[] {
  const names =
    features ??
    Object.keys(columns).filter(
      (name) => !isText(columns[name] as Columns[string]) && !(predictsSameRow && name === target),
    );
  if (!Array.isArray(names) || names.length === 0) {
    throw new TypeError(
      `${WHERE}: features: expected at least one column of numbers, got ${Array.isArray(names) ? "none" : describe(names)}`,
    );
  }
  if (predictsSameRow && names.includes(target)) {
    throw new TypeError(
      `${WHERE}: features: ${target} is the target of the same row: remove it, or pass a horizon ≥ 1`,
    );
  }
  return names;
}

/**
 * Cuts a table into windows to train on: rows of numbers in, the target some rows later out. The last rows are kept for
 * validation. Mean and scale of each column are computed on the training part alone, and saved with the model by `metadata`.
 *
 * @throws {TypeError | RangeError} for a column or an option that is unknown, of the wrong kind or out of range
 * @throws {ShapeError} if columns have different lengths, or too few rows for a window
 */
export function tableWindows(columns: Columns, options: WindowsOptions): TableWindows {
  checkOptions(WHERE, options, NAMES);
  const rows = rowsOf(columns);
  const { target, window = 32, validation: share = 0.1, output = "step" } = options;
  checkInteger(`${WHERE}: window`, window, 1);
  checkNumber(`${WHERE}: validation`, share, { least: 0, above: true, most: 1, below: true });
  checkWord(`${WHERE}: output`, output, ["step", "last"]);
  const given = columnOf(columns, target, "target");
  const labels = isText(given) ? labelsOf(target, given) : undefined;
  const { horizon = labels === undefined ? 1 : 0 } = options;
  checkInteger(`${WHERE}: horizon`, horizon, 0);
  const perStep = output === "step";
  const { stride = perStep ? Math.ceil(window / 2) : 1 } = options;
  checkInteger(`${WHERE}: stride`, stride, 1);
  const features = featuresOf(columns, options, horizon === 0);
  const read = features.map((name) => checkNumbers(name, columnOf(columns, name, "features")));
  const trainingRows = Math.floor(rows * (1 - share));
  const needed = window + horizon;
  if (trainingRows < needed || rows - trainingRows < needed) {
    throw new ShapeError(
      `${WHERE}: columns: expected at least ${needed} rows for training and as many for validation, got ${trainingRows} and ${rows - trainingRows}`,
    );
  }
  const normalisation = normalisationOf(read, trainingRows);
  let targetNormalisation: Normalisation | undefined;
  let y: Int32Array | Float64Array;
  if (labels === undefined) {
    const numbers = checkNumbers(target, given);
    targetNormalisation = normalisationOf([numbers], trainingRows);
    y = normalisedRows([numbers], targetNormalisation, rows);
  } else y = labels.ids;
  const series = { x: normalisedRows(read, normalisation, rows), nx: features.length, y };
  const cut = { window, horizon, perStep };
  const { classes } = labels ?? {};
  const json: Record<string, unknown> = {
    normalisation,
    ...(classes === undefined ? { targetNormalisation } : { classes }),
    features,
    horizon,
    window,
  };
  const metadata = Object.entries(json).map(([key, value]) => [key, JSON.stringify(value)]);
  return {
    train: windowsOf(series, [0, trainingRows], { ...cut, stride }),
    validation: windowsOf(series, [trainingRows, rows], { ...cut, stride: perStep ? window : 1 }),
    features,
    classes,
    outputs: classes?.length ?? 1,
    horizon,
    window,
    trainingRows,
    metadata: { ...Object.fromEntries(metadata), target },
  };
}
