import { describe, expect, it } from "vitest";
import {
  createEngineSync,
  type Engine,
  type Recurrent,
  type RecurrentTape,
} from "../../src/index.js";
import { Batch } from "../../src/sequence/batch.js";
import { Layout } from "../../src/sequence/layout.js";
import { ForwardPass } from "../../src/sequence/pass.js";
import type { Stack } from "../../src/sequence/stack.js";
import { takeState } from "../../src/sequence/state.js";
import type { Tape } from "../../src/sequence/tape.js";
import type { Block } from "../../src/wasm/arena.js";
import { coreOf } from "../../src/wasm/engine.js";
import { contentOf } from "../../src/wasm/handle.js";
import { generalTrainingKernels, trainingKernels } from "../../src/wasm/kernel_sets.js";
import { expectSame } from "../support/compare.js";
import { vacancies } from "../support/engines.js";
import { drawNetwork, type Kind, listed, open } from "../support/networks.js";
import { randomTensor, uniform } from "../support/random.js";
import type { Tensor } from "../support/subject.js";

// A stack keeps the plans of its last passes. A kept plan must give the bits of a new one, whatever happened in between:
// other sizes, blocks that moved, memory that grew.

const [nx, na] = [3, 5];

const kinds: readonly Kind[] = [
  { cell: "rnn" },
  { cell: "lstm", layers: 2 },
  { cell: "lstm", layers: 2, bidirectional: true, projected: true, peepholes: true },
  { cell: "gru", layers: 3, reverse: true },
  { cell: "gru", bidirectional: true, resetAfter: false },
];
const named = kinds.map((kind) => ({ name: Object.values(kind).join(", "), kind }));

const draw = (kind: Kind, lengths: readonly number[] = [2, 3]) =>
  drawNetwork(kind, { nx, na, lengths: [...lengths] }, 4);

const stackOf = (network: Recurrent): Stack => {
  const { tape, state } = network.forward([], undefined, { keepTape: true });
  const { stack } = contentOf<Tape>("test", tape as RecurrentTape);
  for (const made of [tape, state]) made?.dispose();
  return stack;
};

/** The lengths of the sequences of a call, and its form. */
const calls: readonly { lengths: readonly number[]; form: "dense" | "list" | "tape" }[] = [
  { lengths: [4, 4], form: "dense" },
  { lengths: [4, 4], form: "tape" },
  { lengths: [3, 0, 5], form: "list" },
  { lengths: [3, 0, 5], form: "tape" },
  // The rows of the call before, in other sequences.
  { lengths: [0, 4, 4], form: "tape" },
  { lengths: [1], form: "dense" },
  { lengths: [1], form: "tape" },
  { lengths: [], form: "list" },
  { lengths: [60, 60, 60], form: "dense" },
];

/** The results of a call from zeros. */
function results(network: Recurrent, { lengths, form }: (typeof calls)[number], seed: number) {
  const next = uniform(seed);
  const D = network.options.bidirectional ? 2 : 1;
  const n = D * (network.options.projectionSize ?? na);
  const list = lengths.map((T) => randomTensor(next, T, nx));
  if (form === "dense") {
    const x = randomTensor(next, lengths[0] as number, lengths.length, nx);
    const { y, state } = network.forward(x);
    const end = state.read();
    state.dispose();
    return { y, ...end };
  }
  const { outputs, state, tape } = network.forward(list, undefined, { keepTape: form === "tape" });
  const all: Record<string, Tensor> = { ...listed("y", outputs), ...state.read() };
  state.dispose();
  if (tape === undefined) return all;
  const dy = lengths.map((T) => randomTensor(next, T, n));
  const back = network.backward(dy, tape);
  const again = network.backward(dy, tape, {}, { out: back });
  expect(again).toBe(back);
  tape.dispose();
  return { ...all, ...listed("dx", back.dInputs), ...back.gradients, ...rename(back.dState) };
}

const rename = (parts: { h: Tensor; c?: Tensor }) =>
  Object.fromEntries(Object.entries(parts).map(([name, value]) => [`d${name}`, value]));

