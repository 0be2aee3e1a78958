// The report as Markdown.
import { type Case, mapCases, type Work } from "../cases/cases.js";
import { goals } from "./goals.js";
import { goalsTable } from "./goals_table.js";
import { languageTable } from "./language_table.js";
import { aligned, digits, micro, times } from "./markdown.js";
import { ceilingShare, find, gigaflops, type Results, ratio } from "./results.js";

const works: [Work, string][] = [
  ["lstm-forward", "LSTM forward"],
  ["lstm-step", "LSTM, one step"],
  ["rnn-forward", "RNN forward"],
  ["lstm-train", "LSTM forward + backward"],
];

/** Ours: time ± spread, GFLOP/s, share of the ceiling. Rivals: time, × of our f64, × of our f32. */
function cell(results: Results, one: Case, contender: string, ours: boolean): string {
  const outcome = find(results, one.work, one.name, contender);
  if (outcome?.failure !== undefined) return "failed";
  if (outcome?.figures === undefined) return "–";
  const { median, spread } = outcome.figures;
  if (!ours) {
    const ratios = ["f64", "f32"].flatMap((own) => {
      const value = ratio(results, one.work, one.name, [own, contender]);
      return value === undefined ? [] : [times(value)];
    });
    return [micro(median), ...ratios].join(" · ");
  }
  const share = ceilingShare(results, one, contender);
  return [
    `${micro(median)} ± ${(100 * spread).toFixed(0)} %`,
    `${digits(gigaflops(outcome) ?? Number.NaN)} GFLOP/s`,
    ...(share === undefined ? [] : [share.toFixed(2)]),
  ].join(" · ");
}

const size = /^S\d$/;

/** The cases of a work in the order in which they ran, each once, without the series that vary one size. */
function casesOf({ outcomes }: Results, work: Work): Case[] {
  const named = new Map<string, Case>();
  for (const { case: one } of outcomes) {
    if (one.work === work && size.test(one.name)) named.set(one.name, one);
  }
  return [...named.values()];
}

type Column = Results["contenders"][number];

function table(results: Results, columns: readonly Column[]): string {
  const head = ["work", "case", "nx, na, m, T", ...columns.map(({ title }) => title)];
  const rows = works.flatMap(([work, title]) =>
    casesOf(results, work).map((one) => [
      title,
      one.name,
      `${one.nx}, ${one.na}, ${one.m}, ${work === "lstm-step" ? 1 : one.T}`,
      ...columns.map(({ id, kind }) => cell(results, one, id, kind !== "rival")),
    ]),
  );
  return aligned([head, ...rows]);
}

/** Ours and the rivals; then, if they ran, our other ways to the same results; then the language models. */
function tables(results: Results): string[] {
  const layers = results.contenders.filter(({ works: own }) =>
    works.some(([work]) => own.includes(work)),
  );
  const competing = layers.filter(({ kind }) => kind === "ours" || kind === "rival");
  const variants = layers.filter(({ kind }) => kind === "variant");
  const other = ["Our other ways to the same results:", table(results, variants)];
  const ran = results.outcomes.some(({ case: { name } }) => size.test(name));
  return [
    ...(ran ? [table(results, competing), ...(variants.length === 0 ? [] : other)] : []),
    ...languageTable(results),
  ];
}

function ceilings(results: Results): string[] {
  return results.contenders
    .filter(({ kind }) => kind === "ceiling")
    .flatMap(({ id, title }) => {
      const found = results.outcomes.filter(({ contender }) => contender === id);
      if (found.length === 0) return [];
      const speeds = found.map((one) => gigaflops(one) ?? Number.NaN).sort((a, b) => a - b);
      const middle = speeds[speeds.length >> 1] ?? Number.NaN;
      const range = `${digits(speeds[0] ?? Number.NaN)} … ${digits(speeds.at(-1) ?? Number.NaN)}`;
      return [
        `${title} ${digits(middle)} GFLOP/s (${range} over the cases; ${found[0]?.note ?? "–"})`,
      ];
    });
}

function maps(results: Results): string[] {
  return mapCases.flatMap(({ work, name, nx }) =>
    ["maps64", "maps32", "plain"].flatMap((id) => {
      const figures = find(results, work, name, id)?.figures;
      const title = results.contenders.find((one) => one.id === id)?.title;
      return figures ? [`${work} ${title} ${digits(figures.median / nx)} ns a value`] : [];
    }),
  );
}

function faults({ outcomes }: Results): string[] {
  return outcomes.flatMap(({ contender, case: one, failure }) =>
    failure === undefined ? [] : [`- ${contender}, ${one.work} ${one.name}: ${failure}`],
  );
}

export function report(results: Results): string {
  const { machine, contenders } = results;
  const { rounds, sample } = machine.settings;
  const versions = contenders.flatMap(({ title, version }) =>
    version ? [`${title} ${version}`] : [],
  );
  const settings = Object.entries(machine.environment).map(([name, value]) => `${name}=${value}`);
  const errors = (precision: string): string => {
    const ids = contenders.filter((one) => one.precision === precision).map(({ id }) => id);
    const found = results.outcomes.filter(({ contender }) => ids.includes(contender));
    return Math.max(0, ...found.map(({ error }) => error ?? 0)).toExponential(1);
  };
  return [
    `${machine.cpu}, ${machine.cores} cores, ${machine.system} · Node ${machine.node} (V8 ${machine.v8}) · commit ${machine.commit} · ${machine.date} · ${machine.mode} run`,
    `One thread each. ${settings.join(" ")}`,
    `Median of up to ${rounds} interleaved samples of ${sample} ms; ± half the distance between the quartiles. Every output was compared with a plain float64 loop before it was timed: largest relative error ${errors("f64")} in f64, ${errors("f32")} in f32.`,
    ...(versions.length === 0 ? [] : [[...new Set(versions)].join(" · ")]),
    "Ours: time · GFLOP/s · share of the ceiling of the same precision in the same case. Others: time · times our f64 · times our f32.",
    ...tables(results),
    [...ceilings(results), ...maps(results)].map((line) => `- ${line}`).join("\n"),
    goalsTable(goals(results)),
    ...(faults(results).length === 0 ? [] : [`Failed:\n\n${faults(results).join("\n")}`]),
  ]
    .join("\n\n")
    .concat("\n");
}
