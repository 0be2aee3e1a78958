import type { Graph, GraphStream } from "recurra/onnx";

/** What Silero VAD v5 and v6 take: 512 samples at 16 kHz, 32 ms, behind the 64 before them. */
export const CHUNK = 512;
export const RATE = 16_000;
const CONTEXT = 64;

/** What is known of the model's inputs: pass it to `openGraph`. */
export const INPUTS = { sr: RATE, input: [1, CONTEXT + CHUNK], state: [2, 1, 128] };

export interface VoiceActivityOptions {
  /** Probability from which on speech begins. Default 0.5. */
  start?: number;
  /** Probability below which it ends. Default 0.35. */
  end?: number;
  /** Seconds of silence that end a segment. Default 0.1. */
  minimumSilence?: number;
  /** Seconds of speech without which a segment does not count. Default 0.25. */
  minimumSpeech?: number;
  /** Seconds that are added on both sides. Default 0.03. */
  padding?: number;
}

export const DEFAULTS: Readonly<Required<VoiceActivityOptions>> = {
  start: 0.5,
  end: 0.35,
  minimumSilence: 0.1,
  minimumSpeech: 0.25,
  padding: 0.03,
};

/** A stretch of speech, in seconds from the beginning of the stream. */
export interface Segment {
  readonly start: number;
  readonly end: number;
  /** The mean probability of its chunks. */
  readonly probability: number;
}

/**
 * Makes segments of probabilities. Two thresholds, so that a probability that wavers around one of them does not cut a word in
 * two; short silences are bridged, short noises dropped.
 */
export class Segmenter {
  readonly #options: Required<VoiceActivityOptions>;
  #chunks = 0;
  /** Where speech began, and where it was last heard; chunks. */
  #first = -1;
  #last = -1;
  /** The probabilities of the chunks up to the last one of speech, and of those after it. */
  #sum = 0;
  #after = 0;

  constructor(options: VoiceActivityOptions = {}) {
    this.#options = { ...DEFAULTS, ...options };
  }

  /** Takes the probability of the next chunk in; a segment, if one has ended. */
  push(probability: number): Segment | undefined {
    const { start, end, minimumSilence } = this.#options;
    const chunk = this.#chunks++;
    if (this.#first < 0) {
      if (probability < start) return undefined;
      this.#first = chunk;
      this.#sum = 0;
      this.#after = 0;
    }
    this.#after += probability;
    if (probability >= Math.min(end, start)) {
      this.#last = chunk;
      this.#sum += this.#after;
      this.#after = 0;
      return undefined;
    }
    return seconds(chunk - this.#last) >= minimumSilence ? this.#close() : undefined;
  }

  /** The second at which the speech began that goes on; undefined in silence. */
  get since(): number | undefined {
    return this.#first < 0 ? undefined : seconds(this.#first);
  }

  /** The last segment, if speech went on to the end. */
  finish(): Segment | undefined {
    return this.#first < 0 ? undefined : this.#close();
  }

  #close(): Segment | undefined {
    const { minimumSpeech, padding } = this.#options;
    const [first, last] = [this.#first, this.#last + 1];
    const mean = this.#sum / (last - first);
    this.#first = -1;
    if (seconds(last - first) < minimumSpeech) return undefined;
    return {
      start: Math.max(seconds(first) - padding, 0),
      end: Math.min(seconds(last) + padding, seconds(this.#chunks)),
      probability: mean,
    };
  }
}

const seconds = (chunks: number): number => (chunks * CHUNK) / RATE;

/** Finds speech in a live stream, chunk by chunk. */
export class VoiceActivity {
  readonly stream: GraphStream;
  /** The probability of the last chunk. */
  probability = 0;
  readonly #input = {
    input: { shape: [1, CONTEXT + CHUNK], data: new Float32Array(CONTEXT + CHUNK) },
  };
  readonly #output = {};
  readonly #segmenter: Segmenter;

  constructor(graph: Graph, options: VoiceActivityOptions) {
    const names = Object.keys(graph.inputs).join(", ");
    if (names !== "input, state") {
      throw new TypeError(`expected Silero VAD v5 or v6 (inputs input, state), got ${names}`);
    }
    this.stream = graph.stream({ state: "stateN" });
    this.#segmenter = new Segmenter(options);
  }

  /** Takes 512 samples in; a segment, if one has ended. */
  push(samples: Float32Array): Segment | undefined {
    return this.take(this.stream.push(this.prepare(samples), this.#output));
  }

  /** What to push into the stream for 512 samples: for `graph.pushAll`. */
  prepare(samples: Float32Array) {
    const { data } = this.#input.input;
    data.copyWithin(0, CHUNK);
    data.set(samples, CONTEXT);
    return this.#input;
  }

  /** Takes in what the stream gave. */
  take({ output }: ReturnType<GraphStream["push"]>): Segment | undefined {
    this.probability = Number(output?.data[0]);
    return this.#segmenter.push(this.probability);
  }

  /** The second at which the speech began that goes on; undefined in silence. */
  get since(): number | undefined {
    return this.#segmenter.since;
  }

  /** Ends the stream; the last segment, if speech went on to the end. */
  finish(): Segment | undefined {
    this.stream.dispose();
    return this.#segmenter.finish();
  }
}

/** A detector for one stream. Dispose of the graph when all of them are finished. */
export const createVoiceActivity = (
  graph: Graph,
  options: VoiceActivityOptions = {},
): VoiceActivity => new VoiceActivity(graph, options);

/** One chunk for each of many streams, computed together. */
export function pushMany(
  graph: Graph,
  detectors: readonly VoiceActivity[],
  chunks: readonly Float32Array[],
): (Segment | undefined)[] {
  const inputs = detectors.map((detector, i) => detector.prepare(chunks[i] as Float32Array));
  const outputs = graph.pushAll(
    detectors.map(({ stream }) => stream),
    inputs,
  );
  return detectors.map((detector, i) => detector.take(outputs[i] ?? {}));
}
