import type { LiveStream } from "../../live/live_stream.js";
import { Problem } from "../../problem.js";
import type { ModelKind } from "../../serving/backend.js";
import type { ModelVersion } from "../../serving/version.js";
import type { WorkSignal } from "../../serving/work_signal.js";
import type { Context } from "../context.js";
import type { Adapter } from "./adapter.js";
import { GRAPH } from "./graph.js";
import { LANGUAGE } from "./language.js";
import type { InferRequest } from "./request.js";
import type { OutputTensor } from "./response.js";
import { type SequenceCall, sequenceOf } from "./sequence.js";
import { TAGGER } from "./tagger.js";

const ADAPTERS: Readonly<Record<ModelKind, Adapter>> = {
  language: LANGUAGE,
  tagger: TAGGER,
  graph: GRAPH,
};

const adapterOf = ({ backend }: ModelVersion): Adapter => ADAPTERS[backend.info.kind];

/** What an inference gave: all outputs, and the names of those that are given unless asked. */
export interface Inference {
  readonly version: ModelVersion;
  readonly outputs: readonly OutputTensor[];
  readonly usual: readonly string[];
}

/** Computes a request, in the sequence that it names, or without one. */
export async function infer(
  context: Context,
  version: ModelVersion,
  request: InferRequest,
  signal: WorkSignal,
): Promise<Inference> {
  const call = sequenceOf(request);
  if (call !== undefined) return inferInSequence(context, version, { request, call, signal });
  return version.use(async () => {
    const adapter = adapterOf(version);
    const outputs = await adapter.infer(version, request, signal);
    return { version, outputs, usual: adapter.usual(version) };
  });
}

/** The stream of a sequence: `sequence_start` begins it anew, whether it is live or not. */
async function streamOf(
  { streams }: Context,
  version: ModelVersion,
  { id, isStart }: SequenceCall,
): Promise<LiveStream> {
  const key = `inference:${version.name}:${id}`;
  if (isStart) {
    await streams.remove(key).catch((error: unknown) => {
      if (!(error instanceof Problem) || error.code !== "stream-not-found") throw error;
    });
    return streams.create(version, { id: key });
  }
  try {
    return await streams.get(key);
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== "stream-not-found") throw error;
    const detail = `sequence_id ${id.slice(2)}: the first request of a sequence needs sequence_start, and later ones come within its time to live`;
    throw new Problem("invalid-request", detail);
  }
}

interface StatefulRequest {
  readonly request: InferRequest;
  readonly call: SequenceCall;
  readonly signal: WorkSignal;
}

async function inferInSequence(
  context: Context,
  version: ModelVersion,
  { request, call, signal }: StatefulRequest,
): Promise<Inference> {
  const { streams } = context;
  // Checked before a sequence is begun anew: a request that cannot be used changes nothing.
  const steps = adapterOf(version).steps(version, request);
  const live = await streamOf(context, version, call);
  try {
    const pushed = await streams.pushSteps(live, steps, { signal });
    const adapter = adapterOf(live.version);
    const outputs = adapter.outputsOf(live.version, pushed);
    return { version: live.version, outputs, usual: adapter.usual(live.version) };
  } finally {
    if (call.isEnd) await streams.remove(live.id).catch(() => undefined);
  }
}
