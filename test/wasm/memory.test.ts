import { afterEach, describe, expect, it, vi } from "vitest";
import {
  createEngineSync,
  type Engine,
  EngineMemoryError,
  lstmForward,
  rnnForward,
  ShapeError,
} from "../../src/index.js";
import { coreOf } from "../../src/wasm/engine.js";
import { allBits, bitsOf, disposeOf, everyFunction, network, passes } from "../support/operands.js";

const MIB = 2 ** 20;
const net = network({ nx: 3, na: 5, ny: 2, m: 4, T: 3 });
const large = network({ nx: 30, na: 40, ny: 20, m: 16, T: 100 });
const WANTED = allBits(createEngineSync(), net);
const names = Object.keys(everyFunction(createEngineSync(), net));

describe("memory that does not suffice", () => {
  it.each([
    ["rnnForward", (engine: Engine) => rnnForward(engine, large.x, large.state, large.rnn)],
    ["lstmForward", (engine: Engine) => lstmForward(engine, large.x, large.state, large.lstm)],
  ])("%s: an EngineMemoryError tells both sizes", (_, run) => {
    const engine = createEngineSync({ maximumBytes: MIB });
    let error: unknown;
    try {
      run(engine);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(EngineMemoryError);
    expect(error).toBeInstanceOf(RangeError);
    const { needed, limit, message } = error as EngineMemoryError;
    expect(limit).toBe(MIB);
    expect(needed).toBeGreaterThan(MIB);
    expect(needed).toBeLessThan(8 * MIB);
    expect(message).toContain(`${needed} bytes needed, the limit is ${limit}`);
    // The number is the truth: with so much memory that allocation, at least, succeeds.
    const enough = createEngineSync({ maximumBytes: Math.ceil(needed / 65536) * 65536 });
    try {
      run(enough);
    } catch (caught) {
      expect((caught as EngineMemoryError).needed).toBeGreaterThan(needed);
    }
  });

  it("the engine works on after it, 0 bits of difference", () => {
    const engine = createEngineSync({ maximumBytes: MIB });
    for (let turn = 0; turn < 3; turn++) {
      expect(() => allBits(engine, large)).toThrow(EngineMemoryError);
      expect(allBits(engine, net)).toBe(WANTED);
      expect(engine.memory().bytes).toBe(MIB);
    }
  });

  it.each(names)("%s: whichever allocation fails, 0 bytes stay allocated", (name) => {
    let failures = 0;
    // From a filler that leaves nothing to one that leaves enough: each allocation of the call fails in its turn.
    for (let left = 0; ; left += 192) {
      const engine = createEngineSync({ maximumBytes: MIB });
      const start = firstFree(engine);
      const made = passes(engine, net);
      const call = everyFunction(engine, net, made)[name] as () => object;
      // A forward function is to pack its parameters anew.
      if (name.includes("Forward")) forgetParameters(engine);
      const filler = coreOf(engine).arena.allocate(MIB - end(engine) - left);
      let failed = false;
      try {
        disposeOf(call());
      } catch (error) {
        expect(error).toBeInstanceOf(EngineMemoryError);
        failed = true;
      }
      filler.release();
      for (const pass of Object.values(made)) disposeOf(pass);
      forgetParameters(engine);
      // All of memory is one free piece again: what was left behind would stand in its way.
      const all = coreOf(engine).arena.allocate(MIB - start);
      expect(all.pointer).toBe(start);
      all.release();
      if (!failed) break;
      if (failures++ % 16 === 0) expect(allBits(engine, net)).toBe(WANTED);
    }
    expect(failures).toBeGreaterThan(2);
  });
});

describe("a host that is short of memory", () => {
  afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
  });

  it("refuses to grow an engine: the error tells so, and the engine works on", () => {
    const engine = createEngineSync();
    const refusal = new RangeError("WebAssembly.Memory.grow(): Unable to grow instance memory");
    const grow = vi.spyOn(WebAssembly.Memory.prototype, "grow").mockImplementation(() => {
      throw refusal;
    });
    const error = thrownBy(() => coreOf(engine).arena.allocate(8 * MIB)) as EngineMemoryError;
    expect(error).toBeInstanceOf(EngineMemoryError);
    expect(error.limit).toBe(MIB);
    expect(error.message).toMatch(
      `linear memory: the host refused ${error.needed} bytes, ${MIB} are held: `,
    );
    expect(error.message).not.toContain("maximumBytes");
    expect(error.cause).toBe(refusal);
    grow.mockRestore();
    expect(allBits(engine, large)).toBe(allBits(createEngineSync(), large));
  });

  it("grows an engine by what is needed where it refuses an eighth", () => {
    const engine = createEngineSync();
    const filler = coreOf(engine).arena.allocate(64 * MIB);
    const { bytes } = engine.memory();
    const { grow } = WebAssembly.Memory.prototype;
    vi.spyOn(WebAssembly.Memory.prototype, "grow").mockImplementation(function (
      this: WebAssembly.Memory,
      pages,
    ) {
      if (pages > 16) throw new RangeError("too much");
      return grow.call(this, pages);
    });
    coreOf(engine).arena.allocate(bytes - filler.pointer - filler.bytes + 65536);
    expect(engine.memory().bytes).toBe(bytes + 65536);
  });

  it("refuses a new engine: the error tells so", () => {
    const refusal = new RangeError("WebAssembly.Memory(): could not allocate memory");
    vi.stubGlobal("WebAssembly", {
      ...WebAssembly,
      validate: () => true,
      Module: WebAssembly.Module,
      Instance: WebAssembly.Instance,
      Memory: class {
        constructor() {
          throw refusal;
        }
      },
    });
    const error = thrownBy(() => createEngineSync()) as EngineMemoryError;
    expect(error).toBeInstanceOf(EngineMemoryError);
    expect([error.needed, error.limit, error.cause]).toEqual([MIB, 0, refusal]);
    expect(error.message).toMatch(`linear memory: the host refused ${MIB} bytes, 0 are held: `);
  });

  it("a limit of 4 GiB cannot be raised, a smaller one can", () => {
    expect(new EngineMemoryError(9 * MIB, MIB).message).toMatch(/, or raise maximumBytes$/);
    expect(new EngineMemoryError(2 ** 33, 2 ** 32).message).not.toContain("maximumBytes");
  });
});

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

