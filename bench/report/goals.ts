// The goals, and how each is read from the results.
import * as cases from "../cases/cases.js";
import { firstModelCase, openCase, scoreCase, streamCase } from "../cases/language.js";
import { ceilingShare, median, type Results, ratio, unitTime, worstDoubling } from "./results.js";

interface Measured {
  label: string;
  must: number;
  aim: number;
  value: number | undefined;
}

export interface Goal {
  title: string;
  better: "more" | "less";
  unit: string;
  rows: Measured[];
}

/** By case, or by several that share them, "S2 S3": what must be reached, and the aim. */
type Bounds = Readonly<Record<string, readonly [must: number, aim: number]>>;

/** A row for each case; `value` measures it. */
const byCase = (bounds: Bounds, value: (name: string) => number | undefined): Measured[] =>
  Object.entries(bounds)
    .flatMap(([names, [must, aim]]) =>
      names.split(" ").map((label) => ({ label, must, aim, value: value(label) })),
    )
    .sort((a, b) => a.label.localeCompare(b.label));

/** Layers against others: the work, our contender, and the other one. */
const RATIOS: readonly (readonly [title: string, who: string, Bounds])[] = [
  [
    "f32 LSTM forward vs onnxruntime-web f32",
    "lstm-forward f32 web",
    { S1: [4, 5], "S2 S3 S4": [1.2, 1.4], "S5 S6": [1.1, 1.4] },
  ],
  [
    "f64 LSTM forward vs onnxruntime-web f32",
    "lstm-forward f64 web",
    { S1: [3.5, 4.2], "S2 S3 S4 S5 S6": [0.6, 0.7] },
  ],
  [
    "f64 RNN forward vs onnxruntime-web f32",
    "rnn-forward f64 web",
    { S1: [4, 5], "S2 S3 S4 S6": [1.3, 2], S5: [1, 2] },
  ],
  [
    "f64 LSTM forward + backward vs plain JavaScript",
    "lstm-train f64 plain",
    { S1: [2, 3], "S2 S3": [3.5, 4.5], "S4 S5": [3, 4.5] },
  ],
  [
    "f64 LSTM forward + backward vs TensorFlow.js wasm f32",
    "lstm-train f64 tfwasm",
    { "S1 S2": [80, 100], S3: [30, 40], "S4 S5": [6, 8] },
  ],
  ["f64 LSTM forward + backward vs numpy's loop", "lstm-train f64 numpy", { "S1 S2 S3": [3, 5] }],
];

const SHARES: Bounds = { "S2 S3 S6": [0.75, 0.85], "S4 S5": [0.85, 0.92] };

/** The goals that exist in both precisions. */
function ofPrecision(results: Results, id: "f64" | "f32"): Goal[] {
  const step: Bounds = { "web node": [id === "f64" ? 3.5 : 5.5, 8] };
  const share = (name: string): number | undefined => {
    const one = cases.forwardCases.find((each) => each.name === name);
    return one && ceilingShare(results, one, id);
  };
  const perValue = cases.mapCases.map(({ work, name, nx }): Measured => {
    const time = median(results, work, name, `maps${id.slice(1)}`);
    const [must, aim] = id === "f64" ? [2.5, 1.5] : [1, 0.6];
    return { label: work.slice(0, -4), must, aim, value: time && time / nx };
  });
  const growth = (label: string, series: readonly cases.Case[]): Measured => {
    return { label, must: 1.1, aim: 1.1, value: worstDoubling(results, series, id) };
  };
  const usual = median(results, "lstm-forward", "usual", id);
  const decaying = median(results, "lstm-forward", "decaying", id);
  const subnormal = usual && decaying && decaying / usual;
  return [
    {
      title: `one streamed step, ${id}, vs onnxruntime-web and -node`,
      better: "more",
      unit: "×",
      rows: byCase(step, (other) => ratio(results, "lstm-step", "S2", [id, other])),
    },
    {
      title: `${id} LSTM forward: share of the ceiling`,
      better: "more",
      unit: "",
      rows: byCase(SHARES, share),
    },
    { title: `tanh, sigmoid, per value, ${id}`, better: "less", unit: " ns", rows: perValue },
    {
      title: `${id} LSTM forward: worst doubling, 1 is linear`,
      better: "less",
      unit: "×",
      rows: [growth("T 64 … 4096", cases.linearInT), growth("m 4 … 128", cases.linearInM)],
    },
    {
      title: `${id} LSTM forward: subnormal state beside a usual one`,
      better: "less",
      unit: "×",
      rows: [{ label: "S2", must: 1.2, aim: 1.2, value: subnormal }],
    },
  ];
}

