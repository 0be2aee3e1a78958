import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { type Arrays, createArrays, createArraysSync } from "../src/arrays.js";
import { ShapeError } from "../src/errors.js";
import { ManagedModule } from "../src/wasm/managed.js";
import { expectError, expectRejection } from "./support/errors.js";
import { type Build, builds, Workbench } from "./support/kernels.js";

const root = fileURLToPath(new URL("../", import.meta.url));
const wasm = (): Uint8Array<ArrayBuffer> =>
  new Uint8Array(readFileSync(`${root}build/arrays.wasm`));

const SIZES = [1, 2, 3, 4, 5, 1000, 100_001];
const EPSILON = 2 ** -52;
const LARGEST = 20;

/** n values between −LARGEST and LARGEST, the same at each run. */
function sample(n: number): Float64Array {
  let state = 12345 + n;
  return Float64Array.from({ length: n }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 31 - 1) * LARGEST;
  });
}

const plainSigmoid = (x: Float64Array) => x.map((value) => 1 / (1 + Math.exp(-value)));
const plainTanh = (x: Float64Array) => x.map(Math.tanh);

function plainLogSumExp(x: Float64Array): number {
  const max = x.reduce((a, b) => Math.max(a, b));
  return max + Math.log(x.reduce((sum, value) => sum + Math.exp(value - max), 0));
}

function plainSoftmax(x: Float64Array): Float64Array {
  const max = x.reduce((a, b) => Math.max(a, b));
  const terms = x.map((value) => Math.exp(value - max));
  const sum = terms.reduce((a, b) => a + b);
  return terms.map((term) => term / sum);
}

const plainLogSoftmax = (x: Float64Array) => {
  const total = plainLogSumExp(x);
  return x.map((value) => value - total);
};

/** The largest |got − want|, each divided by `scale(want)`. */
function deviation(got: Float64Array, want: Float64Array, scale: (want: number) => number): number {
  expect(got.length).toBe(want.length);
  return got.reduce((worst, value, i) => {
    const wanted = want[i] as number;
    return Math.max(worst, Math.abs(value - wanted) / scale(wanted));
  }, 0);
}

/** Equal bit for bit, −0 and the bits of a NaN included. */
function sameBits(a: Float64Array, b: Float64Array): boolean {
  return Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(
    Buffer.from(b.buffer, b.byteOffset, b.byteLength),
  );
}

const arrays = createArraysSync();

// A sum of n positive terms in any order is within n·ε of another order; 8 ε pay for exp, log and the division.
const sumBound = (n: number) => (8 + n) * EPSILON;

describe.each(SIZES)("n = %i, against plain loops", (n) => {
  const x = sample(n);

  it("sigmoid within 8 ε, relative", () => {
    expect(deviation(arrays.sigmoid(x), plainSigmoid(x), Math.abs)).toBeLessThan(8 * EPSILON);
  });

  it("tanh within 8 ε, relative", () => {
    expect(deviation(arrays.tanh(x), plainTanh(x), Math.abs)).toBeLessThan(8 * EPSILON);
  });

  it("softmax within (8 + n) ε, relative", () => {
    expect(deviation(arrays.softmax(x), plainSoftmax(x), Math.abs)).toBeLessThan(sumBound(n));
  });

  it("logSoftmax within (8 + n) ε, relative to the largest |x|", () => {
    const scale = () => LARGEST;
    expect(deviation(arrays.logSoftmax(x), plainLogSoftmax(x), scale)).toBeLessThan(sumBound(n));
  });

  it("logSumExp within (8 + n) ε, relative to the largest |x|", () => {
    const difference = Math.abs(arrays.logSumExp(x) - plainLogSumExp(x));
    expect(difference / LARGEST).toBeLessThan(sumBound(n));
  });
});

