import type { AbortSignalLike } from "../host.js";
import type { LanguageModel } from "../model/language_model.js";
import { pushAll } from "../model/push_all.js";
import type { LanguageStream } from "../model/stream.js";
import type { LanguageFacts, PushedInputs, ScoreMessage, ScoresReply } from "./protocol.js";
import { packScores } from "./scores.js";
import type { PushTarget, Served } from "./served.js";

/** Milliseconds of work after which the worker looks for messages: an abort, or something of a stream. */
export const YIELD_EVERY = 5;

/** Serves a language model. */
export class ServedLanguage implements Served<LanguageStream> {
  readonly facts: LanguageFacts;
  readonly width = 1;
  readonly givesClasses = false;
  readonly givesOutputs = false;
  readonly #model: LanguageModel;

  constructor(model: LanguageModel) {
    const { size, start, vocabulary, assumptions } = model;
    const { tokens, unknown } = vocabulary ?? {};
    this.#model = model;
    this.facts = { size, start, vocabulary: tokens, unknown, assumptions };
  }

  newStream(): LanguageStream {
    return this.#model.stream();
  }

  push(
    streams: readonly LanguageStream[],
    inputs: PushedInputs,
    rows: Int32Array,
    { numbers }: PushTarget,
  ): void {
    const ids = inputs as Int32Array;
    if (rows.length === numbers.length) {
      pushAll(this.#model, streams, ids, { out: numbers });
      return;
    }
    const found = pushAll(
      this.#model,
      streams,
      rows.map((row) => ids[row] as number),
    );
    for (let k = 0; k < rows.length; k++) numbers[rows[k] as number] = found[k] as number;
  }

  next(stream: LanguageStream): Float64Array<ArrayBuffer> {
    return stream.next() as Float64Array<ArrayBuffer>;
  }

  async work({ id, sequences, from }: ScoreMessage, signal: AbortSignalLike): Promise<ScoresReply> {
    const model = this.#model;
    const given = sequences as readonly (string | Int32Array)[];
    const options = { signal, onError: "return", yieldEvery: YIELD_EVERY } as const;
    if (from === undefined) return packScores(id, await model.score(given, options));
    const stream = model.stream();
    try {
      stream.state.fromBytes(from);
      return packScores(id, await model.score(given, { ...options, from: stream }));
    } finally {
      stream.dispose();
    }
  }
}
