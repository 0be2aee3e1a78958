import type { Segment } from "./voice_activity.js";

const BARS = " ▁▂▃▄▅▆▇█";
const WIDTH = 72;

/** The largest value of each of `columns` stretches. */
const peaks = (values: ArrayLike<number>, columns: number): number[] =>
  Array.from({ length: columns }, (_, column) => {
    const [from, to] = [column, column + 1].map((c) => Math.floor((c * values.length) / columns));
    let most = 0;
    for (let i = from as number; i < (to as number); i++)
      most = Math.max(most, Math.abs(values[i] as number));
    return most;
  });

const bars = (values: readonly number[]): string =>
  values.map((value) => BARS[Math.min(Math.ceil(value * 8), 8)]).join("");

/** Loudness, probability and segments over time, for a terminal of 80 columns. */
export function picture(
  samples: Float32Array,
  probabilities: readonly number[],
  segments: readonly Segment[],
): string {
  const length = samples.length / 16_000;
  const columns = Math.min(WIDTH, probabilities.length);
  const loud = peaks(samples, columns);
  const loudest = Math.max(...loud, 1e-9);
  const marks = Array.from({ length: columns }, (_, column) => {
    const at = ((column + 0.5) * length) / columns;
    return segments.some(({ start, end }) => at >= start && at < end) ? "━" : "·";
  });
  const scale = `0 s${`${length.toFixed(1)} s`.padStart(columns - 3)}`;
  return [
    `sound   ${bars(loud.map((value) => value / loudest))}`,
    `speech  ${bars(peaks(probabilities, columns))}`,
    `        ${marks.join("")}`,
    `        ${scale}`,
  ].join("\n");
}