describe.each(builds)("the bits of the kernels module, $name build", (build: Build) => {
  it.each([0, ...SIZES])("n = %i", (n) => {
    const x = sample(n);
    if (n >= 1000) x.set([-0, 0, Number.NaN, Infinity, -Infinity, 5e-324, 800, -800, 1e-300]);
    const bench = new Workbench(build);
    const source = bench.input("x", x).pointer;
    const { kernels } = build;

    const map = bench.output("y", n);
    kernels.sigmoid_map(n, source, map.pointer);
    expect(sameBits(arrays.sigmoid(x), map.read())).toBe(true);
    kernels.tanh_map(n, source, map.pointer);
    expect(sameBits(arrays.tanh(x), map.read())).toBe(true);

    const finite = sample(n);
    const row = bench.input("row", finite).pointer;
    const single = bench.output("single", 1);
    if (n === 0) return;
    kernels.softmax_rows(1, n, row, map.pointer);
    expect(sameBits(arrays.softmax(finite), map.read())).toBe(true);
    kernels.log_softmax_rows(1, n, row, map.pointer);
    expect(sameBits(arrays.logSoftmax(finite), map.read())).toBe(true);
    kernels.log_sum_exp_rows(1, n, row, single.pointer);
    expect(sameBits(Float64Array.of(arrays.logSumExp(finite)), single.read())).toBe(true);
  });
});

describe("special values", () => {
  it("maps", () => {
    const x = Float64Array.of(-0, 0, Number.NaN, Infinity, -Infinity, 800, -800);
    expect([...arrays.sigmoid(x)]).toEqual([0.5, 0.5, Number.NaN, 1, 0, 1, expect.closeTo(0, 300)]);
    expect([...arrays.tanh(x)]).toEqual([-0, 0, Number.NaN, 1, -1, 1, -1]);
    expect(arrays.sigmoid(new Float64Array(0))).toEqual(new Float64Array(0));
    expect(arrays.tanh(new Float64Array(0))).toEqual(new Float64Array(0));
  });

  it("rows", () => {
    expect([...arrays.softmax(Float64Array.of(1000, 1000))]).toEqual([0.5, 0.5]);
    expect([...arrays.softmax(Float64Array.of(0, -Infinity))]).toEqual([1, 0]);
    expect([...arrays.logSoftmax(Float64Array.of(0, -Infinity))]).toEqual([0, -Infinity]);
    expect([...arrays.softmax(Float64Array.of(0, Number.NaN))]).toEqual([Number.NaN, Number.NaN]);
    expect(arrays.logSumExp(Float64Array.of(-0))).toBe(0);
    expect(arrays.logSumExp(Float64Array.of(1, Number.NaN))).toBeNaN();
    expect(arrays.logSumExp(Float64Array.of(-1e308, -1e308))).toBe(-1e308);
  });
});

describe("operands", () => {
  const functions = ["sigmoid", "tanh", "softmax", "logSoftmax", "logSumExp"] as const;
  const kinds: [unknown, string][] = [
    [[1, 2], "Array"],
    [new Float32Array(2), "Float32Array"],
    [new DataView(new ArrayBuffer(8)), "DataView"],
    [{ [Symbol.toStringTag]: "Float64Array" }, "Object"],
    [null, "null"],
    [undefined, "undefined"],
    [3, "number"],
  ];

  it.each(functions)("%s: the wrong kind is a TypeError", (name) => {
    const run = arrays[name] as (x: unknown) => unknown;
    for (const [value, got] of kinds) {
      expectError(() => run(value), TypeError, `${name}: x: expected Float64Array, got ${got}`);
    }
  });

  it.each(["softmax", "logSoftmax", "logSumExp"] as const)(
    "%s: an empty x is a ShapeError",
    (name) => {
      const run = () => arrays[name](new Float64Array(0));
      expectError(run, ShapeError, `${name}: x: expected (n) with 1 ≤ n ≤ 134217712, got (0)`);
    },
  );

  it("an x that the allocator cannot hold is a ShapeError", () => {
    // 1 GiB of address space that nobody writes to.
    const x = new Float64Array(2 ** 27);
    expect(() => arrays.sigmoid(x)).toThrow(ShapeError);
  });

  it("a view inside a larger buffer, and an array of another realm", () => {
    const view = Float64Array.of(9, 9, 0, 0, 9).subarray(2, 4);
    expect([...arrays.sigmoid(view)]).toEqual([0.5, 0.5]);
    const foreign = runInNewContext("Float64Array.of(0, 0)") as Float64Array;
    expect([...arrays.sigmoid(foreign)]).toEqual([0.5, 0.5]);
  });

  it("a detached x is a TypeError that names it", () => {
    const x = Float64Array.of(1, 2);
    structuredClone(x, { transfer: [x.buffer] });
    const message = "softmax: x: its buffer is detached";
    expectError(() => arrays.softmax(x), TypeError, message);
  });

  it("an unknown option is a TypeError that suggests the nearest", async () => {
    const options = { wams: wasm() } as object;
    const message = 'options: unknown option "wams": did you mean wasm?';
    expectError(() => createArraysSync(options), TypeError, `createArraysSync: ${message}`);
    await expectRejection(createArrays(options), TypeError, `createArrays: ${message}`);
  });

  it("x does not change, and the caller owns the result", () => {
    const x = Float64Array.of(0, 1);
    const first = arrays.softmax(x);
    const kept = first.slice();
    arrays.sigmoid(sample(100_001));
    arrays.softmax(Float64Array.of(5, 6));
    expect(first).toEqual(kept);
    expect([...x]).toEqual([0, 1]);
    expect(first.buffer.byteLength).toBe(16);
  });
});

