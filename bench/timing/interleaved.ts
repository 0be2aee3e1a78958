// Interleaves contenders A B C, C B A, A B C, …: whatever the machine does meanwhile, it does to all of them.
import { join } from "node:path";
import { type Case, callsBeforeCheck } from "../cases/cases.js";
import { readResult } from "../cases/check.js";
import type { Contender } from "../contender.js";
import { type Question, question } from "./checked_case.js";
import type { Lane } from "./contender_process.js";
import type { Job } from "./protocol.js";
import { type Figures, summarize } from "./statistics.js";

export interface Settings {
  rounds: number;
  /** Milliseconds of a sample. */
  sample: number;
  /** Milliseconds of calls before the first sample. */
  warm: number;
  /** Milliseconds that one contender may take in one race; at least `fewest` samples are taken all the same. */
  budget: number;
  fewest: number;
}

export interface Outcome {
  contender: Contender["id"];
  case: Case;
  /** Tokens whose probability a call gives, where that is the work. */
  tokens?: number;
  /** Of the output against the oracle; undefined where there is none, for the ceiling. */
  error?: number;
  figures?: Figures;
  failure?: string;
  note?: string;
}

export interface Entry {
  lane: Lane;
  case: Case;
}

interface Runner extends Entry {
  id: number;
  /** Takes part in every n-th round. */
  every: number;
  samples: number[];
  outcome: Outcome;
}

const message = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

async function prepare(
  entry: Entry,
  { operands, tokens, check }: Question,
  folder: string,
  settings: Settings,
): Promise<Runner> {
  const { lane } = entry;
  const one = entry.case;
  const { contender } = lane;
  const outcome: Outcome = { contender: contender.id, case: one };
  if (tokens !== undefined) outcome.tokens = tokens;
  const runner: Runner = { ...entry, id: -1, every: 1, samples: [], outcome };
  const { work, nx, na, m, T } = one;
  const result = join(folder, "result.f64");
  const job: Job = { work, nx, na, m, T, operands, result, calls: callsBeforeCheck(work) };
  try {
    const { id, first } = await lane.prepare(job, settings.warm);
    if (first.note !== undefined) outcome.note = first.note;
    if (contender.memory !== undefined) {
      outcome.error = check(readResult(result), contender.width, contender.memory);
    }
    runner.id = id;
    const turn = Math.max(settings.sample, first.nanoseconds / 1e6);
    const affordable = Math.max(settings.fewest, Math.floor(settings.budget / turn));
    runner.every = Math.max(1, Math.floor(settings.rounds / affordable));
  } catch (error) {
    outcome.failure = message(error);
  }
  return runner;
}

export async function race(
  entries: readonly Entry[],
  folder: string,
  settings: Settings,
): Promise<Outcome[]> {
  const runners: Runner[] = [];
  const questions = new Map<string, Question>();
  for (const entry of entries) {
    const key = JSON.stringify(entry.case);
    const path = join(folder, String(questions.size));
    const asked = questions.get(key) ?? question(entry.case, path);
    questions.set(key, asked);
    runners.push(await prepare(entry, asked, folder, settings));
  }
  const started = runners.filter(({ outcome }) => outcome.failure === undefined);
  for (let round = 0; round < settings.rounds; round++) {
    const order = round % 2 === 0 ? started : [...started].reverse();
    for (const runner of order) {
      if (round % runner.every !== 0 || runner.outcome.failure !== undefined) continue;
      try {
        const { nanoseconds } = await runner.lane.sample(runner.id, settings.sample);
        runner.samples.push(nanoseconds);
      } catch (error) {
        runner.outcome.failure = message(error); // the others go on
      }
    }
  }
  for (const runner of started) {
    if (runner.outcome.failure !== undefined) continue;
    await runner.lane.release(runner.id);
    runner.outcome.figures = summarize(runner.samples);
  }
  return runners.map(({ outcome }) => outcome);
}