describe.each(named)("kept plans, $name", ({ kind }) => {
  it("give the bits of new ones, in any order of calls, as blocks move and memory grows", () => {
    const engine = createEngineSync();
    const network = open(engine, draw(kind));
    const other = createEngineSync();
    const next = uniform(7);
    const held: Block[] = [];
    // No pass may write below the arena or into a block of others. A set of kernels writes its tables there when it is bound.
    trainingKernels(coreOf(engine));
    generalTrainingKernels(coreOf(engine));
    const lowest = coreOf(engine).arena.allocate(1);
    const below = () => coreOf(engine).arena.i32(0, lowest.pointer / Int32Array.BYTES_PER_ELEMENT);
    const [untouched, pattern] = [below().slice(), 0x5a5a5a5a];
    const words = ({ pointer, bytes }: Block) =>
      coreOf(engine).arena.i32(pointer, bytes / Int32Array.BYTES_PER_ELEMENT);
    const raw = ({ buffer, byteOffset, byteLength }: Int32Array) =>
      Buffer.from(buffer, byteOffset, byteLength);
    /** Every word is the pattern: the first is, and each equals the one before. */
    const isHeld = (block: Block): boolean => {
      const all = words(block);
      return all[0] === pattern && raw(all.subarray(1)).equals(raw(all.subarray(0, -1)));
    };
    const hold = (bytes: number): void => {
      const block = coreOf(engine).arena.allocate(bytes);
      words(block).fill(pattern);
      held.push(block);
    };
    for (let i = 0; i < 120; i++) {
      const call = calls[Math.floor(Math.abs(next()) * calls.length) % calls.length];
      if (call === undefined) throw new Error("no call");
      // Blocks of others come and go, so that a pass finds its place taken.
      if (i % 3 === 0) hold(1000 * (i % 7));
      if (i % 5 === 4) held.shift()?.release();
      if (i % 40 === 39) hold(engine.memory().bytes);
      const fresh = open(other, draw(kind));
      expectSame({ ...results(network, call, i) }, { ...results(fresh, call, i) });
      fresh.dispose();
      expect(raw(below()).equals(raw(untouched))).toBe(true);
      expect(held.every(isHeld)).toBe(true);
    }
    expect(coreOf(engine).arena.growth).toBeGreaterThan(2);
  });

  it("a state of any size can be written, read and stepped after memory has grown", () => {
    const engine = createEngineSync();
    const network = open(engine, draw(kind));
    for (const m of [0, 1, 3]) {
      const state = network.createState(m);
      const parts = state.read();
      state.write(parts);
      coreOf(engine).arena.allocate(engine.memory().bytes);
      state.write(parts);
      expectSame({ ...state.read() }, { ...parts });
      const copy = state.clone();
      expectSame({ ...copy.read() }, { ...parts });
    }
  });

  it("hold 0 bytes of linear memory, and dispose frees the rest, before its tapes or after", () => {
    for (const isFirst of [true, false]) {
      const engine = createEngineSync();
      const before = vacancies(engine);
      const network = open(engine, draw(kind));
      for (const call of calls) results(network, call, 1);
      const loaded = vacancies(engine);
      for (const call of calls) results(network, call, 1);
      expect(vacancies(engine)).toEqual(loaded);
      const { state, tape } = network.forward([], undefined, { keepTape: true });
      for (const made of isFirst ? [network, tape, state] : [tape, state, network]) made?.dispose();
      expect(vacancies(engine).slice(0, -1)).toEqual(before.slice(0, -1));
    }
  });
});

describe("a stack's plans", () => {
  const engine = createEngineSync();
  const stack = stackOf(open(engine, draw({ cell: "lstm" })));
  const batchOf = (T: number) => Batch.dense(2, T);
  const kept = (T: number) => {
    const plan = stack.plan(batchOf(T), "rows", false);
    stack.giveBack(plan);
    return plan;
  };

  it("at most 8 are kept: the least recently used one is dropped", () => {
    const first = kept(1);
    for (let T = 2; T <= 8; T++) kept(T);
    expect(kept(1)).toBe(first);
    const second = kept(2);
    // 3 … 9 and 1, 2: the plan for 3 is the oldest.
    const third = kept(3);
    expect(kept(2)).toBe(second);
    for (let T = 10; T <= 16; T++) kept(T);
    expect(kept(3)).not.toBe(third);
  });

  it("the same sizes for another purpose have another plan", () => {
    const plans = [
      stack.plan(batchOf(5), "rows", false),
      stack.plan(batchOf(5), "rows", true),
      stack.plan(batchOf(5), "tokens", false),
      stack.plan(batchOf(5), "embedded", false),
    ];
    expect(new Set(plans).size).toBe(plans.length);
    for (const plan of plans) stack.giveBack(plan);
  });

  it("a plan in use is not given to a second pass; an abandoned one is not kept", () => {
    const plan = stack.plan(batchOf(6), "rows", false);
    const second = stack.plan(batchOf(6), "rows", false);
    expect(second).not.toBe(plan);
    stack.giveBack(plan);
    const pass = passOver(engine, stack, 6);
    expect(pass.buffers).toBe(plan);
    pass.end();
    expect(kept(6)).not.toBe(plan);
  });

  it("two passes over one stack, chunk by chunk in turn, give the bits of one after the other", () => {
    // Steps enough for several chunks.
    const T = 1500;
    const run = (passes: ForwardPass[]) => {
      const outputs = passes.map(() => [] as number[]);
      for (let isRunning = true; isRunning; ) {
        isRunning = false;
        passes.forEach((pass, i) => {
          if (!pass.next()) return;
          isRunning = true;
          const length = 2 * (pass.last - pass.first) * na;
          outputs[i]?.push(...coreOf(engine).arena.f64(pass.pointer, length));
        });
      }
      for (const pass of passes) pass.end();
      return outputs;
    };
    const alone = run([passOver(engine, stack, T)])[0];
    expect(alone?.length).toBe(2 * T * na);
    expect(run([passOver(engine, stack, T), passOver(engine, stack, T)])).toEqual([alone, alone]);
  });
});

/** A pass from zeros over two sequences of T steps. */
function passOver(engine: Engine, stack: Stack, T: number): ForwardPass {
  const layout = new Layout();
  const { h, c } = takeState(layout, stack.shape, 2);
  const { pointer } = coreOf(engine).arena.allocate(layout.bytes);
  coreOf(engine)
    .arena.f64(pointer, layout.bytes / Float64Array.BYTES_PER_ELEMENT)
    .fill(0);
  return new ForwardPass(stack, {
    batch: Batch.dense(2, T),
    state: { h: pointer + h, c: pointer + c },
    input: {
      feed: "rows",
      rows: (target, first) =>
        target.forEach((_, i) => {
          target[i] = Math.sin(first * 2 * nx + i);
        }),
    },
  });
}
