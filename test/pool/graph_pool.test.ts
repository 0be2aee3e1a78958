import { readFileSync } from "node:fs";
import { createEngineSync, FeatureError, ModelFormatError, ShapeError, StateError } from "recurra";
import { type GraphInputs, openGraph } from "recurra/onnx";
import { createGraphPool, type GraphPoolOptions, WorkerLostError } from "recurra/pool";
import { afterAll, describe, expect, it } from "vitest";
import { DOUBLE, model } from "../formats/onnx/writer.js";
import { expectRejection } from "../support/errors.js";
import { root } from "../support/project.js";
import { workerFactory } from "./pools.js";

const engine = createEngineSync();
const disposals: (() => unknown)[] = [];
afterAll(async () => {
  for (const dispose of disposals) await dispose();
  engine.dispose();
});

// total = sum + x, y = tanh(total): the state has the shape of x.
const file = model({
  nodes: [
    { operator: "Add", inputs: ["sum", "x"], outputs: ["total"] },
    { operator: "Tanh", inputs: ["total"], outputs: ["y"] },
  ],
  inputs: [
    ["x", DOUBLE, ["n", 2]],
    ["sum", DOUBLE, [1, 2]],
  ],
  outputs: [
    ["y", DOUBLE],
    ["total", DOUBLE],
  ],
});
const states = { sum: "total" };
const step = (i: number, t = 0): GraphInputs => {
  return { x: { shape: [1, 2], data: Float64Array.of(Math.sin(3 * i + t), t / 7 - i) } };
};

async function both(options: GraphPoolOptions = {}) {
  const pool = await createGraphPool(file, { size: 2, states, ...options });
  const graph = openGraph(engine, file);
  disposals.push(
    () => pool.close({ drain: false }),
    () => graph.dispose(),
  );
  return { pool, graph };
}

describe("a pool of a graph gives the bits of the graph", () => {
  it("run, with the state and from zeros; what the graph says", async () => {
    const { pool, graph } = await both();
    const { inputs, outputs, precision } = graph;
    expect(pool.model).toEqual({ inputs, outputs, precision, states });
    const sum = { shape: [1, 2], data: Float64Array.of(0.25, -2) };
    const given = Array.from({ length: 20 }, (_, i) => ({ ...step(i), sum }));
    const got = await Promise.all(given.map((each) => pool.run(each)));
    expect(got).toEqual(given.map((each) => graph.run(each)));
    expect(await pool.run(step(3))).toEqual(graph.stream(states).push(step(3)));
  });

  it("Silero VAD, whose rate is fixed and whose shapes are given", async () => {
    const silero = readFileSync(`${root}test/fixtures/silero-vad/silero_vad_v5.onnx`);
    const inputs = { sr: 16000n, input: [1, 576], state: [2, 1, 128] };
    const pool = await createGraphPool(silero, { size: 1, inputs, states: { state: "stateN" } });
    disposals.push(() => pool.close({ drain: false }));
    const alone = openGraph(engine, silero, { inputs }).stream({ state: "stateN" });
    const stream = pool.stream();
    for (let k = 0; k < 3; k++) {
      const input = Float32Array.from({ length: 576 }, (_, i) => Math.sin((i * (k + 3)) / 40));
      expect(await stream.push({ input })).toEqual(alone.push({ input }));
    }
    expect(await stream.state.toBytes()).toEqual(alone.state.toBytes());
  });

  it("streams: push, pushAll, fork, reset, state, from", async () => {
    const { pool, graph } = await both();
    const streams = Array.from({ length: 9 }, () => pool.stream());
    const here = streams.map(() => graph.stream(states));
    for (let t = 0; t < 3; t++) {
      const inputs = streams.map((_, i) => step(i, t));
      const got = await pool.pushAll(streams, inputs, { states: true });
      expect(got.outputs).toEqual(here.map((stream, i) => stream.push(inputs[i] as GraphInputs)));
      expect(got.states).toEqual(here.map(({ state }) => state.toBytes()));
    }
    const [stream, alone] = [streams[4], here[4]];
    if (stream === undefined || alone === undefined) throw new Error("no stream");
    const fork = stream.fork();
    const want = alone.push(step(1));
    expect(await stream.push(step(1))).toEqual(want);
    expect(await fork.push(step(1))).toEqual(want);
    const again = pool.stream({ from: await stream.state.toBytes() });
    expect(await again.push(step(2))).toEqual(alone.push(step(2)));
    await stream.reset();
    alone.reset();
    expect(await stream.push(step(2))).toEqual(alone.push(step(2)));
    stream.dispose();
    await expectRejection(stream.push(step(2)), StateError, "push: the stream is disposed");
    await expectRejection(
      pool.stream({ from: Uint8Array.of(1) }).push(step(0)),
      ModelFormatError,
      "fromBytes: …no state…",
    );
  });

  it("a stream that stands in the list twice takes its inputs in order; what is copied may change", async () => {
    const { pool, graph } = await both();
    const [stream, alone] = [pool.stream(), graph.stream(states)];
    const data = Float64Array.of(1, 2);
    const pushed = pool.pushAll([stream, stream], [{ x: { shape: [1, 2], data } }, step(5)]);
    data.fill(9);
    const { outputs } = await pushed;
    const first = alone.push({ x: { shape: [1, 2], data: Float64Array.of(1, 2) } });
    expect(outputs).toEqual([first, alone.push(step(5))]);
  });
});

