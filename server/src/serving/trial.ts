import { Problem } from "../problem.js";
import type { Backend, Step, StepResult } from "./backend.js";

/** A number in [−0.5, 0.5) that is the same everywhere; neighbours differ. */
export const numberAt = (i: number): number => ((i * 37) % 101) / 101 - 0.5;

/** Throws if a number is infinite or NaN. */
export function checkFinite(what: string, values: ArrayLike<number | bigint>): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number | bigint;
    if (typeof value === "bigint" || Number.isFinite(value)) continue;
    throw new Error(`${what}: expected finite numbers, got ${value} at ${i}`);
  }
}

/** Throws unless two results have the same bits. */
export function checkSame(
  what: string,
  first: ArrayLike<number | bigint>,
  second: ArrayLike<number | bigint>,
): void {
  if (first.length !== second.length)
    throw new Error(`${what}: ${first.length} numbers at first, then ${second.length}`);
  for (let i = 0; i < first.length; i++) {
    if (Object.is(first[i], second[i])) continue;
    throw new Error(`${what}: ${first[i]} at ${i} at first, then ${second[i]}`);
  }
}

/**
 * Pushes steps to a new stream, if the model has streams.
 *
 * @param check what the results have to be
 */
export async function testStream(
  backend: Backend,
  steps: readonly Step[],
  check: (results: readonly StepResult[]) => void,
): Promise<void> {
  const stream = openStream(backend);
  if (stream === undefined) return;
  try {
    await stream.opened;
    const [pushed] = await backend.pushAll([{ stream, steps }], { states: false });
    if (pushed === undefined) throw new Error("a stream gave no result");
    if (pushed instanceof Error) throw pushed;
    if (pushed.results.length !== steps.length)
      throw new Error(`a stream of ${steps.length} steps gave ${pushed.results.length} results`);
    check(pushed.results);
  } finally {
    stream.close();
  }
}

/** Undefined for a model without streams. */
function openStream(backend: Backend): ReturnType<Backend["openStream"]> | undefined {
  try {
    return backend.openStream();
  } catch (error) {
    if (error instanceof Problem && error.code === "not-supported") return undefined;
    throw error;
  }
}
