import type { Settings } from "../train/settings.js";
import { readTable, type TableReading } from "../train/table_file.js";
import { forecasts, windowsOf } from "../train/table_task.js";
import type { ConfusionData, ForecastData } from "./data.js";

/** Rows that a chart shows: the last ones. */
const MOST = 2000;

export interface TablePart {
  readonly forecasts?: ForecastData;
  readonly confusion?: ConfusionData;
}

/** How the model of a run does on the rows that were kept for validation. */
export async function tablePart(
  file: string,
  model: Uint8Array,
  { reading, validation }: Settings,
): Promise<TablePart> {
  const { delimiter, missing } = reading as TableReading;
  const table = await readTable(file, { delimiter, missing });
  const target = String(reading.target);
  const windows = windowsOf(file, table, {
    target,
    features: reading.features as readonly string[],
    window: Number(reading.window),
    horizon: Number(reading.horizon),
    validation,
  });
  const { first, values, classes } = await forecasts(model, table, windows);
  const column = table.columns[target] as ArrayLike<number | string>;
  const n = classes.length;
  if (windows.classes !== undefined) {
    const places = new Map(windows.classes.map((label, id) => [label, id]));
    const counts = windows.classes.map(() => new Array<number>(places.size).fill(0));
    for (let i = 0; i < n; i++) {
      const row = counts[places.get(String(column[first + i])) as number] as number[];
      const id = classes[i] as number;
      row[id] = (row[id] as number) + 1;
    }
    return { confusion: { target, classes: windows.classes, counts } };
  }
  const actual = Array.from({ length: n }, (_, i) => column[first + i] as number);
  const forecast = Array.from(values.data);
  const squares = forecast.reduce((sum, x, i) => sum + (x - (actual[i] as number)) ** 2, 0);
  const shown = Math.max(0, n - MOST);
  return {
    forecasts: {
      target,
      row: actual.map((_, i) => first + i + 1).slice(shown),
      actual: actual.slice(shown),
      forecast: forecast.slice(shown),
      scale: Math.sqrt(squares / Math.max(n, 1)),
    },
  };
}
