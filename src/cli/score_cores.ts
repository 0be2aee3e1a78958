import { FeatureError, type LanguageModel, type OnError, type Score } from "../index.js";
import type { Pool } from "../pool.js";

/** Products that one core does before workers are started: a second of work, as starting two takes 0.2 s (Node 20, 2026). */
const ALONE = 1e10;

interface Cores {
  readonly model: LanguageModel;
  /** Products for each token. */
  readonly products: number;
  /** The number of cores, if it is the user's. */
  readonly jobs: number | undefined;
  /** The number of cores otherwise. */
  readonly cores: number;
  readonly pool: (size: number) => Promise<Pool>;
}

interface Options {
  readonly signal: AbortSignal;
  readonly onError: OnError;
}

/**
 * Scores sequences in order: on one core first, as most inputs are short, then on the others, too. If the user has said how many,
 * on all of them from the start.
 */
export async function* scoreOnCores(
  sequences: AsyncGenerator<Int32Array, void, void>,
  { model, products, jobs, cores, pool: newPool }: Cores,
  options: Options,
): AsyncGenerator<Score | Error, void, void> {
  const size = jobs ?? cores;
  if (size === 1) {
    yield* model.scoreMany(sequences, options);
    return;
  }
  let work = jobs === undefined ? 0 : ALONE;
  let isEnd = false;
  async function* beginning(): AsyncGenerator<Int32Array, void, void> {
    while (work < ALONE) {
      const step = await sequences.next();
      isEnd = step.done === true;
      if (step.done) return;
      work += step.value.length * products;
      yield step.value;
    }
  }
  let pool: Pool | undefined;
  try {
    yield* model.scoreMany(beginning(), options);
    if (isEnd) return;
    pool = await newPool(size).catch((error: unknown) => {
      // Node before 20.16: nobody has asked for workers.
      if (jobs === undefined && error instanceof FeatureError) return undefined;
      throw error;
    });
    yield* (pool ?? model).scoreMany(sequences, options);
  } finally {
    await pool?.close({ drain: false });
  }
}
