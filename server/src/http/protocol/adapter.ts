import type { Pushed } from "../../live/live_stream.js";
import type { Step } from "../../serving/backend.js";
import type { ModelVersion } from "../../serving/version.js";
import type { WorkSignal } from "../../serving/work_signal.js";
import type { InferRequest } from "./request.js";
import type { OutputTensor } from "./response.js";

/** Tensors of the protocol for one kind of model. */
export interface Adapter {
  /** The outputs that are given if a request names none. */
  usual(version: ModelVersion): readonly string[];
  /** Computes a request that belongs to no sequence. */
  infer(version: ModelVersion, request: InferRequest, signal: WorkSignal): Promise<OutputTensor[]>;
  /** What a sequence is to read, checked. @throws a `Problem`: nothing is read then */
  steps(version: ModelVersion, request: InferRequest): readonly Step[];
  /** The outputs of steps that a sequence has read. */
  outputsOf(version: ModelVersion, pushed: Pushed): OutputTensor[];
}
