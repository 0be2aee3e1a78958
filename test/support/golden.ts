import type * as Recurra from "recurra";

// A seeded set of forward and backward passes, folded into one hash for each case: the same bits on every machine, or a
// hash that differs. Runs in Node, in a page and in a worker, and so knows nothing but the package's public functions.

type Api = typeof Recurra;

interface Case {
  name: string;
  /** [nx, na, ny, m, T] */
  sizes: readonly [number, number, number, number, number];
  /** Inputs are below 2^x in magnitude, weights below 2^w. */
  x?: number;
  w?: number;
  /** Written over the first inputs. */
  specials?: readonly number[];
}

export const cases: readonly Case[] = [
  { name: "exercise", sizes: [3, 5, 2, 10, 7] },
  { name: "all sizes 1", sizes: [1, 1, 1, 1, 1] },
  { name: "one row", sizes: [7, 13, 5, 1, 9] },
  { name: "batch 33, more rows than one gradient chunk", sizes: [5, 6, 3, 33, 11] },
  { name: "wide", sizes: [17, 67, 31, 3, 4] },
  { name: "no steps", sizes: [4, 4, 4, 4, 0] },
  { name: "no rows", sizes: [4, 3, 2, 0, 3] },
  { name: "saturated", sizes: [3, 9, 4, 6, 5], x: 6, w: 8 },
  { name: "subnormal", sizes: [6, 7, 3, 5, 6], x: -1030, w: 0 },
  {
    name: "not finite",
    sizes: [2, 5, 3, 9, 4],
    specials: [Number.NaN, Infinity, -Infinity, -0, 5e-324, 1.7976931348623157e308],
  },
];

/** 2^exponent by halving and doubling alone: `**` is the host's own mathematics. */
function power(exponent: number): number {
  let value = 1;
  for (let i = 0; i < exponent; i++) value *= 2;
  for (let i = 0; i > exponent; i--) value /= 2;
  return value;
}

/** 32 random bits at a time (mulberry32): integer arithmetic only. */
function integers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return mixed ^ (mixed >>> 14);
  };
}

/** 64 bits in two lanes, each fed 32-bit words as MurmurHash3 is. */
class Hash {
  #a = 0x811c9dc5;
  #b = 0x9e3779b9;

