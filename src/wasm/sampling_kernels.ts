import { source } from "../../build/embedded/sets/sampling.js";
import type { OutputKernels } from "./abi.js";
import type { KernelSet } from "./embedded.js";
import type { EngineCore } from "./engine.js";

/** What generation needs besides the kernels of its model, in f64. Only programs that generate ship it. */
export interface SamplingKernels extends Pick<OutputKernels, "exp_map" | "log_softmax_rows"> {
  log_map(n: number, x: number, y: number): void;
  sample_rows(
    rows: number,
    n: number,
    temperature: number,
    topK: number,
    topP: number,
    minP: number,
    penalty: number,
    logits: number,
    flags: number,
    seeds: number,
    tokens: number,
    logProb: number,
    scratch: number,
  ): void;
}

const SAMPLING: KernelSet = { source };

/** The kernels of generation over an engine's memory, bound at the first call. */
export const samplingKernels = (engine: EngineCore): SamplingKernels => engine.bind(SAMPLING);
