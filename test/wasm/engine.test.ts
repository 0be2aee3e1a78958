import { describe, expect, it } from "vitest";
import {
  createEngine,
  createEngineSync,
  type Engine,
  type EngineOptions,
  lstmCellForward,
  lstmForward,
  rnnCellForward,
  rnnForward,
  StateError,
} from "../../src/index.js";
import { expectError, expectRejection } from "../support/errors.js";
import { allBits, everyFunction, network, passes } from "../support/operands.js";

const MIB = 2 ** 20;
const net = network({ nx: 3, na: 5, ny: 2, m: 4, T: 3 });
const names = Object.keys(everyFunction(createEngineSync(), net));

describe("an engine tells", () => {
  it("its features, and that they cannot be changed", async () => {
    for (const engine of [createEngineSync(), await createEngine()]) {
      expect(engine.features).toEqual({ simd: true, relaxed: false });
      expect(engine.deterministic).toBe(true);
      expect(Object.isFrozen(engine.features)).toBe(true);
    }
  });

  it("its memory: 1 MiB at first, 4 GiB at most", () => {
    expect(createEngineSync().memory()).toEqual({ bytes: MIB, maximumBytes: 4096 * MIB });
  });
});

describe("maximumBytes", () => {
  it.each([
    [MIB, MIB],
    [MIB + 65535, MIB],
    [MIB + 65536.5, MIB + 65536],
    [4096 * MIB, 4096 * MIB],
    [undefined, 4096 * MIB],
  ])("%s is a limit of %i bytes", (maximumBytes, limit) => {
    const engine = createEngineSync(maximumBytes === undefined ? {} : { maximumBytes });
    expect(engine.memory().maximumBytes).toBe(limit);
  });

  it.each([0, -1, MIB - 1, 4096 * MIB + 1, Infinity, Number.NaN])(
    "%s is a RangeError",
    async (maximumBytes) => {
      const message = `maximumBytes: expected 1048576 … 4294967296, got ${maximumBytes}`;
      expectError(
        () => createEngineSync({ maximumBytes }),
        RangeError,
        `createEngineSync: ${message}`,
      );
      await expectRejection(
        createEngine({ maximumBytes }),
        RangeError,
        `createEngine: maximumBytes: … got ${maximumBytes}`,
      );
    },
  );

  it.each(["1048576", 1048576n, {}])("%o is a TypeError", (value) => {
    const maximumBytes = value as unknown as number;
    expectError(
      () => createEngineSync({ maximumBytes }),
      TypeError,
      `createEngineSync: maximumBytes: expected a number, got ${typeof value}`,
    );
  });
});

describe("options", () => {
  it.each([
    [null, "options: expected an object, got null"],
    [5, "options: expected an object, got number"],
    [
      { maxBytes: MIB },
      'options: unknown option "maxBytes": expected one of wasm, relaxed, maximumBytes',
    ],
    [{ maximumbytes: MIB }, 'options: unknown option "maximumbytes": did you mean maximumBytes?'],
    [{ relaxed: "yes" }, "relaxed: expected true or false, got string"],
  ])("%o is a TypeError", async (value, message) => {
    const options = value as unknown as EngineOptions;
    expectError(() => createEngineSync(options), TypeError, `createEngineSync: ${message}`);
    await expectRejection(createEngine(options), TypeError, `createEngine: ${message}`);
  });
});

describe("a disposed engine", () => {
  it("may be disposed of twice", () => {
    const engine = createEngineSync();
    engine.dispose();
    expect(() => engine.dispose()).not.toThrow();
  });

  it("is what a block with `using` leaves behind", () => {
    let left: Engine;
    {
      using engine = createEngineSync();
      left = engine;
      expect(engine.memory().bytes).toBe(MIB);
    }
    expectError(() => left.memory(), StateError, "the engine is disposed");
  });

  it.each(names)("%s throws a StateError", (name) => {
    const engine = createEngineSync();
    const run = everyFunction(engine, net)[name];
    engine.dispose();
    expectError(run as () => unknown, StateError, /engine/);
  });

  it("memory() throws a StateError, what needs no memory does not", () => {
    const engine = createEngineSync();
    engine.dispose();
    expectError(() => engine.memory(), StateError, /engine/);
    expect(engine.features.simd).toBe(true);
    expect(() => engine.parametersChanged(net.rnn)).not.toThrow();
  });

  it("takes its caches along: getters and at() throw, dispose does not", () => {
    const engine = createEngineSync();
    const made = [
      rnnCellForward(engine, net.xt, net.state, net.rnn).cache,
      rnnForward(engine, net.x, net.state, net.rnn).caches.at(0),
      rnnForward(engine, net.x, net.state, net.rnn).caches,
      lstmCellForward(engine, net.xt, net.state, net.state, net.lstm).cache,
      lstmForward(engine, net.x, net.state, net.lstm).caches.at(-1),
      lstmForward(engine, net.x, net.state, net.lstm).caches,
    ];
    engine.dispose();
    for (const cache of made) {
      for (const key of gettersOf(cache)) {
        expectError(() => Reflect.get(cache, key), StateError, /engine/);
      }
      if ("at" in cache) expectError(() => cache.at(0), StateError, /engine/);
      expect(() => cache.dispose()).not.toThrow();
      expect(() => cache.dispose()).not.toThrow();
    }
  });

  it("takes no other engine along", () => {
    const [first, second] = [createEngineSync(), createEngineSync()];
    const wanted = allBits(second, net);
    first.dispose();
    expect(allBits(second, net)).toBe(wanted);
  });
});

/** Names of all public getters. */
function gettersOf(value: object): string[] {
  const names: string[] = [];
  for (let at = value; at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    const entries = Object.entries(Object.getOwnPropertyDescriptors(at));
    names.push(...entries.filter(([, { get }]) => get !== undefined).map(([name]) => name));
  }
  expect(names.length).toBeGreaterThan(0);
  return names;
}

describe("caches of another engine", () => {
  const calls = everyFunction(createEngineSync(), net, passes(createEngineSync(), net));

  it.each(names.filter((name) => !name.includes("Forward")))("%s throws a StateError", (name) => {
    expectError(calls[name] as () => unknown, StateError, /^\w+: caches?: made by another engine$/);
  });
});
