/**
 * Continues texts with language models: samples, beams, likeliest completions.
 *
 * @module recurra/generate
 */

export { type Beam, type BeamSearchOptions, beamSearch } from "./generation/beam.js";
export { type CompleteOptions, type Completions, complete } from "./generation/completion.js";
export { type GenerateManyOptions, generate, generateMany } from "./generation/generate.js";
export type { Found } from "./generation/hypothesis.js";
export type { EndOptions, GenerateOptions, SamplingOptions } from "./generation/options.js";
export type { EndReason, Generated, GeneratedToken } from "./generation/sample.js";
