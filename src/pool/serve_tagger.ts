import type { AbortSignalLike } from "../host.js";
import { tagAll } from "../model/tag_all.js";
import type { Tagger } from "../model/tagger.js";
import { openTagger, type TaggerInput } from "../model/tagger_content.js";
import type { TaggerStream } from "../model/tagger_stream.js";
import type { PushedInputs, ScoreMessage, TaggerFacts, TagsReply } from "./protocol.js";
import { YIELD_EVERY } from "./serve_language.js";
import type { PushTarget, Served } from "./served.js";
import { packTags } from "./tags.js";

/** Serves a tagger. */
export class ServedTagger implements Served<TaggerStream> {
  readonly facts: TaggerFacts;
  readonly width: number;
  readonly givesClasses = true;
  readonly givesOutputs = false;
  readonly #tagger: Tagger;

  constructor(tagger: Tagger) {
    this.#tagger = tagger;
    this.width = tagger.outputSize;
    const { outputSize, output, classes, normalisation, targetNormalisation, assumptions } = tagger;
    const { network, tokenizer, hint } = openTagger("createTaggerPool", tagger);
    const { tokens, unknown } = tokenizer?.vocabulary ?? {};
    const { tokenCount, inputSize } = network;
    const sizes = { tokenCount, inputSize, outputSize };
    const scales = { normalisation, targetNormalisation };
    const names = { classes, vocabulary: tokens, unknown };
    this.facts = { ...sizes, output, ...names, ...scales, hint, assumptions };
  }

  newStream(): TaggerStream {
    return this.#tagger.stream();
  }

  push(
    streams: readonly TaggerStream[],
    inputs: PushedInputs,
    rows: Int32Array,
    { numbers, classes }: PushTarget,
  ): void {
    const nx = this.facts.inputSize;
    const all = inputs as Int32Array | Float64Array;
    const steps =
      this.facts.tokenCount > 0
        ? rows.map((row) => all[row] as number)
        : Array.from(rows, (row) => all.subarray(row * nx, (row + 1) * nx));
    const tagged = tagAll(this.#tagger, streams, steps);
    const ny = this.width;
    for (let k = 0; k < rows.length; k++) {
      const row = rows[k] as number;
      numbers.set(tagged.values.data.subarray(k * ny, (k + 1) * ny), row * ny);
      (classes as Int32Array)[row] = tagged.classes[k] as number;
    }
  }

  async work({ id, sequences }: ScoreMessage, signal: AbortSignalLike): Promise<TagsReply> {
    const options = { signal, onError: "return", yieldEvery: YIELD_EVERY } as const;
    return packTags(id, await this.#tagger.tag(sequences as readonly TaggerInput[], options));
  }
}
