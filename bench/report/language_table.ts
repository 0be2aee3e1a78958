// The table of the language models: contenders in rows, works in columns.
import {
  firstModelCase,
  type LanguageCase,
  openCase,
  scoreCase,
  streamCase,
  tokenOperations,
} from "../cases/language.js";
import type { Outcome } from "../timing/interleaved.js";
import { aligned, digits, micro, times } from "./markdown.js";
import { find, type Results, ratio } from "./results.js";

type Column = readonly [title: string, LanguageCase];
type Row = Results["contenders"][number];

const columns: readonly Column[] = [
  ["score lines, a token", scoreCase],
  ["push into streams in turn, a token", streamCase],
  ["open a model from bytes", openCase],
  ["engine and first model of a process", firstModelCase],
];

const own = ["language64", "language32"];

function speed({ case: one, tokens, figures }: Outcome): string[] {
  if (tokens === undefined || figures === undefined) return [];
  const rate = tokens / figures.median;
  const operations = tokenOperations(one as LanguageCase);
  return [`${digits(rate * 1e6)} k/s`, `${digits(rate * operations)} GFLOP/s`];
}

/** Ours: time ± spread, thousand tokens a second, GFLOP/s. Rivals: time, × of our f64, × of our f32. */
function cell(results: Results, { work, name }: LanguageCase, { id, kind }: Row): string {
  const outcome = find(results, work, name, id);
  if (outcome?.failure !== undefined) return "failed";
  if (outcome?.figures === undefined) return "–";
  const { tokens = 1, figures } = outcome;
  const time = micro(figures.median / tokens);
  if (kind === "rival") {
    const ratios = own.map((ours) => ratio(results, work, name, [ours, id]));
    return [time, ...ratios.filter((value) => value !== undefined).map(times)].join(" · ");
  }
  return [`${time} ± ${(100 * figures.spread).toFixed(0)} %`, ...speed(outcome)].join(" · ");
}

function notes({ outcomes, contenders }: Results): string {
  const scored = outcomes.filter(({ case: { work } }) => work === "score-lines");
  if (scored.length === 0) return "Language models.";
  const most = Math.max(...scored.map(({ case: { m } }) => m));
  const titles = new Map(contenders.map(({ id, title }) => [id, title]));
  const fewer = scored.filter(({ case: { m } }) => m < most);
  const first = fewer.map((one) => `${titles.get(one.contender)} the first ${one.case.m} only`);
  return [
    `Language models. Lines: the Shakespeare model and pieces of its text; ${most} of them in ten calls, padded by the rivals in batches`,
    "of 32 in the order of the file where it does not say sorted. Ours: time · thousand tokens a second · GFLOP/s.",
    ...(first.length === 0 ? [] : [`${first.join(", ")}.`]),
  ].join(" ");
}

const ran = ({ outcomes }: Results, { work, name }: LanguageCase): boolean =>
  outcomes.some((outcome) => outcome.case.work === work && outcome.case.name === name);

export function languageTable(results: Results): string[] {
  const present = columns.filter(([, one]) => ran(results, one));
  if (present.length === 0) return [];
  const who = results.contenders.filter(
    ({ works, kind }) => works.includes("score-lines") && kind !== "ceiling",
  );
  const took = who.filter(({ id }) => results.outcomes.some(({ contender }) => contender === id));
  const head = ["", ...present.map(([title]) => title)];
  const body = took.map((row) => [row.title, ...present.map(([, one]) => cell(results, one, row))]);
  return [notes(results), aligned([head, ...body])];
}
