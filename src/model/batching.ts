import type { OutputKind } from "../description/description.js";
import { AbortedError, EngineMemoryError } from "../errors.js";
import { listInput } from "../layers/sequences.js";
import { Batch } from "../sequence/batch.js";
import type { Input } from "../sequence/input.js";
import { describe, type Tensor } from "../tensor.js";

import { longestFirst, shortestFirst } from "./batch_order.js";
import type { Network } from "./network.js";
import { type InitialState, NetworkPass, type OutputRows, RowWalk } from "./network_pass.js";
import { Queue } from "./queue.js";
import { type JobOptions, schedulerOf } from "./scheduler.js";
import { type OnError, type Outcome, progressReporter, type RunOptions } from "./time_slices.js";
import { UNITS_PER_PAUSE } from "./vocabulary.js";

/** Rows whose tokens are collected without a pause. */
const ROWS_PER_PAUSE = 65536;

/** A sequence as a network reads it. */
export interface NetworkSequence {
  /** T: steps that are read. */
  readonly steps: number;
  /** At least T of them, unless the network takes features. */
  readonly tokens?: Int32Array;
  /** The length of the text that was encoded, if it was one. */
  readonly units?: number;
  /** (T, nx). */
  readonly features?: Tensor<Float64Array | Float32Array>;
}

/** Turns the outputs of a batch into results. */
export interface BatchResults<R> {
  take(rows: OutputRows): void;
  /** One for each sequence of the batch. */
  finish(): R[];
}

/** The part of a run that differs between models: reading sequences, and making results of outputs. */
export interface SequenceWork<R> {
  readonly network: Network;
  /** The number of sequences. */
  readonly count: number;
  readonly output: OutputKind;
  /** Called first. Returns the initial state unless it is zero. `close` releases what it allocates. */
  open?(): InitialState | undefined;
  close?(): void;
  /** Sequence i. Pauses from time to time. Throws if it cannot be used. */
  read(i: number): Generator<void, NetworkSequence, void>;
  /** Begins a batch. */
  begin(members: readonly number[]): BatchResults<R>;
}

/** Reads sequences. The error of one that cannot be used takes its place. */
export function readAll<S, T>(
  where: string,
  sequences: readonly S[],
  read: (sequence: S, name: string) => T,
): (T | Error)[] {
  if (!Array.isArray(sequences)) {
    throw new TypeError(`${where}: sequences: expected an array, got ${describe(sequences)}`);
  }
  return Array.from(sequences as readonly S[], (sequence, i) => {
    try {
      return read(sequence, `sequences[${i}]`);
    } catch (error) {
      return error as Error;
    }
  });
}

/** Runs sequences without a pause. */
export function runAtOnce<R, E extends OnError>(
  work: SequenceWork<R>,
  { onError }: Pick<RunOptions<E>, "onError">,
): Outcome<R, E>[] {
  const results: (R | Error)[] = Array(work.count);
  const job = runSequences(work, { onError }, (i, result) => {
    results[i] = result;
  });
  for (const _ of job);
  return results as Outcome<R, E>[];
}

/** Runs sequences, in turns with whatever else the engine has to do. The event loop gets a turn between time slices. */
export async function run<R, E extends OnError>(
  where: string,
  work: SequenceWork<R>,
  { onError, onProgress, signal, yieldEvery }: RunOptions<E>,
): Promise<Outcome<R, E>[]> {
  const results: (R | Error | undefined)[] = Array(work.count).fill(undefined);
  let done = 0;
  const job = runSequences(work, { onError }, (i, result) => {
    results[i] = result;
    done++;
  });
  const report = progressReporter(work.count, onProgress);
  await schedule(work, job, {
    signal,
    yieldEvery,
    aborted: (reason) => new AbortedError(where, results, reason),
    onPause: () => report(done),
  });
  report(done);
  return results as Outcome<R, E>[];
}

/** A sequence of a list that cannot be used. */
export interface IndexedError {
  /** The place of the sequence in the list. */
  readonly index: number;
  readonly error: Error;
}

/**
 * Runs sequences and gives each result as soon as it is there: those of the shortest sequences first. The work goes on while
 * the reader of the results is busy, and ends when the reader leaves.
 *
 * @param entry makes what is given of the result for a sequence, or of its error
 */
