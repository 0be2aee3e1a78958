import { spawnSync } from "node:child_process";
import { node } from "../contenders.js";
import { environment } from "../timing/contender_process.js";
import { type Figures, summarize } from "../timing/statistics.js";
import type { Contender } from "./contenders.js";
import { chunksOf, type Silero } from "./models.js";

/** The largest distance from the right probability at which a contender is timed. */
export const TOLERANCE = 1e-4;
/** Chunks of a sample, over all streams. */
const SAMPLE = 192;

/** One contender on one model: nanoseconds of a chunk of one stream. */
export interface Outcome {
  readonly model: Silero["name"];
  readonly contender: string;
  readonly title: string;
  readonly error: number;
  readonly figures?: Figures;
}

/** The largest distance from the right probabilities. Warms the contender, too. */
async function errorOf({ push }: Contender, model: Silero): Promise<number> {
  const given: number[] = [];
  for (const chunk of chunksOf(model)) given.push(await push(chunk));
  // Where no probabilities came with the model, those of the first contender that is asked are taken: onnxruntime-node's.
  model.probabilities ??= given;
  const right = model.probabilities;
  return given.reduce((most, p, i) => Math.max(most, Math.abs(p - (right[i] as number))), 0);
}

/** Checks all, then times those that are right, in turn, A B C, C B A. */
export async function time(
  model: Silero,
  contenders: readonly Contender[],
  rounds: number,
): Promise<Outcome[]> {
  const entries: { contender: Contender; error: number; times: number[] }[] = [];
  for (const contender of contenders) {
    entries.push({ contender, error: await errorOf(contender, model), times: [] });
  }
  const right = entries.filter(({ error }) => error <= TOLERANCE);
  const chunks = chunksOf(model);
  for (let round = 0; round < rounds; round++) {
    for (const { contender, times } of round % 2 === 0 ? right : [...right].reverse()) {
      times.push(await sample(contender, chunks));
    }
  }
  return entries.map(({ contender: { id, title }, error, times }) => ({
    ...{ model: model.name, contender: id, title, error },
    ...(times.length > 0 && { figures: summarize(times) }),
  }));
}

async function sample({ push, streams }: Contender, chunks: readonly Float32Array<ArrayBuffer>[]) {
  const calls = Math.max(Math.floor(SAMPLE / streams), 1);
  const begin = performance.now();
  for (let i = 0; i < calls; i++) {
    const result = push(chunks[i] as Float32Array<ArrayBuffer>);
    if (typeof result !== "number") await result;
  }
  return ((performance.now() - begin) * 1e6) / (calls * streams);
}

/** Nanoseconds of the first opening of a process, each time in a new one; contenders in turn. */
export function firstOpens(
  model: Silero["name"],
  contenders: readonly string[],
  starts: number,
): { contender: string; model: Silero["name"]; figures: Figures }[] {
  const times = contenders.map((): number[] => []);
  for (let i = 0; i < starts; i++) {
    contenders.forEach((contender, c) => {
      const [program, ...words] = node(`graphs/first_open ${contender} ${model}`);
      const { status, stdout, stderr } = spawnSync(program, words, {
        env: { ...process.env, ...environment },
      });
      if (status !== 0) throw new Error(`first_open ${contender}: ${String(stderr)}`);
      times[c]?.push(Number(String(stdout).trim()));
    });
  }
  return contenders.map((contender, c) => ({
    ...{ contender, model },
    figures: summarize(times[c] ?? []),
  }));
}