describe("memory", () => {
  it("100,000 calls leave it as it was", () => {
    const module = ManagedModule.openSync("test");
    const x = sample(64);
    const turn = () => {
      module.call("", (functions) => functions.sigmoid(x));
      module.call("", (functions) => functions.logSumExp(x));
      module.call("", (functions) => functions.buildInfo());
    };
    turn();
    const before = module.memoryBytes;
    for (let i = 0; i < 33_334; i++) turn();
    expect(module.memoryBytes).toBe(before);
  });

  it("long and short calls in turn do not grow it after the first turn", () => {
    const module = ManagedModule.openSync("test");
    const turn = () => {
      for (const n of [100_001, 3, 5000, 100_001, 0]) {
        module.call("", (functions) => functions.tanh(new Float64Array(n)));
      }
    };
    turn();
    const before = module.memoryBytes;
    for (let i = 0; i < 50; i++) turn();
    expect(module.memoryBytes).toBe(before);
  });

  it("memory that cannot grow is a RangeError, and the next call works", () => {
    const limited = createArraysSync({ wasm: withMemoryLimit(wasm(), 8) });
    const long = new Float64Array(100_001);
    for (let i = 0; i < 3; i++) {
      const run = () => limited.softmax(long);
      expectError(run, RangeError, /^softmax: .*memory/);
      expect([...limited.softmax(Float64Array.of(1, 1))]).toEqual([0.5, 0.5]);
    }
  });
});

/** The same module with a maximum of `pages` in its memory section (id 5: count 1, flags 0, minimum). */
function withMemoryLimit(bytes: Uint8Array, pages: number): Uint8Array<ArrayBuffer> {
  const limited = [...bytes.subarray(0, 8)];
  for (let at = 8; at < bytes.length; ) {
    const start = at++;
    let size = 0;
    for (let shift = 0, more = true; more; shift += 7) {
      const byte = bytes[at++] as number;
      size |= (byte & 127) << shift;
      more = byte > 127;
    }
    at += size;
    if (bytes[start] !== 5) limited.push(...bytes.subarray(start, at));
    else limited.push(5, size + 1, 1, 1, ...bytes.subarray(at - size + 2, at), pages);
  }
  return Uint8Array.from(limited);
}

describe("the module", () => {
  it("opens synchronously or not, from its own bytes or from given ones", async () => {
    const opened: Arrays[] = [
      await createArrays(),
      await createArrays({ wasm: wasm() }),
      createArraysSync({ wasm: wasm().buffer }),
    ];
    for (const { sigmoid } of opened)
      expect(sigmoid(Float64Array.of(0))).toEqual(Float64Array.of(0.5));
  });

  it("names its versions, which are those of package.json", () => {
    const { name, version, devDependencies } = JSON.parse(
      readFileSync(`${root}package.json`, "utf8"),
    );
    expect(arrays.buildInfo()).toBe(
      `${name} ${version}, AssemblyScript ${devDependencies.assemblyscript}, simd128, f64`,
    );
  });
});
