import type { GraphInput, GraphOutput } from "./input.js";
import type { Runner } from "./runner.js";
import type { StreamContent } from "./stream.js";

/** One push of each stream. */
export function pushBatched(
  _where: string,
  _runner: Runner,
  streams: readonly StreamContent[],
  inputs: readonly Readonly<Record<string, GraphInput>>[],
): Record<string, GraphOutput>[] {
  return streams.map((stream, i) => stream.push(inputs[i] as Record<string, GraphInput>));
}
