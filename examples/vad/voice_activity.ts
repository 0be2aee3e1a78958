import type { Graph, GraphStream } from "recurra/onnx";

/** Samples of one chunk at 16 kHz, 32 ms, and those before it that Silero VAD v5 looks at too. */
export const CHUNK = 512;
const CONTEXT = 64;
const RATE = 16_000;

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

/** A stretch of speech, in seconds from the beginning of the stream. */
export interface Segment {
  readonly start: number;
  readonly end: number;
  /** The mean probability of its chunks. */
  readonly probability: number;
}

/**
 * Finds speech in a live stream, chunk by chunk. Two thresholds, so that a probability that wavers around one of them does not
 * cut a word in two; short silences are bridged, short noises dropped.
 */
export class VoiceActivity {
  readonly stream: GraphStream;
  /** The probability of the last chunk. */
  probability = 0;
  readonly #input = {
    input: { shape: [1, CONTEXT + CHUNK], data: new Float32Array(CONTEXT + CHUNK) },
  };
  readonly #output = {};
  readonly #options: Required<VoiceActivityOptions>;
  #chunks = 0;
  /** Where speech began, and where it was last heard; chunks. */
  #first = -1;
  #last = -1;
  #sum = 0;

  constructor(graph: Graph, options: VoiceActivityOptions) {
    this.stream = graph.stream({ state: "stateN" });
    const defaults = {
      start: 0.5,
      end: 0.35,
      minimumSilence: 0.1,
      minimumSpeech: 0.25,
      padding: 0.03,
    };
    this.#options = { ...defaults, ...options };
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
    const { start, end, minimumSilence } = this.#options;
    const probability = Number(output?.data[0]);
    this.probability = probability;
    const chunk = this.#chunks++;
    if (this.#first < 0) {
      if (probability < start) return undefined;
      this.#first = chunk;
      this.#last = chunk;
      this.#sum = probability;
      return undefined;
    }
    this.#sum += probability;
    if (probability >= end) {
      this.#last = chunk;
      return undefined;
    }
    return seconds(chunk - this.#last) >= minimumSilence ? this.#close() : undefined;
  }

  /** Ends the stream; the last segment, if speech went on to the end. */
  finish(): Segment | undefined {
    const segment = this.#first < 0 ? undefined : this.#close();
    this.stream.dispose();
    return segment;
  }

  #close(): Segment | undefined {
    const { minimumSpeech, padding } = this.#options;
    const [first, last] = [this.#first, this.#last + 1];
    const mean = this.#sum / (this.#chunks - first);
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