/** Where the first free byte is. */
function firstFree(engine: Engine): number {
  const block = coreOf(engine).arena.allocate(1);
  block.release();
  return block.pointer;
}

/** Where the last block in use ends: the place of a block that no gap between others can hold. */
function end(engine: Engine): number {
  const block = coreOf(engine).arena.allocate(MIB / 2);
  block.release();
  return block.pointer;
}

/** Frees what the engine keeps for the parameters. */
function forgetParameters(engine: Engine): void {
  engine.parametersChanged(net.rnn);
  engine.parametersChanged(net.lstm);
  engine.parametersChanged(net.gru);
}

describe("calls that throw for their operands", () => {
  it.each([
    ["x", 3],
    ["xt", 3],
    ["state", 9],
    ["da", 3],
  ] as const)("%s with a row too few: %i functions throw, 0 bytes stay allocated", (key, count) => {
    const engine = createEngineSync();
    const made = passes(engine, net);
    const { shape, data } = net[key];
    const [rows = 0, ...others] = shape;
    const cut = data.slice(0, (data.length / rows) * (rows - 1));
    const wrong = { ...net, [key]: { shape: [rows - 1, ...others], data: cut } };
    let thrown = 0;
    for (const [name, call] of Object.entries(everyFunction(engine, wrong, made))) {
      if (name.includes("Forward")) forgetParameters(engine);
      const before = [firstFree(engine), end(engine)];
      try {
        disposeOf(call());
      } catch (error) {
        expect(error).toBeInstanceOf(ShapeError);
        expect([firstFree(engine), end(engine)], name).toEqual(before);
        thrown++;
      }
    }
    expect(thrown).toBe(count);
  });
});

describe("growth", () => {
  const grown = createEngineSync();
  coreOf(grown)
    .arena.allocate(64 * MIB)
    .release();
  const there = everyFunction(grown, large);

  it.each(names)("%s: inside the call it changes 0 bits", (name) => {
    const engine = createEngineSync();
    const call = everyFunction(engine, large)[name] as () => object;
    // Memory is full to its end: the call must grow it.
    const at = end(engine);
    const { bytes } = engine.memory();
    if (bytes > at) coreOf(engine).arena.allocate(bytes - at);
    const result = call();
    expect(engine.memory().bytes).toBeGreaterThan(bytes);
    expect(bitsOf(result)).toBe(bitsOf(there[name]?.() ?? {}));
  });

  it("from the first call on it changes 0 bits", () => {
    const engine = createEngineSync();
    expect(allBits(engine, large)).toBe(allBits(grown, large));
    expect(engine.memory().bytes).toBeGreaterThan(MIB);
    expect(engine.memory().bytes).toBeLessThan(grown.memory().bytes);
  });
});

it("a first backward pass that finds no memory keeps no transposed weights", () => {
  const engine = createEngineSync({ maximumBytes: MIB });
  const made = passes(engine, net);
  // Room for the transposed weights (1,920 bytes), and none for the scratch of the pass.
  const filler = coreOf(engine).arena.allocate(MIB - end(engine) - 4096);
  const before = firstFree(engine);
  const call = everyFunction(engine, net, made).lstmBackward as () => object;
  expect(call).toThrow(EngineMemoryError);
  expect(firstFree(engine)).toBe(before);
  filler.release();
});
