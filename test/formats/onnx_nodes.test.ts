import { describe, expect, it } from "vitest";
import { expectedOf, loadCases } from "../support/onnx_cases.js";

/** The largest |a − b| / max(1, |b|). */
function difference(got: ArrayLike<number>, want: ArrayLike<number>): number {
  if (got.length !== want.length) throw new Error(`${got.length} elements for ${want.length}`);
  let worst = 0;
  for (let i = 0; i < want.length; i++) {
    const [a, b] = [got[i] as number, want[i] as number];
    const error = Math.abs(a - b) / Math.max(1, Math.abs(b));
    worst = Number.isNaN(error) ? Number.POSITIVE_INFINITY : Math.max(worst, error);
  }
  return worst;
}

describe("random nodes: the float64 oracle says what onnxruntime computed in float32, to 2e-5", () => {
  it.each(loadCases("nodes.json"))("$name", ({ model, inputs, outputs }) => {
    const expected = expectedOf(model, inputs as never);
    expect([...expected.keys()]).toEqual(Object.keys(outputs));
    for (const [name, { shape, data }] of expected) {
      expect(outputs[name]?.shape, name).toEqual(shape);
      expect(difference(outputs[name]?.data as Float32Array, data), name).toBeLessThan(2e-5);
    }
  });
});
