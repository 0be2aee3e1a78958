import type { Goal } from "../report/goals.js";
import { goalsTable } from "../report/goals_table.js";
import type { Machine } from "../report/machine.js";
import { aligned, digits, micro, times } from "../report/markdown.js";
import type { Figures } from "../timing/statistics.js";
import { CHUNK_TIME, type Silero } from "./models.js";
import { type firstOpens, type Outcome, TOLERANCE } from "./timing.js";

/** The results of a run, as in graphs.json. */
export interface GraphResults {
  readonly machine: Machine;
  readonly outcomes: readonly Outcome[];
  readonly opens: ReturnType<typeof firstOpens>;
  /** The rivals' versions, by package. */
  readonly versions: Readonly<Record<string, string>>;
}

type Name = Silero["name"];

const figuresOf = ({ outcomes }: GraphResults, model: Name, id: string): Figures | undefined =>
  outcomes.find((each) => each.model === model && each.contender === id)?.figures;

/** How many times the second contender's time is the first one's. */
function ratio(results: GraphResults, model: Name, ours: string, other: string) {
  const [a, b] = [ours, other].map((id) => figuresOf(results, model, id)?.median);
  return a === undefined || b === undefined ? undefined : b / a;
}

function table(results: GraphResults, model: Name): string[] {
  const found = results.outcomes.filter((each) => each.model === model);
  if (found.length === 0) return [];
  const head = [`Silero VAD ${model}, 16 kHz`, "a chunk of 32 ms", "ours in f32 is faster by"];
  // A core hears as many callers as the computation is faster than speech.
  head.push("times as fast as speech: callers a core hears", "largest error");
  const rows = found.map(({ contender, title, error, figures }) => {
    const off = error.toExponential(1);
    if (figures === undefined) return [title, "not timed", "", "", off];
    const { median, spread } = figures;
    const realTime = Math.round((CHUNK_TIME * 1e6) / median);
    const faster = contender === "f32" ? "" : times(ratio(results, model, "f32", contender));
    const time = `${micro(median)} ± ${(spread * 100).toFixed(0)} %`;
    return [title, time, faster, `${realTime}`, off];
  });
  return [aligned([head, ...rows])];
}

function openings({ opens }: GraphResults): string[] {
  if (opens.length === 0) return [];
  const titles: Record<string, string> = { f32: "Recurra f32" };
  const rows = opens.map(({ contender, model, figures: { median, spread, fastest } }) => [
    `${titles[contender] ?? contender}, Silero ${model}`,
    `${digits(median / 1e6)} ms ± ${(spread * 100).toFixed(0)} %`,
    `${digits(fastest / 1e6)} ms`,
  ]);
  return [aligned([["the first opening of a process", "median", "fastest"], ...rows])];
}

function goals(results: GraphResults): Goal[] {
  const more = (title: string, rows: Goal["rows"]): Goal => ({
    ...{ title, better: "more", unit: "×", rows },
  });
  const row = (label: string, [must, aim]: [number, number], value: number | undefined) => ({
    ...{ label, must, aim, value },
  });
  const against = (model: Name, ours: string, other: string) => ratio(results, model, ours, other);
  const shared = ratio(results, "v5", "f32", "pushAll");
  const open = results.opens.find(({ contender, model }) => contender === "f32" && model === "v5");
  return [
    more("Silero v5, a chunk, f32", [
      row("web", [7, 12], against("v5", "f32", "onnxruntime-web")),
      row("node", [1.7, 2.5], against("v5", "f32", "onnxruntime-node")),
    ]),
    more("Silero v4, a chunk, f32", [
      row("web", [5, 8], against("v4", "f32", "onnxruntime-web")),
      row("node", [1.2, 1.8], against("v4", "f32", "onnxruntime-node")),
    ]),
    more("Silero v5, f64 vs onnxruntime-web's f32", [
      row("web", [3, 5], against("v5", "f64", "onnxruntime-web")),
    ]),
    {
      ...{ title: "64 streams by pushAll, a stream's time beside one alone", better: "less" },
      ...{ unit: "×", rows: [row("v5", [0.9, 0.75], shared)] },
    },
    {
      ...{ title: "the first opening of a process, from bytes", better: "less", unit: " ms" },
      rows: [row("v5", [30, 15], open && open.figures.median / 1e6)],
    },
  ];
}

export function report(results: GraphResults): string {
  const { machine, versions } = results;
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    `${machine.cpu}, ${machine.cores} cores, ${machine.system} · Node ${machine.node} (V8 ${machine.v8}) · commit ${machine.commit} · ${machine.date} · ${machine.mode} run`,
    `One thread each. Median of ${machine.settings.rounds} samples of 192 chunks, contenders in turn; ± half the distance between the quartiles. Before it is timed, each contender hears the whole recording: every probability is within ${TOLERANCE} of onnxruntime's.`,
    ...(named.length > 0 ? [named.join(" · ")] : []),
    ...table(results, "v5"),
    ...table(results, "v4"),
    ...openings(results),
    goalsTable(goals(results)),
  ]
    .join("\n\n")
    .concat("\n");
}
