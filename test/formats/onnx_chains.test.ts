import { afterAll, describe, expect, it } from "vitest";
import { describeOnnx } from "../../src/formats/onnx.js";
import { createEngineSync } from "../../src/index.js";
import { runDescribed } from "../support/described.js";
import { loadCases } from "../support/onnx_cases.js";

const engine = createEngineSync();
afterAll(() => engine.dispose());

describe("chains that PyTorch's exporter wrote: what PyTorch computes, to 1e-12", () => {
  it.each(loadCases("chains.json"))("$name", ({ name, model, inputs: { x }, outputs: { y } }) => {
    const [, source, ...words] = name.split(" ");
    const description = describeOnnx(model);
    expect(description.recurrent).toHaveLength(1);
    expect(description.output).toBe(/step|state/.test(name) ? "last" : "steps");
    if (x === undefined || y === undefined) throw new Error("no case");
    const first = words.includes("True");
    const [m, T] = first ? [x.shape[0], x.shape[1]] : [x.shape[1], x.shape[0]];
    const width = x.shape[2] ?? 1;
    const ny = y.shape.at(-1) ?? 0;
    for (let b = 0; b < (m ?? 0); b++) {
      // The lengths of the one case that has some.
      const length = words.includes("lengths") && b === 1 ? 3 : (T ?? 0);
      const at = (t: number): number => (first ? b * (T ?? 0) + t : t * (m ?? 0) + b);
      const sequence = Array.from({ length }, (_, t) => {
        const row = Array.from(x.data.slice(at(t) * width, (at(t) + 1) * width), Number);
        return source === "features" ? row : (row[0] as number);
      });
      const got = runDescribed(engine, description, sequence as number[]);
      got.forEach((row, t) => {
        const place = description.output === "last" ? b : at(t);
        row.forEach((value, j) => {
          const want = Number(y.data[place * ny + j]);
          expect(Math.abs(value - want)).toBeLessThan(1e-12 * Math.max(1, Math.abs(want)));
        });
      });
    }
  });
});
