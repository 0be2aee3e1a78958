import { afterAll, describe, expect, it } from "vitest";
import { openGraph } from "../../src/graph/graph.js";
import type { GraphStream } from "../../src/graph/stream.js";
import { createEngineSync, StateError } from "../../src/index.js";
import { coreOf } from "../../src/wasm/engine.js";
import { hashOf, model, reference, windows, worst } from "./silero.js";

const engine = createEngineSync();
afterAll(() => engine.dispose());

const inputs = { sr: 16000n, input: [1, 576], state: [2, 1, 128] };
const all = windows();
const open = (precision: "f32" | "f64" = "f32") => openGraph(engine, model, { inputs, precision });

const push = (stream: GraphStream, window: Float32Array): number =>
  stream.push({ input: window }).output?.data[0] as number;

describe("Silero VAD v5", () => {
  it.each(["f32", "f64"] as const)(
    "%s: 487 probabilities within 2e-6 of onnxruntime's",
    (precision) => {
      const graph = open(precision);
      const stream = graph.stream({ state: "stateN" });
      const probabilities = all.map((window) => push(stream, window));
      expect(probabilities.length).toBe(487);
      expect(worst(probabilities, reference.probabilities)).toBeLessThan(2e-6);
      graph.dispose();
      stream.dispose();
    },
  );

  it("has the same bits on every machine", () => {
    const hashes = (["f32", "f64"] as const).map((precision) => {
      const stream = open(precision).stream({ state: "stateN" });
      const numbers = all.map((window) => push(stream, window));
      return hashOf(precision === "f32" ? Float32Array.from(numbers) : Float64Array.from(numbers));
    });
    expect(hashes).toMatchInlineSnapshot(`
      [
        "13d64de573ac0fad",
        "de2a4dfebe450e71",
      ]
    `);
  });

  it("run with the state handed on gives the bits of a stream, and the reference's last state within 1e-4", () => {
    const graph = open();
    const stream = graph.stream({ state: "stateN" });
    let state = { shape: [2, 1, 128], data: new Float32Array(256) };
    for (const window of all) {
      const { output, stateN } = graph.run({ input: window, state, sr: 16000 });
      expect(output?.data[0]).toBe(push(stream, window));
      state = stateN as typeof state;
    }
    expect(worst(state.data, reference.state)).toBeLessThan(1e-4);
  });

  it("takes sr, and the shapes, at the first run", () => {
    const graph = openGraph(engine, model);
    expect(Object.keys(graph.inputs)).toEqual(["input", "state", "sr"]);
    expect(graph.inputs.state).toEqual({ type: "float", shape: [2, null, 128] });
    const given = {
      input: { shape: [1, 576], data: all[40] as Float32Array },
      state: { shape: [2, 1, 128], data: new Float32Array(256) },
    };
    const { output } = graph.run({ ...given, sr: 16000n });
    expect(output).toEqual(open().run(given).output);
    // The other branch is compiled for the other rate, which takes other windows.
    const half = { shape: [1, 288], data: (all[40] as Float32Array).slice(0, 288) };
    expect(graph.run({ ...given, input: half, sr: 8000n }).output?.shape).toEqual([1, 1]);
    expect(graph.run({ ...given, sr: 16000n }).output).toEqual(output);
  });

  it.each(["f32", "f64"] as const)(
    "%s: 37 streams by pushAll, 0 bits from each alone",
    (precision) => {
      const graph = open(precision);
      const count = 37;
      const together = Array.from({ length: count }, () => graph.stream({ state: "stateN" }));
      const alone = Array.from({ length: count }, () => graph.stream({ state: "stateN" }));
      for (let i = 0; i < 12; i++) {
        const given = together.map((_, s) => ({ input: all[40 + 9 * s + i] as Float32Array }));
        const outputs = graph.pushAll(together, given);
        outputs.forEach(({ output }, s) => {
          expect(output?.data[0]).toBe(
            push(alone[s] as GraphStream, given[s]?.input as Float32Array),
          );
        });
      }
      together.forEach((stream, s) => {
        expect(stream.state.toBytes()).toEqual((alone[s] as GraphStream).state.toBytes());
      });
      // 37 = 2 · 16 + 4 + 1: two programs for several streams were used, not one.
      expect(outputsOf(graph)).toEqual(["output", "stateN"]);
    },
  );
});

const outputsOf = (graph: { outputs: object }): string[] => Object.keys(graph.outputs);

