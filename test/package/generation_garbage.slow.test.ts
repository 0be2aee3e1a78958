import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { root } from "../support/project.js";

const STEPS = 2000;
/** Bytes per step of all samples: the step's own few objects. One number on the heap for each of 64 tokens would be 1024. */
const MOST = 600;

// In a process whose young generation holds all that the steps could leave: nothing is collected in between. Two lengths of
// the same samples: what a call begins and ends with is in both. The median of five. A collection sweeps on after its call, in a
// thread of its own: readings wait for that.
const PROGRAM = `
import { createEngine, loadLanguageModel } from "recurra";
import { generateMany } from "recurra/generate";
import { createTrainable } from "recurra/train";

const engine = await createEngine();
const net = createTrainable(engine, {
  input: { tokens: 65 },
  recurrent: { cell: "lstm", hiddenSize: 8 },
  output: { size: 65 },
});
const model = await loadLanguageModel(engine, net.save());
const left = {};
for (const samples of [1, 64]) {
  const options = { prompts: [[1]], samples, yieldEvery: Infinity };
  const heap = async (maxTokens) => {
    for (let i = 0; i < 2; i++) {
      globalThis.gc();
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    const before = process.memoryUsage().heapUsed;
    await generateMany(model, { ...options, maxTokens });
    return process.memoryUsage().heapUsed - before;
  };
  for (let i = 0; i < 3; i++) await heap(${2 * STEPS});
  const each = [];
  for (let i = 0; i < 5; i++) {
    const short = await heap(${STEPS});
    each.push(((await heap(${2 * STEPS})) - short) / ${STEPS});
  }
  left[samples] = each.sort((a, b) => a - b)[2];
}
console.log(JSON.stringify(left));
`;

describe(`${STEPS} steps of generateMany`, () => {
  it(`leave less than ${MOST} bytes each on the heap of JavaScript, for 1 sample and for 64`, () => {
    const flags = ["--expose-gc", "--min-semi-space-size=128", "--max-semi-space-size=128"];
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [...flags, "--input-type=module", "--eval", PROGRAM],
      { cwd: root, encoding: "utf8" },
    );
    expect(stderr).toBe("");
    const left: Record<string, number> = JSON.parse(stdout);
    console.log(`bytes per step: ${stdout.trim()}`);
    for (const samples of [1, 64]) expect(left[samples]).toBeLessThan(MOST);
  });
});