  word(word: number): void {
    const a = Math.imul(this.#a ^ Math.imul(word, 0xcc9e2d51), 0x01000193);
    const b = Math.imul(this.#b ^ Math.imul(word, 0x1b873593), 0x85ebca6b);
    this.#a = (a << 13) | (a >>> 19);
    this.#b = (b << 17) | (b >>> 15);
  }

  /** Every bit of every number, in order. The payload of a NaN is the machine's own business: all count as one. */
  numbers(data: Float64Array): void {
    const view = new DataView(new ArrayBuffer(8));
    this.word(data.length);
    for (const value of data) {
      view.setFloat64(0, value);
      const nan = Number.isNaN(value);
      this.word(nan ? 0x7ff80000 : view.getUint32(0));
      this.word(nan ? 0 : view.getUint32(4));
    }
  }

  toString(): string {
    const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, "0");
    return hex(this.#a) + hex(this.#b);
  }
}

/** Feeds every tensor and number among a result's properties, whatever else there is. */
function fold(hash: Hash, result: object): void {
  for (const value of Object.values(result)) {
    if (typeof value === "number") hash.numbers(Float64Array.of(value));
    else if (value?.data instanceof Float64Array) {
      for (const extent of value.shape) hash.word(extent);
      hash.numbers(value.data);
    }
  }
}

/** The operands of a case. */
function drawing(api: Api, { sizes, x = 1, w = 0, specials = [] }: Case) {
  const [nx, na, ny, m, T] = sizes;
  const next = integers(0x5eed + nx + 31 * na + 1009 * m + 7919 * T);
  // 21 random bits and their sign, so that a value scaled far into the subnormal range is still exact.
  const random = (exponent: number, ...shape: number[]): Recurra.Tensor => {
    const scale = power(exponent - 21);
    const value = api.tensor(shape);
    for (let i = 0; i < value.data.length; i++) value.data[i] = (next() >> 10) * scale;
    return value;
  };
  const W = (rows: number, columns: number) => random(w, rows, columns);
  const input = (...shape: number[]): Recurra.Tensor => {
    const value = random(x, ...shape);
    value.data.set(specials.slice(0, value.data.length));
    return value;
  };
  const targets = Array.from({ length: m }, () =>
    Array.from({ length: T }, () => ((next() >>> 8) % (ny + 1)) - 1),
  );
  const gate = () => [W(na, na + nx), W(na, 1)] as const;
  return { random, W, input, targets, gate };
}

type Run = (api: Api, engine: Recurra.Engine, given: Case) => Hash;

/** Every function of RNN and LSTM at one shape. */
const run: Run = (api, engine, given) => {
  const [nx, na, ny, m, T] = given.sizes;
  const { random, W, input, targets, gate } = drawing(api, given);
  const hash = new Hash();

  const rnn = { Wax: W(na, nx), Waa: W(na, na), Wya: W(ny, na), ba: W(na, 1), by: W(ny, 1) };
  const rnnStep = api.rnnCellForward(engine, input(nx, m), random(0, na, m), rnn);
  fold(hash, rnnStep);
  fold(hash, api.rnnCellBackward(engine, random(0, na, m), rnnStep.cache));
  const rnnPass = api.rnnForward(engine, input(nx, m, T), random(0, na, m), rnn);
  fold(hash, rnnPass);
  const rnnLoss = api.softmaxCrossEntropy(engine, rnnPass.caches, targets);
  fold(hash, rnnLoss);
  fold(hash, api.rnnBackward(engine, rnnLoss.da, rnnPass.caches));
  fold(hash, api.rnnBackward(engine, random(0, na, m, T), rnnPass.caches));

  const [[Wf, bf], [Wi, bi], [Wc, bc], [Wo, bo]] = [gate(), gate(), gate(), gate()];
  const lstm = { Wf, bf, Wi, bi, Wc, bc, Wo, bo, Wy: W(ny, na), by: W(ny, 1) };
  const [a0, c0] = [random(0, na, m), random(1, na, m)];
  const lstmStep = api.lstmCellForward(engine, input(nx, m), a0, c0, lstm);
  fold(hash, lstmStep);
  const { ft, it, cct, ot } = lstmStep.cache;
  fold(hash, { ft, it, cct, ot });
  const gradients = [random(0, na, m), random(0, na, m)] as const;
  fold(hash, api.lstmCellBackward(engine, ...gradients, lstmStep.cache));
  const lstmPass = api.lstmForward(engine, input(nx, m, T), a0, lstm, { c0 });
  fold(hash, lstmPass);
  const lstmLoss = api.softmaxCrossEntropy(engine, lstmPass.caches, targets, { reduction: "sum" });
  fold(hash, lstmLoss);
  fold(hash, api.lstmBackward(engine, lstmLoss.da, lstmPass.caches, { dcLast: gradients[0] }));
  const local = { throughTime: false };
  fold(hash, api.lstmBackward(engine, random(0, na, m, T), lstmPass.caches, local));

  for (const made of [rnnStep.cache, rnnPass.caches, lstmStep.cache, lstmPass.caches]) {
    made.dispose();
  }
  return hash;
};

/** Every function of the GRU at one shape. */
const runGru: Run = (api, engine, given) => {
  const [nx, na, ny, m, T] = given.sizes;
  const { random, W, input, targets, gate } = drawing(api, given);
  const hash = new Hash();
  const [[Wu, bu], [Wr, br], [Wc, bc], bch] = [gate(), gate(), gate(), W(na, 1)];
  const gru = { Wu, bu, Wr, br, Wc, bc, bch, Wy: W(ny, na), by: W(ny, 1) };
  const step = api.gruCellForward(engine, input(nx, m), random(0, na, m), gru);
  fold(hash, step);
  const { ut, rt, cct } = step.cache;
  fold(hash, { ut, rt, cct });
  fold(hash, api.gruCellBackward(engine, random(0, na, m), step.cache));
  const pass = api.gruForward(engine, input(nx, m, T), random(0, na, m), gru);
  fold(hash, pass);
  const loss = api.softmaxCrossEntropy(engine, pass.caches, targets);
  fold(hash, loss);
  fold(hash, api.gruBackward(engine, loss.da, pass.caches));
  fold(hash, api.gruBackward(engine, random(0, na, m, T), pass.caches));
  for (const made of [step.cache, pass.caches]) made.dispose();
  return hash;
};

/** What came later has lines of its own: the earlier ones stay as they are. */
const RUNS: readonly { readonly run: Run; readonly suffix: string }[] = [
  { run, suffix: "" },
  { run: runGru, suffix: ", GRU" },
];

/** Language models of small sizes: an embedding, two recurrent parts, two linear layers; scored, and live. */
async function runModel(
  api: Api,
  engine: Recurra.Engine,
  precision: Recurra.Precision,
): Promise<Hash> {
  const next = integers(0x5eed);
  const numbers = (...shape: number[]): Recurra.StoredNumbers => {
    const { data } = api.tensor(shape);
    for (let i = 0; i < data.length; i++) data[i] = (next() >> 10) * power(-22);
    return { shape, data };
  };
  const [V, nx] = [17, 5];
  const part = (cell: "lstm" | "gru", gates: number, inputSize: number, hiddenSize: number) => ({
    name: cell,
    options: { cell, inputSize, hiddenSize },
    weights: {
      weight_ih_l0: numbers(gates * hiddenSize, inputSize),
      weight_hh_l0: numbers(gates * hiddenSize, hiddenSize),
      bias_ih_l0: numbers(gates * hiddenSize),
      bias_hh_l0: numbers(gates * hiddenSize),
    },
  });
  const vocabulary = Object.fromEntries(
    Array.from("abcdefghijklmno😀", (character, id) => [character, id]),
  );
  const model = await api.loadLanguageModel(
    engine,
    {
      format: "safetensors",
      input: { kind: "embedding", name: "embedding", weight: numbers(V, nx) },
      recurrent: [part("lstm", 4, nx, 19), part("gru", 3, 19, 9)],
      dense: [
        { name: "hidden", weight: numbers(13, 9), bias: numbers(13), activation: "tanh" },
        { name: "logits", weight: numbers(V, 13), activation: "identity" },
      ],
      output: "steps",
      metadata: new Map(),
    },
    { precision, vocabulary, unknown: 16 },
  );
  const hash = new Hash();
  const texts = ["a cab", "", "b", "jackdaws love my big sphinx 😀 of quartz", "no😀n", "abcabc"];
  const scores = await model.score(texts, { yieldEvery: 0 });
  for (const { tokenLogProbs, ...sums } of scores) {
    fold(hash, sums);
    hash.numbers(tokenLogProbs);
  }
  const stream = model.stream();
  for (const character of texts[3] ?? "") stream.push(character);
  hash.numbers(stream.next());
  for (const byte of stream.state.toBytes()) hash.word(byte);
  stream.dispose();
  model.dispose();
  return hash;
}

/** One line for each case, `hash  name`, and a last one over them all; then the same of the GRU, and language models. */
export async function golden(api: Api, engine: Recurra.Engine): Promise<string> {
  const parts = RUNS.map(({ run, suffix }) => {
    const all = new Hash();
    const lines = cases.map((each) => {
      const hash = String(run(api, engine, each));
      for (let i = 0; i < hash.length; i += 8) all.word(Number.parseInt(hash.slice(i, i + 8), 16));
      return `${hash}  ${each.name}${suffix}\n`;
    });
    return `${lines.join("")}${all}  all${suffix}\n`;
  });
  for (const precision of ["f64", "f32"] as const) {
    parts.push(`${await runModel(api, engine, precision)}  a language model, ${precision}\n`);
  }
  return parts.join("");
}
