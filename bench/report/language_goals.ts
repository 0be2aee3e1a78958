// The goals of the language models.
import { coldOpenCase, openCase, scoreCase, streamCase } from "../cases/language.js";
import type { Goal, Measured } from "./goal.js";
import { pace, type Results, ratio } from "./results.js";

const row = (label: string, must: number, value: number | undefined): Measured => ({
  ...{ label, must, aim: must, value },
});

export function languageGoals(results: Results): Goal[] {
  const against = (ours: string, other: string): number | undefined =>
    ratio(results, scoreCase.work, scoreCase.name, [ours, other]);
  const push = pace(results, streamCase.work, streamCase.name, "language64");
  const opened = ({ work, name }: typeof openCase): number | undefined => {
    const time = pace(results, work, name, "language64");
    return time && time / 1e6;
  };
  return [
    {
      ...{ title: "score 10,000 lines vs onnxruntime-web f32, padded", more: true, unit: "×" },
      rows: [
        row("f32", 2.5, against("language32", "webLanguage")),
        row("f64", 1.3, against("language64", "webLanguage")),
      ],
    },
    {
      ...{ title: "score 10,000 lines vs TensorFlow.js wasm f32", more: true, unit: "×" },
      rows: [row("f32", 10, against("language32", "tfLanguage"))],
    },
    {
      ...{ title: "1,000 streams, a token each in turn, f64", more: true, unit: " tokens/s" },
      rows: [row("one core", 120_000, push && 1e9 / push)],
    },
    {
      ...{ title: "opening the 1.1 MB model, f64", more: false, unit: " ms" },
      rows: [
        row("in memory", 15, opened(openCase)),
        row("with the engine", 15, opened(coldOpenCase)),
      ],
    },
  ];
}
