import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { createEngine, createEngineSync } from "../../src/index.js";

const program = fileURLToPath(new URL("./relaxed_program.mjs", import.meta.url));

interface Printed {
  features: { simd: boolean; relaxed: boolean };
  deterministic: boolean;
  error: number;
}

// Node has it behind a flag before 22, and later does not know the flag any more.
const flag = "--experimental-wasm-relaxed-simd";
const flags = Number.parseInt(process.versions.node, 10) < 22 ? [flag] : [];

const run = (...words: string[]): Printed =>
  JSON.parse(execFileSync(process.execPath, [...flags, program, ...words], { encoding: "utf8" }));

// One rounding less in each term of a sum: over 40 steps of an LSTM the two builds part by some units in the last place.
const BOUND = 1e-12;

describe("the relaxed build", () => {
  it(`is used where the host has it, says so, and agrees to ${BOUND}`, () => {
    const { features, deterministic, error } = run();
    expect(features).toEqual({ simd: true, relaxed: true });
    expect(deterministic).toBe(false);
    expect(error).toBeLessThan(BOUND);
    expect(error).toBeGreaterThan(0);
  });

  it("is left out where the host has it not: the same bits, and nobody is told otherwise", () => {
    const { features, deterministic, error } = run("without");
    expect(features).toEqual({ simd: true, relaxed: false });
    expect(deterministic).toBe(true);
    expect(error).toBe(0);
  });

  it("is made at once, too: it is not loaded, but made of the exact one", async () => {
    const [atOnce, later] = [
      createEngineSync({ relaxed: true }),
      await createEngine({ relaxed: true }),
    ];
    expect(atOnce.features).toEqual(later.features);
    expect(atOnce.deterministic).toBe(!atOnce.features.relaxed);
  });
});