describe("what a graph does not take", () => {
  it("is an error of its own stream: the others move", async () => {
    const { pool, graph } = await both({ size: 1 });
    const streams = [pool.stream(), pool.stream(), pool.stream()];
    const inputs = [step(0), { x: { shape: [2, 2], data: new Float64Array(4) } }, step(2)];
    const { outputs, errors } = await pool.pushAll(streams, inputs, { onError: "return" });
    expect(outputs[0]).toEqual(graph.stream(states).push(step(0)));
    expect(outputs[1]).toEqual({});
    expect(outputs[2]).toEqual(graph.stream(states).push(step(2)));
    expect([...errors.keys()]).toEqual([1]);
    const message = "pushAll: inputs[1]: total: expected (1, 2), which sum has, got (2, 2)";
    await expectRejection(pool.pushAll(streams, inputs), ShapeError, message);
    // It has not moved.
    expect(await streams[1]?.state.toBytes()).toEqual(graph.stream(states).state.toBytes());
  });

  it.each<[string, unknown, string]>([
    ["no object", 3, "push: inputs: …"],
    ["a text", { x: "1" }, "push: x: expected a number or { shape, data }, got …"],
    ["another name", { z: 1 }, "push: x: expected a value, got undefined"],
    ["a state", { ...step(0), sum: 0 }, "push: inputs: expected x, got sum"],
  ])("%s is a TypeError", async (_, inputs, message) => {
    const { pool } = await both({ size: 1 });
    const pushed = pool.stream().push(inputs as GraphInputs);
    await expectRejection(pushed, TypeError, message);
  });

  it("run, pushAll and createGraphPool name the operand", async () => {
    const { pool } = await both({ size: 1 });
    const run = pool.run({ x: 1 });
    await expectRejection(run, ShapeError, "run: x: expected (n, 2), got ()");
    await expectRejection(
      pool.pushAll([pool.stream()], []),
      ShapeError,
      "pushAll: inputs: expected 1, one a stream, got 0",
    );
    const bad = { size: 1, states: { sum: "y2" } };
    await expectRejection(
      createGraphPool(file, bad),
      TypeError,
      "createGraphPool: sum: expected one of the outputs y, total, got y2",
    );
    await expectRejection(
      createGraphPool(Uint8Array.of(1, 2, 3), { size: 1 }),
      ModelFormatError,
      "createGraphPool: …",
    );
    await expectRejection(
      createGraphPool(file, { stats: {} } as never),
      TypeError,
      "createGraphPool: …did you mean states?",
    );
  });

  it("a worker of another script: it says which it has to be", async () => {
    const { worker } = workerFactory();
    await expectRejection(
      createGraphPool(file, { size: 1, worker }),
      FeatureError,
      "createGraphPool: worker: expected a script that calls serveGraphs",
    );
  });
});

it("a run that ends every worker is told so after as many tries; streams say what was saved", async () => {
  const { all, worker } = workerFactory(`${root}test/pool/graph_killer.mjs`);
  const { pool, graph } = await both({ size: 1, tries: 2, worker });
  const stream = pool.stream({ checkpointEvery: 2 });
  const alone = graph.stream(states);
  for (let t = 0; t < 2; t++) expect(await stream.push(step(1, t))).toEqual(alone.push(step(1, t)));
  const saved = alone.state.toBytes();
  await stream.push(step(1, 2));
  // The script ends itself at this number.
  const deadly = { x: { shape: [1, 2], data: Float64Array.of(666, 0) } };
  await expectRejection(
    pool.run(deadly),
    WorkerLostError,
    "run: the worker that ran it ended, and so did 1 before it: the worker ended with code 9",
  );
  await expect(stream.push(step(0))).rejects.toMatchObject({ state: saved, pushed: 2 });
  const next = pool.stream({ from: saved });
  expect(await next.push(step(1, 2))).toEqual(alone.push(step(1, 2)));
  expect(pool.stats()).toMatchObject({ calls: 0, restarts: 2 });
  expect(all.length).toBe(1);
});

it("an aborted run is an AbortedError", async () => {
  const { pool } = await both({ size: 1 });
  const controller = new AbortController();
  controller.abort(new Error("enough"));
  const run = pool.run(step(0), { signal: controller.signal });
  await expect(run).rejects.toMatchObject({ name: "AbortError", cause: new Error("enough") });
});
