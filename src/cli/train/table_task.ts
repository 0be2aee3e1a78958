import { createEngine, loadTagger, ShapeError, type Tensor } from "../../index.js";
import { type TableWindows, tableWindows, type WindowsOptions } from "../../train.js";
import { InputError, printable, UsageError } from "../faults.js";
import { tableNetwork, tableTraining } from "./defaults.js";
import type { Settings, TrainCommand } from "./settings.js";
import { readTable, type Table } from "./table_file.js";
import { choicesOf, count, type HeldOut, type Task } from "./task.js";

/** A column of the table, by its name on the command line. */
function checkColumn(file: string, { columns }: Table, option: string, name: string): void {
  if (Object.hasOwn(columns, name)) return;
  const known = Object.keys(columns).slice(0, 20);
  throw new InputError(
    `${file}: ${option}: there is no column ${JSON.stringify(printable(name, 40))}; the columns are ${known.map((each) => printable(each, 40)).join(", ")}`,
  );
}

/** @throws {InputError} for a column of numbers in which some are missing */
function checkGap(file: string, { gaps, rows }: Table, name: string): void {
  const gap = gaps.get(name);
  if (gap === undefined) return;
  const { row, field, fields, onlyMissing } = gap;
  const isEmpty = field.trim() === "";
  const got = isEmpty ? "an empty field" : JSON.stringify(printable(field, 40));
  const hint = onlyMissing
    ? "pass --missing previous to repeat the row before"
    : "correct the file, or pass --features without the column";
  const place = `${file}: row ${count(row)}: ${printable(name, 40)}`;
  throw new InputError(
    `${place}: expected a number, as in ${count(rows - fields)} of ${count(rows)} rows, got ${got}: ${hint}`,
  );
}

/** The features that were named. Without names, all columns of numbers are features. */
function featuresOf(file: string, table: Table, { features }: TrainCommand): string[] | undefined {
  const names = features?.split(",").map((name) => name.trim());
  for (const name of names ?? table.gaps.keys()) checkGap(file, table, name);
  for (const name of names ?? []) {
    checkColumn(file, table, "--features", name);
    const text = table.texts.get(name);
    if (text === undefined) continue;
    const got = JSON.stringify(printable(text, 40));
    throw new InputError(`${file}: --features: ${name}: expected numbers in all rows, got ${got}`);
  }
  return names;
}

/** The windows of a table, in the words of the command line. */
export function windowsOf(file: string, table: Table, options: WindowsOptions): TableWindows {
  try {
    return tableWindows(table.columns, options);
  } catch (error) {
    const isInput = error instanceof ShapeError || error instanceof TypeError;
    if (!isInput) throw error;
    throw new InputError(`${file}: ${error.message.replace(/^tableWindows: (columns: )?/, "")}`);
  }
}

/** Features of rows first … last − 1, as a tagger takes them. */
export function rowsOf(table: Table, features: readonly string[], first: number, last: number) {
  const nx = features.length;
  const data = new Float64Array((last - first) * nx);
  features.forEach((name, j) => {
    const column = table.columns[name] as ArrayLike<number>;
    for (let row = first; row < last; row++) data[(row - first) * nx + j] = column[row] as number;
  });
  return { shape: [last - first, nx], data };
}

/** Forecasts of the validation rows, read as a live stream reads them, and what came. */
export interface Forecasts {
  /** The row of the first forecast's target. */
  readonly first: number;
  readonly values: Tensor;
  readonly classes: Int32Array;
}

export async function forecasts(
  model: Uint8Array,
  table: Table,
  { features, trainingRows, horizon, window }: TableWindows,
): Promise<Forecasts> {
  using engine = await createEngine();
  const tagger = await loadTagger(engine, model);
  // The window before is read first: a live stream has a state, too.
  const from = Math.max(0, trainingRows - window);
  const [tagged] = await tagger.tag([rowsOf(table, features, from, table.rows - horizon)]);
  if (tagged === undefined) throw new Error("a sequence has no result");
  const skipped = trainingRows - from;
  const [steps = 0, ny = 0] = tagged.values.shape;
  return {
    first: trainingRows + horizon,
    values: { shape: [steps - skipped, ny], data: tagged.values.data.slice(skipped * ny) },
    classes: tagged.classes.slice(skipped),
  };
}

const rootMeanSquare = (numbers: Float64Array): number =>
  Math.sqrt(numbers.reduce((sum, x) => sum + x * x, 0) / Math.max(numbers.length, 1));

const short = (x: number): string => String(Number(x.toPrecision(4)));

