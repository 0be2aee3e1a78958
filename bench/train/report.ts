import { CEILING_OPERATIONS } from "../ours/ceiling_module.js";
import type { Goal } from "../report/goals.js";
import { goalsTable } from "../report/goals_table.js";
import type { Machine } from "../report/machine.js";
import { aligned, digits, times } from "../report/markdown.js";
import { CASES, CHECKED_STEPS, operations, ownOperations, type TrainCase } from "./network.js";
import type { Outcome } from "./timing.js";

/** The results of a run, as in train.json. */
export interface TrainResults {
  readonly machine: Machine;
  readonly outcomes: readonly Outcome[];
  readonly versions: Readonly<Record<string, string>>;
}

type Name = TrainCase["name"];

/** Nanoseconds of a step; of the ceiling: of its products. */
function stepTime({ outcomes }: TrainResults, one: TrainCase, id: string): number | undefined {
  const found = outcomes.find((each) => each.case === one.name && each.contender === id);
  const median = found?.figures?.median;
  if (median === undefined || id !== "ceiling") return median;
  return (median / CEILING_OPERATIONS) * operations(one);
}

const caseOf = (name: Name): TrainCase => CASES.find((each) => each.name === name) as TrainCase;

/** How many times the second contender's time is the first one's. */
function ratio(results: TrainResults, name: Name, id: string, other: string): number | undefined {
  const [a, b] = [id, other].map((each) => stepTime(results, caseOf(name), each));
  return a === undefined || b === undefined ? undefined : b / a;
}

function table(results: TrainResults, one: TrainCase): string {
  const head = [one.title, "a step", "characters per second", "GFLOP/s in the products"];
  head.push("ours in f64 is faster by", "error of the losses");
  const rows = results.outcomes
    .filter((each) => each.case === one.name)
    .map(({ contender, title, error, figures, failure }) => {
      const median = stepTime(results, one, contender);
      if (median === undefined || figures === undefined)
        return [title, failure ?? "not timed", "", "", "", ""];
      return [
        title,
        `${digits(median / 1e6)} ms ± ${(figures.spread * 100).toFixed(0)} %`,
        contender === "ceiling" ? "" : `${Math.round((one.m * one.T * 1e9) / median)}`,
        digits(operations(one) / median),
        contender === "f64" ? "" : times(ratio(results, one.name, "f64", contender)),
        error === undefined ? "another computation" : error.toExponential(1),
      ];
    });
  return aligned([head, ...rows]);
}

/** The faster of TensorFlow.js's backends. */
function tensorflow(results: TrainResults): number | undefined {
  const found = ["tfwasm", "tfcpu"].map((id) => ratio(results, "large", "f64", id));
  const known = found.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

function goals(results: TrainResults): Goal[] {
  const goal = (title: string, must: number, aim: number, value: number | undefined): Goal => {
    const label = title.startsWith("small") ? "small" : "large";
    return { ...{ title, better: "more", unit: "×" }, rows: [{ label, must, aim, value }] };
  };
  // Of the operations that it makes: without those that it saves.
  const large = caseOf("large");
  const nominal = ratio(results, "large", "f64", "ceiling");
  const share = nominal && (nominal * ownOperations(large)) / operations(large);
  return [
    goal("a step vs TensorFlow.js, its faster backend", 10, 12, tensorflow(results)),
    goal("a step vs brain.js", 20, 40, ratio(results, "large", "f64", "brain")),
    goal("a step vs numpy's loop", 0.5, 0.7, ratio(results, "large", "f64", "numpy")),
    goal("products that a step makes over the f64 ceiling", 0.75, 0.8, share),
    goal("small net, a step vs plain JavaScript", 2, 4, ratio(results, "small", "f64", "plain")),
  ];
}

export function report(results: TrainResults): string {
  const { machine, versions } = results;
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    `${machine.cpu}, ${machine.cores} cores, ${machine.system} · Node ${machine.node} (V8 ${machine.v8}) · commit ${machine.commit} · ${machine.date} · ${machine.mode} run`,
    `A step: forward, cross-entropy, backward, Adam. One thread each. Median of at most ${machine.settings.rounds} samples, contenders in turn; ± half the distance between the quartiles. Before it is timed, the losses of a contender's first ${CHECKED_STEPS} steps are compared with plain JavaScript's: f64 within 1e-10, f32 within 1e-3.`,
    ...(named.length > 0 ? [named.join(" · ")] : []),
    ...CASES.filter(({ name }) => results.outcomes.some((each) => each.case === name)).map((one) =>
      table(results, one),
    ),
    goalsTable(goals(results)),
  ]
    .join("\n\n")
    .concat("\n");
}
