import { describe, expect, it } from "vitest";
import { createEngineSync, type Engine, EngineMemoryError } from "../../src/index.js";
import { coreOf } from "../../src/wasm/engine.js";
import { allBits, disposeOf, everyFunction, network } from "../support/operands.js";

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const smallest = network({ nx: 1, na: 1, ny: 1, m: 1, T: 1 });
const net = network({ nx: 3, na: 5, ny: 2, m: 7, T: 3 });
const names = Object.keys(everyFunction(createEngineSync(), smallest));

it("20,000 engines, made and disposed of one after the other, do not exhaust the host", () => {
  for (let i = 0; i < 20_000; i++) createEngineSync().dispose();
  expect(createEngineSync().memory().bytes).toBe(MIB);
});

describe("100,000 calls leave the memory as it was", () => {
  it.each(names)("%s", (name) => {
    const engine = createEngineSync();
    const call = everyFunction(engine, smallest)[name] as () => object;
    disposeOf(call());
    const before = firstFree(engine);
    for (let i = 0; i < 100_000; i++) disposeOf(call());
    expect(firstFree(engine)).toBe(before);
    expect(engine.memory().bytes).toBe(MIB);
  });
});

function firstFree(engine: Engine): number {
  const block = coreOf(engine).arena.allocate(1);
  block.release();
  return block.pointer;
}

describe("high addresses, 0 bits of difference", () => {
  const wanted = allBits(createEngineSync(), net);

  // Bytes below the calls' own: they cross 2 GiB, where a pointer becomes a negative i32, and lie above it.
  it.each([2 * GIB - 16 * 1024, 2 * GIB + MIB, 4 * GIB - 8 * MIB])("above byte %i", (below) => {
    const engine = createEngineSync();
    coreOf(engine).arena.allocate(below - firstFree(engine));
    expect(firstFree(engine)).toBe(below);
    expect(allBits(engine, net)).toBe(wanted);
    engine.dispose();
  });

  it("up to the last of the 4 GiB", () => {
    // By halves to the least number of bytes that suffices: with it the hungriest call ends where memory ends.
    let [tooFew, enough] = [0, MIB];
    while (enough - tooFew > 64) {
      const left = (tooFew + enough) / 2;
      const engine = createEngineSync();
      coreOf(engine).arena.allocate(4 * GIB - left - firstFree(engine));
      try {
        expect(allBits(engine, net)).toBe(wanted);
        enough = left;
      } catch (error) {
        expect(error).toBeInstanceOf(EngineMemoryError);
        tooFew = left;
      }
      engine.dispose();
    }
    expect(tooFew).toBeGreaterThan(0);
    expect(enough).toBeLessThan(MIB);
  });
});
