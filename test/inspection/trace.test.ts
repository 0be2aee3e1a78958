import { afterAll, describe, expect, it } from "vitest";
import { AbortedError, createEngineSync, loadLanguageModel } from "../../src/index.js";
import { attribute, trace } from "../../src/inspect.js";
import { type Network, runNetwork } from "../oracle/model.js";
import { logSoftmax } from "../oracle/softmax.js";
import { stencil } from "../oracle/stencil.js";
import { vacancies } from "../support/engines.js";
import { describedOf, LANGUAGE, type ModelPlan, tokensOf } from "../support/models.js";

const engine = createEngineSync();
afterAll(() => engine.dispose());
const text = tokensOf(9, 4);

/** What goes into the lowest layer, row by row. */
function inputsOf({ input }: Network, tokens: readonly number[]): number[][] {
  if (input.kind !== "embedding") {
    return tokens.map((token) => Array.from({ length: input.size }, (_, i) => +(i === token)));
  }
  const n = input.weight.shape[1] as number;
  return tokens.map((token) => [...input.weight.data.subarray(token * n, (token + 1) * n)]);
}

const largest = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - (b[i] as number))));
};

describe.each(LANGUAGE)("$name", (plan) => {
  const description = describedOf(plan);
  const network = description as Network;

  it.each([
    ["f64", 1e-13],
    ["f32", 2e-5],
  ] as const)(
    "trace, %s: states and log-probabilities of the oracle after each step to %f",
    async (precision, bound) => {
      const model = await loadLanguageModel(engine, description, { precision });
      const { tokens, texts, logProbs, layers } = await trace(model, text);
      expect([...tokens]).toEqual(text);
      expect(texts).toEqual([]);
      expect(logProbs[0]).toBeNaN();
      expect([...logProbs.subarray(1)]).toEqual([
        ...(model.scoreSync([text])[0]?.tokenLogProbs ?? []),
      ]);
      text.forEach((_, t) => {
        const { states } = runNetwork(network, text.slice(0, t + 1));
        const flat = states.flat();
        expect(layers).toHaveLength(flat.length);
        layers.forEach(({ hidden, cellState, cell }, l) => {
          const { h, c } = flat[l] as (typeof flat)[number];
          const row = (tensor: typeof hidden) => {
            const n = tensor.shape[1] as number;
            return tensor.data.subarray(t * n, (t + 1) * n);
          };
          expect(largest(row(hidden), h)).toBeLessThan(bound);
          expect(cellState !== undefined).toBe(cell === "lstm");
          if (cellState !== undefined) expect(largest(row(cellState), c)).toBeLessThan(bound);
        });
      });
      model.dispose();
    },
  );

  it("trace: the gates make the states that follow from them, to 1e-13", async () => {
    const model = await loadLanguageModel(engine, description);
    const { layers } = await trace(model, text);
    const parts = network.recurrent.flatMap((part) => Array(part.options.layers ?? 1).fill(part));
    layers.forEach(({ cell, hidden, cellState, gates }, l) => {
      const { options } = parts[l] as Network["recurrent"][number];
      const { hiddenSize: na } = options;
      const before = (data: Float64Array, i: number) => (i < na ? 0 : (data[i - na] as number));
      const gate = (name: string, i: number) => gates[name]?.data[i] as number;
      if (cell === "rnn") expect(gates).toEqual({});
      if (cell === "lstm") {
        expect(Object.keys(gates)).toEqual(["input", "forget", "candidate", "output"]);
        const c = cellState?.data as Float64Array;
        c.forEach((value, i) => {
          const want = gate("forget", i) * before(c, i) + gate("input", i) * gate("candidate", i);
          expect(Math.abs(value - want)).toBeLessThan(1e-13);
        });
        if (options.projectionSize !== undefined || options.activations !== undefined) return;
        hidden.data.forEach((value, i) => {
          const want = gate("output", i) * Math.tanh(c[i] as number);
          expect(Math.abs(value - want)).toBeLessThan(1e-13);
        });
      }
      if (cell === "gru") {
        expect(Object.keys(gates)).toEqual(["reset", "update", "candidate"]);
        hidden.data.forEach((value, i) => {
          const [z, n] = [gate("update", i), gate("candidate", i)];
          const want = (1 - z) * n + z * before(hidden.data, i);
          expect(Math.abs(value - want)).toBeLessThan(1e-13);
          expect(gate("reset", i) > 0 && gate("reset", i) < 1).toBe(true);
        });
      }
    });
    model.dispose();
  });

  it("attribute, f32: the gradients of an f64 model to 1e-6: only sums of biases are rounded", async () => {
    const single = await loadLanguageModel(engine, description, { precision: "f32" });
    const double = await loadLanguageModel(engine, description);
    // Each number of the description is one of f32; sums of two biases are rounded.
    const [got, want] = [await attribute(single, text), await attribute(double, text)];
    expect(got.target).toBe(want.target);
    expect(Math.abs(got.logProb - want.logProb)).toBeLessThan(1e-6);
    expect(largest(got.gradients.data, want.gradients.data)).toBeLessThan(1e-6);
    single.dispose();
    double.dispose();
  });

  it("attribute: the gradient of every input, against four-point differences of the oracle to 1e-9", async () => {
    const model = await loadLanguageModel(engine, description);
    const x = inputsOf(network, text);
    const nx = (x[0] as number[]).length;
    const at = { shape: [text.length, nx], data: Float64Array.from(x.flat()) };
    const rows = () => text.map((_, t) => [...at.data.subarray(t * nx, (t + 1) * nx)]);
    const logProbs = () =>
      logSoftmax(runNetwork(network, rows(), { logits: true }).steps.at(-1) as number[]);
    for (const target of [undefined, 7]) {
      const got = await attribute(model, text, target === undefined ? {} : { target });
      const all = logProbs();
      const id = target ?? all.indexOf(Math.max(...all));
      expect(got.target).toBe(id);
      expect(Math.abs(got.logProb - (all[id] as number))).toBeLessThan(1e-12);
      const want = stencil(() => logProbs()[id] as number, at);
      expect(got.gradients.shape).toEqual([text.length, nx]);
      expect(largest(got.gradients.data, want.data)).toBeLessThan(1e-9);
      const products = text.map((_, t) =>
        want.data
          .subarray(t * nx, (t + 1) * nx)
          .reduce((sum, d, j) => sum + d * (at.data[t * nx + j] as number), 0),
      );
      expect(largest(got.gradientTimesInput, products)).toBeLessThan(1e-8);
    }
    model.dispose();
  });
});

