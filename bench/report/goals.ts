// The goals, as a table of numbers, and how each is read from the results.
import {
  type Case,
  forwardCases,
  linearInM,
  linearInT,
  mapCases,
  type Work,
} from "../cases/cases.js";
import type { Goal, Measured } from "./goal.js";
import { languageGoals } from "./language_goals.js";
import { ceilingShare, find, median, type Results, ratio, worstDoubling } from "./results.js";

/** `bounds`: case → [must reach, aim]. */
type Bounds = Record<string, [number, number]>;

function against(
  results: Results,
  [title, work, ours, other]: [string, Work, string, string],
  bounds: Bounds,
): Goal {
  const rows = Object.entries(bounds).map(([label, [must, aim]]) => ({
    ...{ label, must, aim },
    value: ratio(results, work, label, [ours, other]),
  }));
  rows.sort((a, b) => a.label.localeCompare(b.label));
  return { title, more: true, unit: "×", rows };
}

function shares(results: Results, contender: string, width: string): Goal {
  const bounds: Bounds = {
    ...{ S2: [0.75, 0.85], S3: [0.75, 0.85], S4: [0.85, 0.92], S5: [0.85, 0.92] },
    S6: [0.75, 0.85],
  };
  const rows = Object.entries(bounds).map(([label, [must, aim]]) => {
    const one = forwardCases.find(({ name }) => name === label) as Case;
    return { label, must, aim, value: ceilingShare(results, one, contender) };
  });
  return { title: `${width} LSTM forward: share of the ceiling`, more: true, unit: "", rows };
}

function perValue(results: Results, width: "64" | "32", must: number, aim: number): Goal {
  const rows = mapCases.map(({ work, name, nx }) => {
    const time = median(results, work, name, `maps${width}`);
    return { label: work.slice(0, -4), must, aim, value: time && time / nx };
  });
  return { title: `tanh, sigmoid, per value, f${width}`, more: false, unit: " ns", rows };
}

function growth(results: Results, contender: string): Goal {
  const row = (label: string, series: readonly Case[]): Measured => ({
    ...{ label, must: 1.1, aim: 1.1 },
    value: worstDoubling(results, series, contender),
  });
  return {
    ...{ title: `${contender} LSTM forward: worst doubling, 1 is linear`, more: false, unit: "×" },
    rows: [row("T 64 … 4096", linearInT), row("m 4 … 128", linearInM)],
  };
}

function subnormal(results: Results, contender: string): Goal {
  const usual = median(results, "lstm-forward", "usual", contender);
  const decaying = find(results, "lstm-forward", "decaying", contender)?.figures?.median;
  const value = usual && decaying && decaying / usual;
  return {
    ...{ title: `${contender} LSTM forward: subnormal state beside a usual one` },
    ...{ more: false, unit: "×", rows: [{ label: "S2", must: 1.2, aim: 1.2, value }] },
  };
}

function coldStart({ coldStart: start }: Results): Goal {
  return {
    ...{
      title: "cold start to the first score, beside an empty process",
      more: false,
      unit: " ms",
    },
    rows: [{ label: "node", must: 40, aim: 25, value: start?.milliseconds }],
  };
}

const some = (names: string, must: number, aim: number): Bounds =>
  Object.fromEntries(names.split(" ").map((name) => [name, [must, aim]]));

export function goals(results: Results): Goal[] {
  const step = (ours: string, must: number): Goal => ({
    ...{ title: `one streamed step, ${ours}, vs onnxruntime-web and -node`, more: true, unit: "×" },
    rows: ["web", "node"].map((label) => ({
      ...{ label, must, aim: 8 },
      value: ratio(results, "lstm-step", "S2", [ours, label]),
    })),
  });
  const g = (title: string, work: Work, ours: string, other: string, bounds: Bounds): Goal =>
    against(results, [title, work, ours, other], bounds);
  const train = "f64 LSTM forward + backward vs";
  const f32Bounds = {
    ...some("S1", 4, 4),
    ...some("S2 S3 S4", 1.2, 1.4),
    ...some("S5 S6", 1.1, 1.4),
  };
  const f64Bounds = { ...some("S1", 3, 3), ...some("S2 S3 S4 S5 S6", 0.6, 0.7) };
  const rnnBounds = { ...some("S1", 4, 4), ...some("S2 S3 S4 S6", 1.3, 2), ...some("S5", 1, 2) };
  const plainBounds = {
    ...some("S1", 2.5, 4.5),
    ...some("S2 S3", 3.5, 4.5),
    ...some("S4 S5", 3, 4.5),
  };
  const tfBounds = { ...some("S1 S2", 80, 100), ...some("S3", 30, 40), ...some("S4 S5", 6, 8) };
  return [
    g("f32 LSTM forward vs onnxruntime-web f32", "lstm-forward", "f32", "web", f32Bounds),
    g("f64 LSTM forward vs onnxruntime-web f32", "lstm-forward", "f64", "web", f64Bounds),
    g("f64 RNN forward vs onnxruntime-web f32", "rnn-forward", "f64", "web", rnnBounds),
    ...[step("f64", 3.5), step("f32", 5.5)],
    g(`${train} plain JavaScript`, "lstm-train", "f64", "plain", plainBounds),
    g(`${train} TensorFlow.js wasm f32`, "lstm-train", "f64", "tfwasm", tfBounds),
    g(`${train} numpy's loop`, "lstm-train", "f64", "numpy", some("S1 S2 S3", 3, 5)),
    ...[shares(results, "f64", "f64"), shares(results, "f32", "f32")],
    ...[perValue(results, "64", 2.5, 1.5), perValue(results, "32", 1, 0.6)],
    ...[growth(results, "f64"), growth(results, "f32")],
    ...[subnormal(results, "f64"), subnormal(results, "f32"), coldStart(results)],
    ...languageGoals(results),
  ];
}
