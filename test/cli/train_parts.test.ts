import { afterEach, describe, expect, it, vi } from "vitest";
import { historyData } from "../../src/cli/report/history_part.js";
import { textNetwork, textTraining } from "../../src/cli/train/defaults.js";
import { drawWeights } from "../../src/cli/train/first_weights.js";
import { LiveLine } from "../../src/cli/train/live_line.js";
import { splitText } from "../../src/cli/train/text_file.js";
import { createEngineSync } from "../../src/index.js";
import { createTrainable } from "../../src/train/trainable.js";

// Parts of recurra train and report that a run shows too slowly, or not at all.

describe("first weights by fan-in", () => {
  using engine = createEngineSync();
  const net = createTrainable(engine, {
    input: { tokens: 50, embedding: 20 },
    recurrent: { cell: "lstm", hiddenSize: 40, layers: 2 },
    output: { size: 50 },
  });
  drawWeights(net, 3, true);
  const weights = net.weights();
  const drawn = (name: string): Float64Array => weights[name]?.data ?? new Float64Array();

  it.each([
    ["embedding.weight", 1],
    ["recurrent.weight_ih_l0", Math.sqrt(3 / 60)],
    ["recurrent.weight_hh_l0", Math.sqrt(3 / 60)],
    ["recurrent.weight_ih_l1", Math.sqrt(3 / 80)],
    ["output.weight", Math.sqrt(3 / 40)],
  ])("%s: uniform in ±%f: within it, the variance by 10 %%", (name, bound) => {
    const data = drawn(name);
    expect(data.every((x) => Math.abs(x) <= bound)).toBe(true);
    const variance = data.reduce((sum, x) => sum + x * x, 0) / data.length;
    expect(Math.abs(variance / (bound ** 2 / 3) - 1)).toBeLessThan(0.1);
  });

  it("biases are 0, those of the forget gates sum up to 1", () => {
    for (const layer of ["l0", "l1"]) {
      const ih = drawn(`recurrent.bias_ih_${layer}`);
      expect(ih.every((x, i) => x === (i >= 40 && i < 80 ? 1 : 0))).toBe(true);
      expect(drawn(`recurrent.bias_hh_${layer}`).every((x) => x === 0)).toBe(true);
    }
    expect(drawn("output.bias").every((x) => x === 0)).toBe(true);
  });
});

describe("the live line without a terminal", () => {
  afterEach(() => vi.restoreAllMocks());

  it("a line every ten seconds: step, loss, validation, speed and time left", () => {
    const written: string[] = [];
    vi.spyOn(process.stderr, "write").mockImplementation((text) => {
      written.push(String(text));
      return true;
    });
    let time = 0;
    const line = new LiveLine({ steps: 1500, from: 0, unit: "rows", now: () => time });
    for (let step = 1; step <= 250; step++) {
      time += 100;
      const report = { step, epoch: 0, loss: 2, tokens: 50, gradientNorm: 1, learningRate: 1 };
      line.show(step === 50 ? { ...report, validation: 3 } : report);
    }
    line.end();
    expect(written).toEqual([
      "recurra: step 100 of 1,500 · loss 2.000 · validation 3.000 · 500 rows/s · 2 min 20 s left\n",
      "recurra: step 200 of 1,500 · loss 2.000 · validation 3.000 · 500 rows/s · 2 min 10 s left\n",
    ]);
  });
});

describe("the history of a report", () => {
  const line = (step: number) => ({
    step,
    epoch: 0,
    loss: step,
    gradientNorm: 2 * step,
    learningRate: 0.1,
    ...(step % 1000 === 0 ? { validation: step / 10 } : {}),
  });

  it("a short one as it is, a long one as means, with every validation", () => {
    const lines = Array.from({ length: 5000 }, (_, i) => line(i + 1));
    const short = historyData(lines.slice(0, 3));
    expect(short).toMatchObject({
      step: [1, 2, 3],
      loss: [1, 2, 3],
      validation: [null, null, null],
    });
    const long = historyData(lines);
    expect(long?.step).toHaveLength(1667);
    expect([long?.step[0], long?.loss[0], long?.gradientNorm[0]]).toEqual([3, 2, 4]);
    expect(long?.validation.filter((each) => each !== null)).toEqual([100, 200, 300, 400, 500]);
    expect(historyData([])).toBeUndefined();
  });
});

describe("the cut between training and validation", () => {
  it("follows a line's end, and never halves a character", () => {
    expect(splitText("abc\ndef\nghij", 0.3)).toEqual({ train: "abc\ndef\n", validation: "ghij" });
    expect(splitText("abcdefghij", 0.3)).toEqual({ train: "abcdefg", validation: "hij" });
    expect(splitText("\u{1f600}".repeat(5), 0.3)).toEqual({
      train: "\u{1f600}".repeat(3),
      validation: "\u{1f600}".repeat(2),
    });
  });
});

describe("defaults", () => {
  it("more text: more units; a long one is read once, a short one up to 40 times", () => {
    const of = (tokens: number) => {
      const size = { tokens, vocabulary: 80, isCharacters: true, validated: 50_000 };
      const network = textNetwork({ out: "" }, size);
      const { steps, batchSize, sequenceLength } = textTraining({ out: "" }, size, network);
      return [network.hiddenSize, Math.round((steps * batchSize * sequenceLength) / tokens)];
    };
    expect([1_000, 100_000, 2_000_000, 20_000_000].map(of)).toEqual([
      [64, 40],
      [128, 40],
      [192, 4],
      [256, 1],
    ]);
  });
});