describe("a vocabulary, a start token, careless calls", () => {
  const described = describedOf(LANGUAGE[2] as ModelPlan);
  const vocabulary = [..."abcdefghijk"];

  it("texts stand beside the ids, and the start token comes first", async () => {
    const model = await loadLanguageModel(engine, described, { vocabulary, start: "k" });
    const traced = await trace(model, "bad");
    expect(traced.texts).toEqual(["k", "b", "a", "d"]);
    const { logProb } = model.scoreSync(["bad"])[0] as { logProb: number };
    expect(traced.logProbs.subarray(1).reduce((a, b) => a + b)).toBe(logProb);
    const explained = await attribute(model, "ba", { target: "d" });
    expect(explained.texts).toEqual(["k", "b", "a"]);
    expect(explained.target).toBe(3);
    expect(explained.logProb).toBe(traced.logProbs[3]);
    expect((await attribute(model, "")).tokens).toEqual(Int32Array.of(10));
    model.dispose();
  });

  it("an empty sequence has a trace of no steps", async () => {
    const model = await loadLanguageModel(engine, described);
    const { layers, logProbs } = await trace(model, []);
    expect(logProbs).toHaveLength(0);
    expect(layers[0]?.hidden.shape).toEqual([0, 7]);
    model.dispose();
  });

  it("says what is wrong, and leaves nothing behind", async () => {
    const own = createEngineSync();
    const model = await loadLanguageModel(own, described, { vocabulary });
    const single = await loadLanguageModel(own, described, { precision: "f32" });
    await attribute(model, "ab");
    await attribute(single, [0]);
    const empty = vacancies(own);
    await trace(model, "abcdefg");
    await attribute(model, "abcdefg");
    await attribute(single, tokensOf(7, 2));
    expect(vacancies(own)).toEqual(empty);
    const { signal } = new AbortController();
    await expect(trace(model, "ab", { signal, steps: 3 } as never)).rejects.toThrow('"steps"');
    const aborted = AbortSignal.abort(new Error("no"));
    await expect(trace(model, "ab", { signal: aborted })).rejects.toThrow(AbortedError);
    await expect(trace(model, "aß")).rejects.toThrow('trace: sequence: "ß"');
    await expect(attribute(model, "")).rejects.toThrow("context: expected at least one token");
    await expect(attribute(model, "a", { target: 11 })).rejects.toThrow("target: expected an id");
    await expect(trace(own as never, [1])).rejects.toThrow("expected a model of loadLanguageModel");
    model.dispose();
    await expect(trace(model, [1])).rejects.toThrow("the model is disposed");
    own.dispose();
  });
});
