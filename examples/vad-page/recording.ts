import {
  CHUNK,
  RATE,
  type Segment,
  Segmenter,
  type VoiceActivityOptions,
} from "../vad/voice_activity.js";

/** What was heard so far: samples, a probability for each chunk of 512, and the segments found. */
export class Recording {
  readonly probabilities: number[] = [];
  segments: Segment[] = [];
  /** The second at which the speech began that goes on; undefined in silence. */
  since: number | undefined;
  /** The least and the greatest sample of each chunk. */
  readonly lows: number[] = [];
  readonly highs: number[] = [];
  #samples = new Float32Array(RATE * 20);
  #count = 0;

  get samples(): Float32Array<ArrayBuffer> {
    return this.#samples.subarray(0, this.#count);
  }

  get seconds(): number {
    return this.#count / RATE;
  }

  push(samples: Float32Array, probability: number): void {
    if (this.#count + samples.length > this.#samples.length) {
      const larger = new Float32Array(this.#samples.length * 2);
      larger.set(this.#samples);
      this.#samples = larger;
    }
    this.#samples.set(samples, this.#count);
    this.#count += samples.length;
    this.probabilities.push(probability);
    let [low, high] = [0, 0];
    for (const sample of samples) {
      low = Math.min(low, sample);
      high = Math.max(high, sample);
    }
    this.lows.push(low);
    this.highs.push(high);
  }

  /** Finds the segments again, under other options. */
  segment(options: VoiceActivityOptions): void {
    const segmenter = new Segmenter(options);
    const found = this.probabilities.map((probability) => segmenter.push(probability));
    found.push(segmenter.finish());
    this.segments = found.filter((segment) => segment !== undefined);
    this.since = undefined;
  }

  /** The least and the greatest sample between two seconds; chunk by chunk where that is exact enough. */
  peaks(from: number, to: number): readonly [number, number] {
    const [first, last] = [from * RATE, to * RATE];
    const coarse = last - first > 2 * CHUNK;
    const [lows, highs] = coarse ? [this.lows, this.highs] : [this.#samples, this.#samples];
    const unit = coarse ? CHUNK : 1;
    const limit = coarse ? this.lows.length : this.#count;
    const end = Math.min(Math.max(Math.floor(last / unit), Math.floor(first / unit) + 1), limit);
    let [low, high] = [0, 0];
    for (let i = Math.max(Math.floor(first / unit), 0); i < end; i++) {
      low = Math.min(low, lows[i] as number);
      high = Math.max(high, highs[i] as number);
    }
    return [low, high];
  }

  /** Everything but the samples, as JSON. Numbers are the shortest decimals that read back as the same. */
  toJson(): string {
    const { probabilities, segments } = this;
    return `${JSON.stringify({ rate: RATE, chunk: CHUNK, segments, probabilities }, null, 1)}\n`;
  }
}
