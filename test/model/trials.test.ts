import { afterAll, describe, expect, it } from "vitest";
import type { PytorchNames } from "../../src/formats/safetensors.js";
import {
  createEngineSync,
  loadLanguageModel,
  loadTagger,
  ModelFormatError,
  ShapeError,
  type TaggerOptions,
  verifyModel,
} from "../../src/index.js";
import { expectError, expectRejection } from "../support/errors.js";
import { caseBytes, caseDescription, caseReference } from "../support/verify_cases.js";

// Models that users brought, which loaded and computed something else than PyTorch had: each is refused now, or the wrong
// guess is among its assumptions and the verification fails.

const engine = createEngineSync();
afterAll(() => engine.dispose());

async function verified(name: string, options: TaggerOptions = {}, names: PytorchNames = {}) {
  const tagger = await loadTagger(engine, caseDescription(name, names), options);
  const { assumptions } = tagger;
  const result = await verifyModel(tagger, caseReference(name)).finally(() => tagger.dispose());
  return { assumptions, ...result };
}

const openGraph =
  "export the model to ONNX by torch.onnx.export and run it by openGraph of recurra/onnx";

describe("a stack with a residual connection", () => {
  const question = `these tensors fit several networks; they do not say whether the output of "lstm1" and "lstm2" is added to another one (a residual connection): pass { residual: false } if it is not; if it is, ${openGraph}`;

  it("is asked about", async () => {
    expectError(
      () => caseDescription("residual"),
      ModelFormatError,
      `describeSafetensors: ${question}`,
    );
    const loaded = loadTagger(engine, caseBytes("residual"));
    await expectRejection(loaded, ModelFormatError, `describeSafetensors: ${question}`);
    await expect(loaded).rejects.toMatchObject({ code: "ambiguous" });
  });

  it("is refused where the answer is that there is one", () => {
    const call = () => caseDescription("residual", { residual: true });
    const message = `describeSafetensors: residual: expected false: state residual connections in recurra.network, or ${openGraph}`;
    expectError(call, ModelFormatError, message);
  });

  it("fails the verification after a wrong answer, by more than 0.05", async () => {
    const result = await verified("residual", { output: "steps" }, { residual: false });
    expect(result.passed).toBe(false);
    expect(result.worst.error).toBeGreaterThan(0.05);
  });

  it("around the only module: assumed to be absent, and the verification fails", async () => {
    const result = await verified("residual-alone");
    expect(result.assumptions[0]).toMatch(
      /^network: It is "lstm" and "head", .*residual connection\.$/,
    );
    expect(result.passed).toBe(false);
    expect(result.worst.error).toBeGreaterThan(0.1);
  });
});

describe("the mean or the maximum over the steps", () => {
  it.each(["mean", "max", "last"] as const)(
    "%s read as every step's output: an assumption, and no verification",
    async (name) => {
      const tagger = await loadTagger(engine, caseBytes(name));
      expect(tagger.output).toBe("steps");
      expect(tagger.assumptions).toContain(
        'output: one for every step; "last", "mean" and "max" are the alternatives.',
      );
      const message =
        'verifyModel: reference.outputs[0]: expected (T, ny) = (5, 2), got (2,); this model has an output for every step: load it with { output: "last" }, "mean" or "max" if yours has one a sequence';
      await expectRejection(verifyModel(tagger, caseReference(name)), ShapeError, message);
      tagger.dispose();
    },
  );

  it.each(["mean", "max", "last"] as const)("%s, told: PyTorch's numbers to 1e-6", async (name) => {
    for (const output of ["last", "mean", "max"] as const) {
      const { assumptions, passed, worst } = await verified(name, { output });
      expect(passed).toBe(output === name);
      if (output === name) expect(worst.error).toBeLessThan(1e-6);
      else expect(worst.error).toBeGreaterThan(0.01);
      expect(worst.step).toBeUndefined();
      expect(assumptions.some((each) => each.startsWith("output: "))).toBe(false);
    }
    const said = caseDescription(name, { pooling: name });
    expect(said.output).toBe(name);
    expect(said.assumptions?.some((each) => each.startsWith("output: "))).toBe(false);
  });

  it("every step's output read as one a sequence: no verification", async () => {
    const message =
      'verifyModel: reference.outputs[0]: expected (ny) = (2,), got (5, 2); this model has one output a sequence, "mean": load it with { output: "steps" } if yours has one for every step';
    await expectRejection(verified("steps", { output: "mean" }), ShapeError, message);
  });
});

