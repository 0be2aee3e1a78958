import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readResult, relativeError } from "../cases/check.js";
import { ContenderProcess } from "../timing/contender_process.js";
import { messageOf } from "../timing/interleaved.js";
import type { Job } from "../timing/protocol.js";
import { type Figures, summarize } from "../timing/statistics.js";
import type { Contender } from "./contenders.js";
import { CHECKED_STEPS, type TrainCase, writeOperands } from "./network.js";

export interface Settings {
  readonly rounds: number;
  /** Milliseconds of a sample, and of the steps before the first. */
  readonly sample: number;
  readonly warm: number;
  /** Milliseconds that one contender may take for a case, beyond two samples. */
  readonly budget: number;
}

/** One contender in one case: nanoseconds of a step. */
export interface Outcome {
  readonly case: TrainCase["name"];
  readonly contender: string;
  readonly title: string;
  /** The largest distance of its losses, relative; undefined if it computes something else. */
  readonly error?: number;
  readonly figures?: Figures;
  readonly failure?: string;
}

interface Runner {
  readonly contender: Contender;
  readonly process: ContenderProcess;
  id: number;
  every: number;
  error?: number;
  failure?: string;
  readonly samples: number[];
}

/** Compares the losses of all with the first one's, then times those that are right, in turn, A B C, C B A. */
export async function time(
  one: TrainCase,
  contenders: readonly Contender[],
  settings: Settings,
): Promise<Outcome[]> {
  const folder = mkdtempSync(join(tmpdir(), "recurra-bench-"));
  const operands = join(folder, "operands.f64");
  writeOperands(operands, one);
  const runners: Runner[] = [];
  let right: Float64Array | undefined;
  try {
    for (const contender of contenders) {
      const runner: Runner = {
        ...{ contender, process: new ContenderProcess(contender), id: -1, every: 1 },
        samples: [],
      };
      runners.push(runner);
      const result = join(folder, "result.f64");
      const { na, m, T } = one;
      const job: Job = {
        ...{ work: "lstm-train", nx: na, na, m, T, operands, result },
        calls: contender.tolerance === undefined ? 1 : CHECKED_STEPS,
      };
      try {
        const { id, first } = await runner.process.prepare(job, settings.warm);
        runner.id = id;
        if (contender.tolerance !== undefined) {
          const losses = readResult(result);
          right ??= losses;
          runner.error = relativeError(losses, right);
          if (!(runner.error <= contender.tolerance)) {
            throw new Error(`wrong losses: error ${runner.error}, bound ${contender.tolerance}`);
          }
        }
        const turn = Math.max(settings.sample, first.nanoseconds / 1e6);
        const affordable = Math.max(2, Math.floor(settings.budget / turn));
        runner.every = Math.max(1, Math.floor(settings.rounds / affordable));
      } catch (error) {
        runner.failure = messageOf(error);
      }
    }
    const started = runners.filter(({ failure }) => failure === undefined);
    for (let round = 0; round < settings.rounds; round++) {
      for (const runner of round % 2 === 0 ? started : [...started].reverse()) {
        if (round % runner.every !== 0) continue;
        const { nanoseconds } = await runner.process.sample(runner.id, settings.sample);
        runner.samples.push(nanoseconds);
      }
    }
  } finally {
    for (const { process } of runners) process.end();
    rmSync(folder, { recursive: true });
  }
  return runners.map(({ contender: { id, title }, error, failure, samples }) => ({
    ...{ case: one.name, contender: id, title },
    ...(error !== undefined && { error }),
    ...(failure !== undefined && { failure }),
    ...(samples.length > 0 && { figures: summarize(samples) }),
  }));
}
