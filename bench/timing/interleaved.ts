// Times contenders in turn, A B C, C B A, A B C, …, so that any disturbance of the machine affects all of them.
import { join } from "node:path";
import { type Case, callsBeforeCheck } from "../cases/cases.js";
import { readResult } from "../cases/check.js";
import type { Contender } from "../contenders.js";
import { type CheckedCase, checkedCase } from "./checked_case.js";
import type { ContenderProcess } from "./contender_process.js";
import type { Job } from "./protocol.js";
import { type Figures, summarize } from "./statistics.js";

export interface Settings {
  rounds: number;
  /** Milliseconds of a sample. */
  sample: number;
  /** Milliseconds of calls before the first sample. */
  warm: number;
  /** Milliseconds that one contender may take for a case, beyond `fewest` samples. */
  budget: number;
  fewest: number;
}

export interface Outcome {
  contender: Contender["id"];
  case: Case;
  /** Tokens whose probability a call gives; undefined for other works. */
  tokens?: number;
  /** The error of the output against the oracle; undefined for the ceiling, which has none. */
  error?: number;
  figures?: Figures;
  failure?: string;
  note?: string;
}

/** A contender with its case: that of the others, or a part of it. */
export interface Entry {
  contender: Contender;
  case: Case;
}

interface Runner {
  process: ContenderProcess;
  id: number;
  /** It takes part in every n-th round. */
  every: number;
  samples: number[];
  outcome: Outcome;
}

export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** Has a contender do its case once, and checks the output. */
async function start(
  { contender, case: one }: Entry,
  process: ContenderProcess,
  { operands, tokens, check }: CheckedCase,
  { folder, settings }: { folder: string; settings: Settings },
): Promise<Runner> {
  const outcome: Outcome = { contender: contender.id, case: one };
  if (tokens !== undefined) outcome.tokens = tokens;
  const runner: Runner = { process, id: -1, every: 1, samples: [], outcome };
  const { work, nx, na, m, T } = one;
  const result = join(folder, "result.f64");
  const job: Job = { work, nx, na, m, T, operands, result, calls: callsBeforeCheck(work) };
  try {
    const { id, first } = await process.prepare(job, settings.warm);
    if (first.note !== undefined) outcome.note = first.note;
    const { precision, cell } = contender;
    if (cell !== undefined) outcome.error = check(readResult(result), precision, cell);
    runner.id = id;
    const turn = Math.max(settings.sample, first.nanoseconds / 1e6);
    const affordable = Math.max(settings.fewest, Math.floor(settings.budget / turn));
    runner.every = Math.max(1, Math.floor(settings.rounds / affordable));
  } catch (error) {
    outcome.failure = messageOf(error);
  }
  return runner;
}

/** Checks the outputs of all, then times them in turn. A contender whose output is wrong is not timed. */
export async function timeInterleaved(
  entries: readonly Entry[],
  processOf: (contender: Contender) => ContenderProcess,
  folder: string,
  settings: Settings,
): Promise<Outcome[]> {
  const runners: Runner[] = [];
  const checked = new Map<string, CheckedCase>();
  for (const entry of entries) {
    const key = JSON.stringify(entry.case);
    const one = checked.get(key) ?? checkedCase(entry.case, join(folder, String(checked.size)));
    checked.set(key, one);
    runners.push(await start(entry, processOf(entry.contender), one, { folder, settings }));
  }
  const started = runners.filter(({ outcome }) => outcome.failure === undefined);
  for (let round = 0; round < settings.rounds; round++) {
    for (const runner of round % 2 === 0 ? started : [...started].reverse()) {
      const { process, id, every, samples, outcome } = runner;
      if (round % every !== 0 || outcome.failure !== undefined) continue;
      try {
        samples.push((await process.sample(id, settings.sample)).nanoseconds);
      } catch (error) {
        outcome.failure = messageOf(error); // the others go on
      }
    }
  }
  for (const { process, id, samples, outcome } of started) {
    if (outcome.failure !== undefined) continue;
    await process.release(id);
    outcome.figures = summarize(samples);
  }
  return runners.map(({ outcome }) => outcome);
}
