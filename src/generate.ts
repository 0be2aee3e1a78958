/**
 * Continues texts with language models: samples, beams, likeliest completions.
 *
 * @module recurra/generate
 */
export { type GenerateManyOptions, generate, generateMany } from "./generation/generate.js";
export type { EndOptions, GenerateOptions, SamplingOptions } from "./generation/options.js";
export type { EndReason, Generated, GeneratedToken } from "./generation/sample.js";
