import { CHUNK, RATE } from "../vad/voice_activity.js";
import { readWav } from "../vad/wav.js";
import type { VoiceOptions, WorkletMessage, WorkletOptions } from "./messages.js";

/** The worklet's script, which the build puts into the page. */
declare const WORKLET: string;

type Listener = (message: WorkletMessage) => void;

async function listener(
  context: BaseAudioContext,
  processorOptions: WorkletOptions,
  hear: Listener,
): Promise<AudioWorkletNode> {
  // No blob: a page from a disk has no origin, and Chromium (2026) then refuses blobs as worklets.
  await context.audioWorklet.addModule(`data:text/javascript,${encodeURIComponent(WORKLET)}`);
  const node = new AudioWorkletNode(context, "voice-activity", { processorOptions });
  node.port.onmessage = ({ data }: MessageEvent<WorkletMessage>) => hear(data);
  node.onprocessorerror = () => hear({ kind: "error", message: "the audio thread failed" });
  return node;
}

/** The samples of a file at 16 kHz, one channel. 16-bit WAV at 16 kHz is read as it is; the browser decodes all else. */
export async function samplesOf(file: Blob): Promise<Float32Array<ArrayBuffer>> {
  const bytes = await file.arrayBuffer();
  try {
    return Float32Array.from(readWav(new Uint8Array(bytes)));
  } catch {
    // Not of that kind.
  }
  const decoded = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(bytes);
  const channels = Array.from({ length: decoded.numberOfChannels }, (_, c) =>
    decoded.getChannelData(c),
  );
  return Float32Array.from({ length: decoded.length }, (_, i) => {
    return channels.reduce((sum, channel) => sum + (channel[i] as number), 0) / channels.length;
  });
}

function sourceOf(
  context: BaseAudioContext,
  samples: Float32Array<ArrayBuffer>,
): AudioBufferSourceNode {
  const buffer = new AudioBuffer({ length: samples.length, sampleRate: RATE });
  buffer.copyToChannel(samples, 0);
  return new AudioBufferSourceNode(context, { buffer });
}

/** Sends samples through the worklet, as fast as it can. */
export function hearSamples(
  model: Uint8Array,
  options: VoiceOptions,
  samples: Float32Array<ArrayBuffer>,
  hear: Listener,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const chunks = Math.floor(samples.length / CHUNK);
    const context = new OfflineAudioContext(1, Math.max(samples.length, CHUNK), RATE);
    const take: Listener = (message) => {
      hear(message);
      if (message.kind === "end" || message.kind === "error") resolve();
    };
    const start = async (): Promise<void> => {
      const node = await listener(context, { model, options, chunks }, take);
      node.connect(context.destination);
      if (samples.length > 0) {
        const source = sourceOf(context, samples);
        source.connect(node);
        source.start();
      }
      await context.startRendering();
    };
    start().catch(reject);
  });
}

/** Something that sounds, or listens, until it is stopped. */
export interface Running {
  stop(): void;
}

/** Listens to the microphone. */
export async function hearMicrophone(
  model: Uint8Array,
  options: VoiceOptions,
  hear: Listener,
): Promise<Running> {
  const media = navigator.mediaDevices as MediaDevices | undefined;
  if (media === undefined || !window.isSecureContext) {
    throw new Error("this page may not use the microphone here: open it as a file or by https");
  }
  // What improves a call takes away from speech: the model is made for the plain sound.
  const audio = { channelCount: 1, echoCancellation: false, noiseSuppression: false };
  const stream = await media.getUserMedia({ audio });
  const release = () => {
    for (const track of stream.getTracks()) track.stop();
  };
  try {
    const [context, source] = microphone(stream);
    const node = await listener(context, { model, options }, (message) => {
      hear(message);
      if (message.kind === "end" || message.kind === "error") void context.close();
    });
    source.connect(node);
    await context.resume();
    return {
      stop() {
        node.port.postMessage("finish");
        release();
      },
    };
  } catch (error) {
    release();
    throw error;
  }
}

/** A context at 16 kHz; at the microphone's own rate where a host connects no other (Firefox): the worklet resamples. */
function microphone(stream: MediaStream): [AudioContext, MediaStreamAudioSourceNode] {
  const context = new AudioContext({ sampleRate: RATE });
  try {
    return [context, context.createMediaStreamSource(stream)];
  } catch {
    void context.close();
    const own = new AudioContext();
    return [own, own.createMediaStreamSource(stream)];
  }
}

/** Plays samples from one second to another; `at` is called with the second that sounds, and at the end with nothing. */
export function play(
  samples: Float32Array<ArrayBuffer>,
  [from, to]: readonly [number, number],
  at: (second: number | undefined) => void,
): Running {
  const context = new AudioContext();
  const source = sourceOf(context, samples);
  source.connect(context.destination);
  source.start(0, from, to - from);
  const begin = context.currentTime;
  let frame = requestAnimationFrame(function next() {
    at(Math.min(from + context.currentTime - begin, to));
    frame = requestAnimationFrame(next);
  });
  source.onended = () => {
    cancelAnimationFrame(frame);
    void context.close();
    at(undefined);
  };
  return { stop: () => source.stop() };
}
