import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FLOAT, model, type OnnxArray } from "../formats/onnx/writer.js";
import { root, temporaryFolder } from "../support/project.js";

const RUNS = 100_000;
/** Bytes per run: an empty object takes 28, and what the JIT compiles meanwhile 1 or 2. */
const MOST = 12;

const na = 4;
const floats = (...shape: number[]): OnnxArray => ({
  shape,
  data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.1),
});
const graph = model({
  nodes: [
    {
      operator: "GRU",
      inputs: ["x", "W", "R", "", "", "h"],
      outputs: ["", "last"],
      attributes: { hidden_size: na },
    },
    { operator: "Softmax", inputs: ["last"], outputs: ["y"] },
  ],
  initializers: { W: floats(1, 3 * na, na), R: floats(1, 3 * na, na) },
  inputs: [
    ["x", FLOAT, [1, 1, na]],
    ["h", FLOAT, [1, 1, na]],
  ],
  outputs: [
    ["y", FLOAT],
    ["last", FLOAT],
  ],
});

// In a process whose young generation holds all that the runs could leave: nothing is collected in between.
const PROGRAM = `
import { readFileSync } from "node:fs";
import { createEngine } from "recurra";
import { openGraph } from "recurra/onnx";

const engine = await createEngine();
const graph = openGraph(engine, readFileSync(process.argv[1]));
const x = new Float32Array(${na}).fill(0.5);
const inputs = { x, h: new Float32Array(${na}) };
const outputs = graph.run(inputs);
const stream = graph.stream({ h: "last" });
const pushed = stream.push({ x });
const own = { x };
const kept = {};
const calls = {
  run: () => graph.run(inputs, outputs),
  push: () => stream.push(own, pushed),
  control: () => { kept.object = { run: 1 }; },
};
const result = {};
for (const [name, call] of Object.entries(calls)) {
  for (let i = 0; i < 20_000; i++) call();
  globalThis.gc();
  const before = process.memoryUsage();
  const linear = engine.memory().bytes;
  for (let i = 0; i < ${RUNS}; i++) call();
  const after = process.memoryUsage();
  result[name] = {
    heap: (after.heapUsed - before.heapUsed) / ${RUNS},
    buffers: Math.max(after.arrayBuffers - before.arrayBuffers, 0),
    linear: engine.memory().bytes - linear,
  };
}
console.log(JSON.stringify(result));
`;

interface Measured {
  readonly heap: number;
  readonly buffers: number;
  readonly linear: number;
}

describe(`${RUNS} runs of a graph into outputs of an earlier run`, () => {
  it(`leave less than ${MOST} bytes each on the heap of JavaScript, no buffer, no linear memory`, () => {
    const path = join(temporaryFolder(), "graph.onnx");
    writeFileSync(path, graph);
    const flags = ["--expose-gc", "--min-semi-space-size=128", "--max-semi-space-size=128"];
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [...flags, "--input-type=module", "--eval", PROGRAM, path],
      { cwd: root, encoding: "utf8" },
    );
    expect(stderr).toBe("");
    const { control, ...calls } = JSON.parse(stdout) as Record<string, Measured>;
    // The measure sees one small object per run.
    expect(control?.heap).toBeGreaterThan(16);
    for (const [name, { heap, buffers, linear }] of Object.entries(calls)) {
      expect({ name, small: heap < MOST, buffers, linear }).toEqual({
        name,
        small: true,
        buffers: 0,
        linear: 0,
      });
    }
  });
});
