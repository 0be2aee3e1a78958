import { Worker } from "node:worker_threads";
import {
  createEngineSync,
  type LanguageModel,
  type LanguageModelOptions,
  loadLanguageModel,
  type ModelDescription,
} from "recurra";
import { createPool, type Pool, type PoolOptions } from "recurra/pool";
import { afterAll } from "vitest";
import { describedOf, LANGUAGE, type ModelPlan } from "../support/models.js";
import { root } from "../support/project.js";
import { uniform } from "../support/random.js";

const engine = createEngineSync();

const disposals: (() => unknown)[] = [];

afterAll(async () => {
  for (const dispose of disposals) await dispose();
});

/** The tokens of the models of test/support/models.ts. */
export const vocabulary = [..."abcdefghijk"];

export const description: ModelDescription = describedOf(LANGUAGE[2] as ModelPlan);

/** A pool that is closed after the tests of the file. */
export async function poolOf(
  options: PoolOptions = {},
  source: Parameters<typeof createPool>[0] = description,
): Promise<Pool> {
  const pool = await createPool(source, { size: 2, ...options });
  disposals.push(() => pool.close({ drain: false }));
  return pool;
}

/** The model that a pool serves, on this thread: its results are what a pool's must be. */
export async function modelOf(
  options: LanguageModelOptions = {},
  source: ModelDescription = description,
): Promise<LanguageModel> {
  const model = await loadLanguageModel(engine, source, options);
  disposals.push(() => model.dispose());
  return model;
}

/** Starts workers of the package, or of another script, and keeps them within reach. */
export function workerFactory(script = `${root}dist/esm/pool_worker.js`) {
  const all: Worker[] = [];
  return {
    all,
    worker: (): Worker => {
      const worker = new Worker(script);
      all.push(worker);
      worker.on("exit", () => all.splice(all.indexOf(worker), 1));
      return worker;
    },
  };
}

/** Ends workers at random moments until so many have ended. */
export async function endAtRandom(
  all: ReturnType<typeof workerFactory>["all"],
  kills: number,
  seed: number,
): Promise<void> {
  const next = uniform(seed);
  const upTo = (most: number): number => ((next() + 1) / 2) * most;
  for (let ended = 0; ended < kills; ) {
    await new Promise((resolve) => setTimeout(resolve, upTo(40)));
    const victim = all[Math.floor(upTo(all.length))];
    if (victim === undefined) continue;
    await victim.terminate();
    ended++;
  }
}

/** What a promise is rejected with. */
export const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => new Error("it was not rejected"),
    (error: unknown) => error,
  );

/** Texts of the vocabulary, of seeded lengths from 0 on. */
export const textsOf = (count: number, longest = 40): string[] =>
  Array.from({ length: count }, (_, i) =>
    Array.from(
      { length: (i * 31 + 7) % (longest + 1) },
      (_, t) => vocabulary[(i * 5 + t * t + t) % vocabulary.length],
    ).join(""),
  );
