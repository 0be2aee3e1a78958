import { type Case, operations } from "../cases/cases.js";
import type { Contender } from "../contenders.js";
import { CEILING_OPERATIONS } from "../ours/ceiling_module.js";
import type { Outcome } from "../timing/interleaved.js";
import type { StartUp } from "../timing/start_up.js";
import type { Machine } from "./machine.js";

/** The results of a run, as in latest.json. */
export interface Results {
  machine: Machine;
  contenders: Pick<Contender, "id" | "title" | "precision" | "kind" | "works" | "version">[];
  outcomes: Outcome[];
  startUp?: StartUp;
}

export function find(
  { outcomes }: Results,
  work: string,
  name: string,
  contender: string,
): Outcome | undefined {
  return outcomes.find(
    (one) => one.contender === contender && one.case.work === work && one.case.name === name,
  );
}

/** Nanoseconds of a call; undefined where it was not measured. */
export function median(results: Results, work: string, name: string, contender: string) {
  return find(results, work, name, contender)?.figures?.median;
}

/** Operations a nanosecond. */
export function gigaflops(outcome: Outcome): number | undefined {
  const { figures } = outcome;
  if (figures === undefined) return undefined;
  const count = outcome.contender.startsWith("ceiling")
    ? CEILING_OPERATIONS
    : operations(outcome.case);
  return count === 0 ? undefined : count / figures.median;
}

/** The share of the ceiling of its precision that a contender of ours reaches, both from the same case. */
export function ceilingShare(results: Results, one: Case, contender: string): number | undefined {
  const precision = results.contenders.find(({ id }) => id === contender)?.precision;
  const own = find(results, one.work, one.name, contender);
  const ceiling = find(results, one.work, one.name, `ceiling${precision?.slice(1)}`);
  const [reached, possible] = [own && gigaflops(own), ceiling && gigaflops(ceiling)];
  return reached === undefined || possible === undefined ? undefined : reached / possible;
}

/** Nanoseconds of a token, where a call gives probabilities of tokens, else of a call. */
export function unitTime(results: Results, work: string, name: string, contender: string) {
  const outcome = find(results, work, name, contender);
  const time = outcome?.figures?.median;
  return time === undefined ? undefined : time / (outcome?.tokens ?? 1);
}

/** The time of the second contender as a multiple of the first one's. */
export function ratio(
  results: Results,
  work: string,
  name: string,
  [ours, other]: [string, string],
): number | undefined {
  const [a, b] = [unitTime(results, work, name, ours), unitTime(results, work, name, other)];
  return a === undefined || b === undefined ? undefined : b / a;
}

/** The worst doubling of a series of sizes: 1 is linear, 1.1 costs a tenth more than twice. */
export function worstDoubling(results: Results, series: readonly Case[], contender: string) {
  const times = series.map(({ work, name }) => median(results, work, name, contender));
  const growth = times
    .slice(1)
    .map((time, i) => (time ?? Number.NaN) / (times[i] ?? Number.NaN) / 2);
  return growth.some(Number.isNaN) ? undefined : Math.max(...growth);
}