describe("a head of two linear layers", () => {
  it("is not read at all without names", () => {
    const error = () => caseDescription("deep-head");
    expectError(
      error,
      ModelFormatError,
      '… got "fc2.weight" (2, 6) and "fc2.bias" (2,); if "fc2" is a linear layer, pass { output: [{ name: "fc1", activation: "relu" }, "fc2"] } with the activation that lies between; …',
    );
  });

  it("is asked about: the activation between them", () => {
    const call = () => caseDescription("deep-head", { output: ["fc1", "fc2"] });
    expectError(
      call,
      ModelFormatError,
      'describeSafetensors: these tensors fit several networks; they do not say which activation follows "fc1": pass { output: [{ name: "fc1", activation: "relu" }, …] } ("identity" for none; …tanh…)',
    );
  });

  it.each([
    ["relu", true],
    ["identity", false],
    ["tanh", false],
  ] as const)("with %s the verification passes: %s", async (activation, passed) => {
    const output = [{ name: "fc1", activation }, "fc2"] as const;
    const result = await verified("deep-head", { output: "steps" }, { output });
    expect(result.passed).toBe(passed);
    if (!passed) expect(result.worst.error).toBeGreaterThan(0.01);
  });

  it("as a tagger its output is asked about, too", async () => {
    const output = [{ name: "fc1", activation: "relu" }, "fc2"] as const;
    const loaded = loadTagger(engine, caseDescription("deep-head", { output }));
    const message =
      'loadTagger: output: the file does not say whether each step has an output or each sequence one: pass { output: "steps" }, "last", "mean" or "max", as in training';
    await expectRejection(loaded, ModelFormatError, message);
    await expect(loaded).rejects.toMatchObject({ code: "ambiguous" });
    const stated = caseDescription("deep-head", { output, pooling: "step" });
    const tagger = await loadTagger(engine, stated);
    expect(tagger.output).toBe("steps");
    tagger.dispose();
  });
});

describe("a LayerNorm", () => {
  it("is refused, and the message says how such a model runs and what ignoring it costs", () => {
    const message = `describeSafetensors: "norm.weight": expected no tensors outside of the network, got "norm.weight" (4,) and "norm.bias" (4,); assign them by recurrent, embedding or output; if they are of another kind (a normalisation, attention, a convolution), ${openGraph}; others: "ignore" leaves them out, and the outputs are wrong unless the network does without them`;
    expectError(() => caseDescription("layer-norm"), ModelFormatError, message);
  });

  it("ignored, it is an assumption, and the verification fails by more than 0.5", async () => {
    const { assumptions, passed, worst } = await verified("layer-norm", {}, { others: "ignore" });
    expect(assumptions.at(-1)).toBe(
      'others: "norm.weight" (4,) and "norm.bias" (4,) are ignored; whatever they compute is missing.',
    );
    expect(passed).toBe(false);
    expect(worst.error).toBeGreaterThan(0.5);
  });
});

describe("an RNN with relu", () => {
  it("read as one with tanh: an assumption, and the verification fails", async () => {
    const { assumptions, passed } = await verified("relu");
    expect(assumptions).toContain('nonlinearity: tanh in "rnn"; "relu" is the alternative.');
    expect(passed).toBe(false);
  });

  it("told: PyTorch's numbers to 1e-6, and nothing is assumed of it", async () => {
    const { assumptions, worst } = await verified("relu", {}, { nonlinearity: "relu" });
    expect(assumptions.some((each) => each.startsWith("nonlinearity: "))).toBe(false);
    expect(worst.error).toBeLessThan(1e-6);
  });
});

describe("plain models", () => {
  it("load as they are, with what is assumed: PyTorch's numbers to 1e-6", async () => {
    const { assumptions, worst } = await verified("steps");
    expect(worst.error).toBeLessThan(1e-6);
    expect(assumptions).toEqual([
      'network: It is "gru" and "head", from the input up, and nothing else: no activation between them, no normalisation, attention or a residual connection.',
      'network: "gru" computes as nn.GRU, with gates in the order r, z, n and the reset gate after the recurrent product (ONNX: linear_before_reset = 1).',
      "network: Every sequence begins with a state of zeros and is read from its first step on; batch_first changes the order of axes only.",
      'input: 3 numbers a step; "one-hot" is the alternative.',
      'output: one for every step; "last", "mean" and "max" are the alternatives.',
      'activation: none after "head"; "softmax" and "logSoftmax" are among the alternatives.',
    ]);
  });

  it("an option of the loader ends an assumption", async () => {
    const { assumptions } = await verified("steps", {
      output: "steps",
      activation: "identity",
      input: "features",
    });
    expect(assumptions.map((each) => each.split(":")[0])).toEqual([
      "network",
      "network",
      "network",
    ]);
  });

  it.each(["language", "language-log"])("%s: log-probabilities to 1e-6", async (name) => {
    const model = await loadLanguageModel(engine, caseBytes(name));
    const { passed, worst, elements } = await verifyModel(model, caseReference(name));
    expect([passed, elements]).toEqual([true, 3 * 6 * 7]);
    expect(worst.error).toBeLessThan(1e-6);
    expect(model.assumptions.map((each) => each.split(":")[0])).toEqual([
      ...["network", "network", "network"],
      ...["output", "activation"],
    ]);
    model.dispose();
  });

  it("the same as taggers: logits, or what a log-softmax makes of them", async () => {
    expect((await verified("language")).passed).toBe(true);
    expect((await verified("language-log")).passed).toBe(false);
    expect((await verified("language-log", { activation: "logSoftmax" })).passed).toBe(true);
  });
});

describe("an architecture that the file states", () => {
  it("nothing is assumed, nothing asked: the mean, to 1e-6", async () => {
    expect(caseDescription("stated")).toMatchObject({ output: "mean", assumptions: [] });
    const { assumptions, worst } = await verified("stated");
    expect(assumptions).toEqual([]);
    expect(worst.error).toBeLessThan(1e-6);
  });
});
