import { checkRow, type TaggedStep, type TaggerStep } from "../model/tagger_stream.js";
import type { Tokenizer } from "../model/vocabulary.js";
import type { PoolCore } from "./pool_core.js";
import type { TaggerFacts } from "./protocol.js";
import { pushOne } from "./push_call.js";
import { checkPushOptions, type PoolPushOptions } from "./push_options.js";
import { poolOf, RemoteStream, recordOf } from "./remote_stream.js";
import type { StreamRecord } from "./stream_record.js";

/** What the streams of a tagger know of it. */
export interface TaggerOfPool {
  readonly facts: TaggerFacts;
  /** Undefined if rows of numbers go in. */
  readonly tokenizer: Tokenizer | undefined;
}

/** A step, checked: the id of a token, or a copy of a row. */
export function readStep(
  where: string,
  name: string,
  step: TaggerStep,
  { facts, tokenizer }: TaggerOfPool,
): number | Float64Array {
  if (tokenizer !== undefined) return tokenizer.id(where, name, step as number);
  return Float64Array.from(checkRow(where, name, step, facts.inputSize));
}

/**
 * A live stream of steps, as `TaggerStream`, at one worker of a pool. Its methods may be called without waiting for the one
 * before: they take effect in the order of the calls. If the worker ends each of them rejects with a `StreamLostError`. Made
 * by `pool.stream()`.
 */
export class PoolTaggerStream extends RemoteStream {
  readonly #tagger: TaggerOfPool;

  /** @internal */
  constructor(core: PoolCore, record: StreamRecord, tagger: TaggerOfPool) {
    super(core, record);
    this.#tagger = tagger;
  }

  /**
   * Reads a step: a token, or nx numbers.
   *
   * @returns what `TaggerStream.push` returns
   * @throws {TypeError | RangeError} for something else than a step of this tagger: nothing is changed then
   * @throws {AbortedError} if `signal` aborts: the stream has not read the step unless a worker had it
   */
  async push(step: TaggerStep, options: PoolPushOptions = {}): Promise<TaggedStep> {
    checkPushOptions("push", options);
    const input = readStep("push", "step", step, this.#tagger);
    const { outputSize: ny, classes: names } = this.#tagger.facts;
    return pushOne(poolOf(this), recordOf("push", this), input, {
      signal: options.signal,
      read: ({ numbers, classes }, row): TaggedStep => {
        const id = (classes as Int32Array)[row] as number;
        const tagged = { values: numbers.slice(row * ny, (row + 1) * ny), class: id };
        return names === undefined ? tagged : { ...tagged, label: names[id] ?? "" };
      },
    });
  }

  /** Another stream that has read the same steps, at the same worker. */
  fork(): PoolTaggerStream {
    return new PoolTaggerStream(poolOf(this), recordOf("fork", this).fork(), this.#tagger);
  }
}