export async function* runEach<R, T>(
  where: string,
  work: SequenceWork<R>,
  { onError, signal, yieldEvery }: RunOptions<OnError>,
  entry: (index: number, result: R | Error) => T,
): AsyncGenerator<T, void, void> {
  const ready = new Queue<T>();
  let done = 0;
  let wake = (): void => undefined;
  const job = runSequences(work, { onError, plan: shortestFirst }, (i, result) => {
    ready.push(entry(i, result));
    done++;
    wake();
  });
  const aborted = (reason: unknown) =>
    new AbortedError(where, [], reason, { done, total: work.count });
  let end: { readonly failure?: { readonly cause: unknown } } | undefined;
  const ends = (how: typeof end): void => {
    end = how;
    wake();
  };
  schedule(work, job, { signal, yieldEvery, aborted }).then(
    () => ends({}),
    (cause: unknown) => ends({ failure: { cause } }),
  );
  try {
    while (end === undefined || ready.size > 0) {
      while (ready.size > 0) yield ready.shift() as T;
      if (end !== undefined) continue;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    job.return();
  }
  const { failure } = end as { failure?: { cause: unknown } };
  if (failure !== undefined) throw failure.cause;
}

interface RunOrder {
  readonly onError?: OnError | undefined;
  /** Which batch is the first: that of the longest sequences, or that of the shortest, which then waits for no longer one. */
  readonly plan?: typeof longestFirst;
}

/** Begins a run, which then takes turns with others: what it holds it holds from now on. */
function schedule<R>(
  { network }: SequenceWork<R>,
  job: Generator<void, void, void>,
  options: JobOptions,
): Promise<void> {
  if (!options.signal?.aborted) job.next();
  return schedulerOf(network.engine).run(job, options);
}

/**
 * Runs sequences through a network, those of similar length together. It yields after each chunk of steps and each piece of
 * outputs, and first of all when it holds the network and its initial state: the only generator between a model's method and
 * the kernels. Outputs are never kept.
 *
 * @param settle takes the result of each sequence when its batch is done
 */
function* runSequences<R>(
  work: SequenceWork<R>,
  { onError = "throw", plan = longestFirst }: RunOrder,
  settle: (i: number, result: R | Error) => void,
): Generator<void, void, void> {
  const { network } = work;
  network.retain();
  try {
    const initial = work.open?.();
    yield;
    let units = 0;
    const sequences: NetworkSequence[] = [];
    for (let i = 0; i < work.count; i++) {
      try {
        const sequence = yield* work.read(i);
        sequences[i] = sequence;
        units += sequence.units ?? 0;
      } catch (error) {
        if (onError === "throw") throw error;
        settle(i, error as Error);
      }
      if (units < UNITS_PER_PAUSE) continue;
      units = 0;
      yield;
    }
    const batches = plan(network, sequences).reverse();
    for (let members = batches.pop(); members !== undefined; members = batches.pop()) {
      const own = members.map((i) => sequences[i] as NetworkSequence);
      const batch = Batch.ragged(own.map(({ steps }) => steps));
      const tokens = new Int32Array(network.tokenCount > 0 ? batch.rows : 0);
      const walk = new RowWalk(batch);
      for (let first = 0; first < tokens.length; first += ROWS_PER_PAUSE) {
        if (first > 0) yield;
        walk.each(first, Math.min(tokens.length - first, ROWS_PER_PAUSE), (row, b, t) => {
          tokens[row] = own[b]?.tokens?.[t] as number;
        });
      }
      const input = inputOf(network, batch, own, tokens);
      let pass: NetworkPass | undefined;
      try {
        pass = new NetworkPass(network, { batch, input, output: work.output, initial });
        const results = work.begin(members);
        for (let pieces = pass.next(); pieces !== undefined; pieces = pass.next()) {
          if (pieces.length === 0) yield;
          for (const piece of pieces) {
            results.take(pass.outputs(piece));
            yield;
          }
        }
        const all = results.finish();
        members.forEach((i, b) => {
          settle(i, all[b] as R);
        });
      } catch (error) {
        if (onError === "throw" || !(error instanceof EngineMemoryError)) throw error;
        // Fewer at a time, until the one that is too long is alone.
        const half = members.length >> 1;
        if (half > 0) batches.push(members.slice(half), members.slice(0, half));
        else settle(members[0] as number, error);
      } finally {
        pass?.end();
      }
    }
  } finally {
    work.close?.();
    network.release();
  }
}

function inputOf(
  network: Network,
  batch: Batch,
  sequences: readonly NetworkSequence[],
  tokens: Int32Array,
): Input {
  if (network.tokenCount > 0) return network.inputOf(tokens);
  const features = sequences.map((each) => each.features as Tensor);
  return { feed: "rows", rows: listInput(batch, features, network.inputSize) };
}