/** Times of small calls and of processes. */
function smallTimes(results: Results): Goal[] {
  const forward = median(results, "lstm-forward", "S0", "f64");
  const { startUp } = results;
  const beside = (kind: "layer" | "text"): number | undefined =>
    startUp && (startUp[kind].median - startUp.empty.median) / 1e6;
  return [
    {
      title: "f64 LSTM forward of one step, 3 inputs, 5 units",
      better: "less",
      unit: " µs",
      rows: [{ label: "S0", must: 0.7, aim: 0.35, value: forward && forward / 1000 }],
    },
    {
      title: "cold start to the first score, beside an empty process",
      better: "less",
      unit: " ms",
      rows: [{ label: "node", must: 40, aim: 25, value: beside("layer") }],
    },
    {
      title: "import, engine, Shakespeare model f32, first score, beside an empty process",
      better: "less",
      unit: " ms",
      rows: [{ label: "node", must: 42, aim: 30, value: beside("text") }],
    },
  ];
}

function languageGoals(results: Results): Goal[] {
  const row = (label: string, must: number, value: number | undefined): Measured => {
    return { label, must, aim: must, value };
  };
  const against = (ours: string, other: string): number | undefined =>
    ratio(results, scoreCase.work, scoreCase.name, [ours, other]);
  const push = unitTime(results, streamCase.work, streamCase.name, "language64");
  const opened = ({ work, name }: typeof openCase): number | undefined => {
    const time = unitTime(results, work, name, "language64");
    return time && time / 1e6;
  };
  return [
    {
      title: "score 10,000 lines vs onnxruntime-web f32, padded",
      better: "more",
      unit: "×",
      rows: [
        row("f32", 2.5, against("language32", "webLanguage")),
        row("f64", 1.3, against("language64", "webLanguage")),
      ],
    },
    {
      title: "score 10,000 lines vs TensorFlow.js wasm f32",
      better: "more",
      unit: "×",
      rows: [row("f32", 10, against("language32", "tfLanguage"))],
    },
    {
      title: "1,000 streams, a token each in turn, f64",
      better: "more",
      unit: " tokens/s",
      rows: [row("one core", 120_000, push && 1e9 / push)],
    },
    {
      title: "opening the 1.1 MB model, f64",
      better: "less",
      unit: " ms",
      rows: [
        row("in memory", 15, opened(openCase)),
        row("with the engine", 15, opened(firstModelCase)),
      ],
    },
  ];
}

export function goals(results: Results): Goal[] {
  const ratios = RATIOS.map(([title, who, bounds]): Goal => {
    const [work = "", ours = "", other = ""] = who.split(" ");
    const rows = byCase(bounds, (name) => ratio(results, work, name, [ours, other]));
    return { title, better: "more", unit: "×", rows };
  });
  return [
    ...ratios,
    ...ofPrecision(results, "f64"),
    ...ofPrecision(results, "f32"),
    ...smallTimes(results),
    ...languageGoals(results),
  ];
}

/** Whether a goal is met: "met", "met, and the aim", or the cases that fall short. */
export function verdict({ better, rows }: Goal): string {
  const passes = (value: number, bound: number): boolean =>
    better === "more" ? value >= bound : value <= bound;
  const known = rows.filter(({ value }) => value !== undefined);
  if (known.length === 0) return "not measured";
  const failed = known.filter(({ value, must }) => !passes(value as number, must));
  const unknown = known.length < rows.length ? ", some not measured" : "";
  if (failed.length > 0) return `not met: ${failed.map(({ label }) => label).join(", ")}${unknown}`;
  const aimed = known.every(({ value, aim }) => passes(value as number, aim));
  return `${aimed ? "met, and the aim" : "met"}${unknown}`;
}
