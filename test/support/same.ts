import { expect } from "vitest";
import { firstDifference } from "./compare.js";

/** Compares what has the same name, bit for bit. */
export function expectSameBits(
  got: Readonly<Record<string, Float64Array>>,
  want: Readonly<Record<string, Float64Array>>,
  where: string,
): void {
  expect(Object.keys(got).sort()).toEqual(Object.keys(want).sort());
  for (const [name, values] of Object.entries(want)) {
    expect(firstDifference(got[name] as Float64Array, values), `${name}, ${where}`).toBeUndefined();
  }
}