/** How well a model forecasts the validation rows, beside the plainest forecast. */
async function heldOut(
  model: Uint8Array,
  table: Table,
  windows: TableWindows,
  target: string,
): Promise<HeldOut> {
  const { first, values, classes } = await forecasts(model, table, windows);
  const column = table.columns[target] as ArrayLike<number | string>;
  const n = classes.length;
  if (windows.classes !== undefined) {
    const labels = windows.classes;
    let right = 0;
    const counts = new Map<string, number>();
    for (let i = 0; i < n; i++) {
      const actual = String(column[first + i]);
      if (labels[classes[i] as number] === actual) right++;
      counts.set(actual, (counts.get(actual) ?? 0) + 1);
    }
    const often = Math.max(...counts.values()) / n;
    const text = `${((100 * right) / n).toFixed(1)} % of ${count(n)} labels right that it has not seen; the most frequent one alone has ${(100 * often).toFixed(1)} %`;
    return { text, metadata: { heldOut: text } };
  }
  const actual = (i: number): number => column[i] as number;
  const errors = Float64Array.from(
    { length: n },
    (_, i) => (values.data[i] as number) - actual(first + i),
  );
  const repeated = Float64Array.from(
    { length: n },
    (_, i) => actual(first + i - windows.horizon) - actual(first + i),
  );
  const scale = rootMeanSquare(errors);
  const plain =
    windows.horizon === 0
      ? ""
      : `; the last value as forecast has ${short(rootMeanSquare(repeated))}`;
  const text = `root mean square error ${short(scale)} on ${count(n)} rows that it has not seen${plain}`;
  return { text, metadata: { heldOut: text, residuals: JSON.stringify({ scale }) } };
}

const filledText = ({ filled }: Table): string =>
  [...filled].map(([name, fields]) => `${count(fields)} of ${printable(name, 40)}`).join(", ");

/** A table as a task: a tagger that predicts a column. */
export async function tableTask(file: string, command: TrainCommand): Promise<Task> {
  const { target } = command;
  if (target === undefined) {
    throw new UsageError(`${file}: a CSV file needs the column to predict: pass --target NAME`);
  }
  const { delimiter, missing } = command;
  const table = await readTable(file, { delimiter, missing });
  checkColumn(file, table, "--target", target);
  checkGap(file, table, target);
  const chosen = featuresOf(file, table, command);
  const share = command.validation ?? 0.1;
  const window = command.window ?? 32;
  const windows = windowsOf(file, table, {
    target,
    window,
    validation: share,
    ...(chosen === undefined ? {} : { features: chosen }),
    ...(command.horizon === undefined ? {} : { horizon: command.horizon }),
  });
  const { train, features, outputs, classes, horizon, trainingRows } = windows;
  const size = { rows: trainingRows, windows: train.inputs.length, window };
  const training = tableTraining(command, size);
  const network = tableNetwork(command, size);
  const settings: Settings = {
    version: 1,
    kind: "table",
    data: { file, sha256: table.sha256 },
    out: command.out,
    reading: {
      ...{ target, features, window, horizon },
      ...(delimiter === undefined ? {} : { delimiter }),
      ...(missing === undefined ? {} : { missing }),
    },
    network,
    training,
    validation: share,
    seed: command.seed ?? 0,
    dtype: command.dtype ?? "f32",
    notes: {},
  };
  const left = [...table.texts.keys()].filter((name) => name !== target);
  const ahead =
    horizon === 0 ? "of the same row" : `${horizon} ${horizon === 1 ? "row" : "rows"} later`;
  return {
    settings,
    input: { features: features.length },
    outputs,
    loss: classes === undefined ? "mse" : "crossEntropy",
    data: train,
    epochSteps: training.validateEvery,
    validation: windows.validation,
    metadata: windows.metadata,
    unit: "rows",
    choices: [
      `table: ${count(table.rows)} rows; ${features.join(", ")} → ${target} ${ahead}${classes === undefined ? "" : `, ${classes.length} labels`}`,
      ...(table.delimiter === "," || delimiter !== undefined
        ? []
        : [`fields are separated by ${table.delimiter === ";" ? "semicolons" : "tabs"}`]),
      ...(table.filled.size === 0
        ? []
        : [`missing numbers, taken from the row before: ${filledText(table)}`]),
      ...(left.length === 0
        ? []
        : [
            `left out, since they hold texts: ${left.map((name) => printable(name, 40)).join(", ")}`,
          ]),
      ...choicesOf(settings),
    ],
    heldOut: (model) => heldOut(model, table, windows, target),
  };
}
