import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { writeModel } from "../../src/formats/safetensors.js";
import {
  createEngineSync,
  type LanguageModel,
  loadLanguageModel,
  loadTagger,
  type ModelDescription,
  ModelFormatError,
  type ModelSource,
} from "../../src/index.js";
import { vacancies } from "../support/engines.js";
import { expectRejection } from "../support/errors.js";
import { describedOf, LANGUAGE, type ModelPlan, textsOf } from "../support/models.js";

const engine = createEngineSync();
const described = describedOf(LANGUAGE[0] as ModelPlan);
const bytes = Uint8Array.from(writeModel(described));
const texts = textsOf([20, 3]);

const load = (source: unknown): Promise<LanguageModel> =>
  loadLanguageModel(engine, source as ModelSource);

describe("the bytes of a model", () => {
  const foreign = runInNewContext("(all) => Uint8Array.from(all)")(bytes);
  it.each([
    ["a Response", () => new Response(bytes)],
    ["a Blob", () => new Blob([bytes])],
    ["an ArrayBuffer", () => bytes.buffer],
    ["a Buffer", () => Buffer.from(bytes)],
    ["a Uint8Array of another realm", () => foreign],
    ["an ArrayBuffer of another realm", () => foreign.buffer],
    [
      "a SharedArrayBuffer",
      () => {
        const shared = new SharedArrayBuffer(bytes.length);
        new Uint8Array(shared).set(bytes);
        return shared;
      },
    ],
  ])("%s", async (_, source) => {
    const [model, want] = [await load(source()), await load(described)];
    expect(model.hash).toBe(want.hash);
    expect(model.scoreSync(texts)).toEqual(want.scoreSync(texts));
    for (const made of [model, want]) made.dispose();
  });

  it("a response that failed, or was read, and what gives no bytes", async () => {
    const places = vacancies(engine);
    const read = new Response(bytes);
    await read.arrayBuffer();
    const gone = bytes.buffer.slice();
    const view = new Uint8Array(gone);
    structuredClone(gone, { transfer: [gone] });
    const cases: [unknown, string][] = [
      [new Response("no such file", { status: 404 }), "…404"],
      [read, "…"],
      [{ arrayBuffer: () => Promise.reject(new Error("the net is down")) }, "…the net is down"],
      [{ arrayBuffer: () => "bytes" }, "…got string"],
      [gone, "…detached…"],
      [view, "…"],
    ];
    for (const [source, message] of cases) {
      for (const call of [loadLanguageModel, loadTagger]) {
        const made = call(engine, source as ModelSource);
        await expectRejection(made, TypeError, `${call.name}: model: ${message}`);
      }
    }
    expect(vacancies(engine)).toEqual(places);
  });
});

describe("numbers beyond the range of f32", () => {
  const [part] = described.recurrent;
  const [head] = described.dense;
  const { input } = described;
  if (part === undefined || head === undefined || input.kind !== "embedding") throw new Error();
  type Numbers = (typeof head)["weight"];
  /** The second number is replaced. */
  const withNumber = (number: number, { shape, data }: Numbers): Numbers => {
    const own = Float64Array.from(data);
    own[1] = number;
    return { shape, data: own };
  };
  const places = (number: number): [string, ModelDescription][] => [
    [
      "embedding.weight",
      { ...described, input: { ...input, weight: withNumber(number, input.weight) } },
    ],
    ...["weight_ih_l0", "bias_hh_l0"].map((name): [string, ModelDescription] => {
      const weight = withNumber(number, part.weights[name] as Numbers);
      const weights = { ...part.weights, [name]: weight };
      return [`part0.${name}`, { ...described, recurrent: [{ ...part, weights }] }];
    }),
    [
      "dense0.weight",
      { ...described, dense: [{ ...head, weight: withNumber(number, head.weight) }] },
    ],
    [
      "dense0.bias",
      { ...described, dense: [{ ...head, bias: withNumber(number, head.bias as Numbers) }] },
    ],
  ];
  // The largest double that rounds to the largest float32, and the next one.
  const [largest, next] = [3.4028235677973362e38, 3.4028235677973366e38];

  it.each(places(-next))("%s: refused, and the tensor is named", async (tensor, description) => {
    const before = vacancies(engine);
    for (const call of [loadLanguageModel, loadTagger]) {
      const made = call(engine, description, { precision: "f32" });
      await expectRejection(
        made,
        ModelFormatError,
        `${call.name}: "${tensor}": element 1: expected a number within the range of f32, got -${next}`,
      );
      await expect(made).rejects.toMatchObject({ code: "not-finite", tensor });
      // Doubles hold it.
      (await call(engine, description)).dispose();
    }
    expect(vacancies(engine)).toEqual(before);
  });

  it("the largest that has a place there is taken, and so is ∞ itself", async () => {
    for (const number of [largest, -largest, Infinity, Number.NaN, 5e-324]) {
      for (const [, description] of places(number)) {
        (await loadTagger(engine, description, { precision: "f32" })).dispose();
      }
    }
  });
});
