import type { HistoryLine } from "../train/run_folder.js";
import type { HistoryData } from "./data.js";

/** Points of a chart: more would not be seen. */
const MOST = 2000;

const mean = (numbers: readonly number[]): number =>
  numbers.reduce((sum, x) => sum + x, 0) / numbers.length;

/** The history of a run as columns; of a long one, means over neighbouring steps. */
export function historyData(lines: readonly HistoryLine[]): HistoryData | undefined {
  if (lines.length === 0) return undefined;
  const by = Math.ceil(lines.length / MOST);
  const groups = Array.from({ length: Math.ceil(lines.length / by) }, (_, i) =>
    lines.slice(i * by, (i + 1) * by),
  );
  const column = (name: "loss" | "learningRate" | "gradientNorm"): number[] =>
    groups.map((group) => mean(group.map((line) => line[name])));
  return {
    step: groups.map((group) => (group.at(-1) as HistoryLine).step),
    loss: column("loss"),
    validation: groups.map((group) => group.filter(hasValidation).at(-1)?.validation ?? null),
    learningRate: column("learningRate"),
    gradientNorm: column("gradientNorm"),
  };
}

const hasValidation = ({ validation }: HistoryLine): boolean => validation !== undefined;
