import { createEngineSync } from "recurra";
import { openGraph } from "recurra/onnx";
import {
  CHUNK,
  createVoiceActivity,
  INPUTS,
  RATE,
  type VoiceActivity,
} from "../vad/voice_activity.js";
import type { PageMessage, WorkletMessage, WorkletOptions } from "./messages.js";
import { Resampler } from "./resampler.js";

// What a worklet's scope has, of which TypeScript's library knows nothing.
declare const sampleRate: number;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: unknown): void;

/** Listens on the audio thread: sound goes in, chunks with their probabilities and segments come out. */
class VoiceActivityProcessor extends AudioWorkletProcessor {
  readonly #resampler = new Resampler(sampleRate, RATE);
  readonly #left: number;
  #detector: VoiceActivity | undefined;
  #chunk = new Float32Array(CHUNK);
  #filled = 0;
  #chunks = 0;

  constructor({ processorOptions }: { processorOptions: WorkletOptions }) {
    super();
    const { model, options, chunks = Number.POSITIVE_INFINITY } = processorOptions;
    this.#left = chunks;
    this.port.onmessage = ({ data }: MessageEvent<PageMessage>) => {
      if (data === "finish") this.#finish();
    };
    try {
      const graph = openGraph(createEngineSync(), model, { inputs: INPUTS });
      this.#detector = createVoiceActivity(graph, options);
    } catch (error) {
      this.#post({ kind: "error", message: (error as Error).message });
    }
    if (chunks === 0) this.#finish();
  }

  /** Takes 128 samples of each channel; whether more are wanted. */
  process([channels]: Float32Array[][]): boolean {
    if (this.#detector === undefined) return false;
    const samples = mixed(channels ?? []);
    if (samples === undefined) return true;
    this.#take(this.#resampler.push(samples));
    return this.#detector !== undefined;
  }

  #take(samples: Float32Array): void {
    for (let at = 0; at < samples.length && this.#detector !== undefined; ) {
      const count = Math.min(samples.length - at, CHUNK - this.#filled);
      this.#chunk.set(samples.subarray(at, at + count), this.#filled);
      this.#filled += count;
      at += count;
      if (this.#filled === CHUNK) this.#push(this.#detector);
    }
  }

  #push(detector: VoiceActivity): void {
    const samples = this.#chunk;
    const segment = detector.push(samples);
    const { probability, since } = detector;
    this.#post({ kind: "chunk", samples, probability, since }, samples.buffer);
    this.#chunk = new Float32Array(CHUNK);
    this.#filled = 0;
    if (segment !== undefined) this.#post({ kind: "segment", segment });
    if (++this.#chunks === this.#left) this.#finish();
  }

  #finish(): void {
    const segment = this.#detector?.finish();
    this.#detector = undefined;
    if (segment !== undefined) this.#post({ kind: "segment", segment });
    this.#post({ kind: "end" });
  }

  #post(message: WorkletMessage, ...transferred: Transferable[]): void {
    this.port.postMessage(message, transferred);
  }
}

/** One channel: the mean of all. */
function mixed(channels: readonly Float32Array[]): Float32Array | undefined {
  const [first, ...others] = channels;
  if (first === undefined || others.length === 0) return first;
  return first.map((sample, i) => {
    let sum = sample;
    for (const other of others) sum += other[i] as number;
    return sum / channels.length;
  });
}

registerProcessor("voice-activity", VoiceActivityProcessor);