describe("a stream through a graph", () => {
  it("fork: both go on with the same bits; reset: back to the beginning", () => {
    const stream = open().stream({ state: "stateN" });
    const first = push(stream, all[40] as Float32Array);
    push(stream, all[41] as Float32Array);
    const fork = stream.fork();
    expect(push(fork, all[42] as Float32Array)).toBe(push(stream, all[42] as Float32Array));
    stream.reset();
    expect(push(stream, all[40] as Float32Array)).toBe(first);
    expect(push(fork, all[40] as Float32Array)).not.toBe(first);
  });

  it("state: bytes that another stream of the same graph goes on from, and nobody else", () => {
    const [stream, other] = [
      open().stream({ state: "stateN" }),
      open().stream({ state: "stateN" }),
    ];
    for (const window of all.slice(40, 50)) push(stream, window);
    const bytes = stream.state.toBytes();
    other.state.fromBytes(bytes);
    expect(push(other, all[50] as Float32Array)).toBe(push(stream, all[50] as Float32Array));
    const damaged = bytes.slice();
    damaged[100] = (damaged[100] as number) ^ 1;
    expect(() => other.state.fromBytes(damaged)).toThrow(/check sum/);
    expect(() => other.state.fromBytes(bytes.subarray(0, 10))).toThrow(/no state/);
    expect(() => open("f64").stream({ state: "stateN" }).state.fromBytes(bytes)).toThrow(
      StateError,
    );
  });

  it("into: the arrays of an earlier push are filled again", () => {
    const stream = open().stream({ state: "stateN" });
    const first = stream.push({ input: all[40] as Float32Array });
    const data = first.output?.data;
    const second = stream.push({ input: all[41] as Float32Array }, first);
    expect(second).toBe(first);
    expect(second.output?.data).toBe(data);
  });

  it("dispose: everything is given back, and every use is a StateError", () => {
    const own = createEngineSync();
    const before = coreOf(own).arena.allocate(64).pointer;
    const graph = openGraph(own, model, { inputs });
    const stream = graph.stream({ state: "stateN" });
    push(stream, all[0] as Float32Array);
    graph.dispose();
    // A stream keeps what it needs.
    push(stream, all[1] as Float32Array);
    stream.dispose();
    expect(coreOf(own).arena.allocate(64).pointer).toBe(before + 64);
    expect(() => graph.run({})).toThrow(StateError);
    expect(() => push(stream, all[2] as Float32Array)).toThrow(StateError);
    own.dispose();
  });

  it("10,000 pushes leave memory as it was", () => {
    const stream = open().stream({ state: "stateN" });
    push(stream, all[0] as Float32Array);
    const { growth, bytes } = coreOf(engine).arena;
    for (let i = 0; i < 10_000; i++) push(stream, all[i % all.length] as Float32Array);
    expect(coreOf(engine).arena).toMatchObject({ growth, bytes });
  });
});

describe("arguments", () => {
  const window = all[0] as Float32Array;
  it.each([
    [
      "a missing input",
      () => open().run({ input: window }),
      /state: expected a value, got undefined/,
    ],
    [
      "a foreign input",
      () => open().stream({ state: "stateN" }).push({ input: window, x: 1 }),
      /expected input, sr, got x/,
    ],
    [
      "a state that is pushed",
      () => open().stream({ state: "stateN" }).push({ input: window, state: 1 }),
      /got state/,
    ],
    [
      "another sr than at opening",
      () => open().stream({ state: "stateN" }).push({ input: window, sr: 8000 }),
      /sr: expected the value given at opening/,
    ],
    [
      "too few samples",
      () =>
        open()
          .stream({ state: "stateN" })
          .push({ input: window.slice(1) }),
      /asks for 576 elements, data has 575/,
    ],
    [
      "strings",
      () =>
        open()
          .stream({ state: "stateN" })
          .push({ input: "x" as never }),
      /input: expected/,
    ],
    [
      "a foreign input at opening",
      () => openGraph(engine, model, { inputs: { rate: 1 } }),
      /expected input, state, sr, got rate/,
    ],
    ["a state that is no input", () => open().stream({ s: "stateN" }), /expected names of inputs/],
    ["an output that is none", () => open().stream({ state: "s" }), /expected one of the outputs/],
    [
      "a precision",
      () => openGraph(engine, model, { precision: "f16" as never }),
      /precision: expected/,
    ],
    ["no bytes", () => openGraph(engine, "x" as never), /file: expected Uint8Array/],
  ])("%s", (_, act, message) => expect(act).toThrow(message));
});
