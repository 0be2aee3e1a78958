import {
  createEngine,
  loadTagger,
  type Tagger,
  type TaggerInput,
  type TaggerStream,
  tagAll,
} from "recurra";
import type { HostTensor, TagResult } from "./backend.js";
import { ServedStream } from "./served_stream.js";
import type { SentError, SentStep, ThreadFacts, ThreadModel } from "./threads_protocol.js";

/** Milliseconds of work after which a worker looks for messages. */
const YIELD_EVERY = 5;

/** A tagger at its worker. */
export class ServedTagger {
  readonly facts: ThreadFacts;
  readonly #tagger: Tagger;

  private constructor(tagger: Tagger, facts: ThreadFacts) {
    this.#tagger = tagger;
    this.facts = facts;
  }

  static async open(model: Extract<ThreadModel, { kind: "tagger" }>): Promise<ServedTagger> {
    const { description, precision, unknown, classes } = model;
    const tagger = await loadTagger(await createEngine(), description, {
      precision,
      unknown,
      classes,
    });
    const { input, metadata } = description;
    const vocabulary = metadata.get("vocabulary");
    const isRows = input.kind === "features";
    const tokens = isRows
      ? undefined
      : input.kind === "embedding"
        ? input.weight.shape[0]
        : input.size;
    const facts: ThreadFacts = {
      assumptions: tagger.assumptions,
      precision: tagger.precision,
      nx: isRows ? input.size : undefined,
      ny: tagger.outputSize,
      tokens,
      vocabulary: vocabulary === undefined ? undefined : tokensOf(JSON.parse(vocabulary)),
      labels: tagger.classes,
      isLive: isLive(tagger),
    };
    return new ServedTagger(tagger, facts);
  }

  async tag(
    sequences: readonly (string | readonly number[] | HostTensor)[],
    signal: AbortSignal,
  ): Promise<(TagResult | SentError)[]> {
    const results = await this.#tagger.tag(sequences as readonly TaggerInput[], {
      signal,
      onError: "return",
      yieldEvery: YIELD_EVERY,
    });
    return results.map((result) => {
      if (result instanceof Error) return { error: { name: result.name, message: result.message } };
      const { values, classes, labels } = result;
      return { values: { shape: values.shape, data: values.data }, classes, labels };
    });
  }

  stream(): ServedStream<TaggerStream> {
    return new ServedStream(this.#tagger.stream());
  }

  pushAll(
    streams: readonly ServedStream<TaggerStream>[],
    steps: readonly SentStep[],
  ): Float64Array[] {
    const inner = streams.map((stream) => stream.inner);
    const { values } = tagAll(
      this.#tagger,
      inner,
      steps as readonly number[] | readonly Float64Array[],
    );
    const ny = values.shape[1] ?? 0;
    return streams.map((_, i) => Float64Array.from(values.data.subarray(i * ny, (i + 1) * ny)));
  }
}

/** Whether the outputs of a step are known after it: only then are there streams. */
function isLive(tagger: Tagger): boolean {
  try {
    tagger.stream().dispose();
    return true;
  } catch {
    return false;
  }
}

/** The tokens by their ids, from `{ token: id }` or a list. */
function tokensOf(
  vocabulary: Readonly<Record<string, number>> | readonly string[],
): (string | undefined)[] {
  if (Array.isArray(vocabulary)) return [...vocabulary];
  const tokens: (string | undefined)[] = [];
  for (const [token, id] of Object.entries(vocabulary)) tokens[id as number] = token;
  return tokens;
}
