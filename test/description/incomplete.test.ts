import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import {
  createEngineSync,
  loadLanguageModel,
  loadTagger,
  type ModelDescription,
} from "../../src/index.js";
import { vacancies } from "../support/engines.js";
import { describedOf, type ModelPlan } from "../support/models.js";

// Every part of a description, one by one, is replaced by everything that it is not. What is thrown says where.

const engine = createEngineSync();
const plan: ModelPlan = {
  name: "all parts",
  size: 5,
  input: "embedding",
  parts: [
    { cell: "lstm", hiddenSize: 3, activations: ["sigmoid", "tanh", { name: "elu", alpha: 1 }] },
    {
      cell: "gru",
      hiddenSize: 2,
      bidirectional: true,
      merge: "sum",
      layerNorm: 0.1,
      residual: true,
    },
  ],
  dense: [
    [3, { name: "leakyRelu", alpha: 0.1 }],
    [5, "softmax"],
  ],
};
const files: [string, ModelDescription][] = [
  ["with an embedding", describedOf(plan)],
  ["of features", describedOf({ ...plan, input: "features" })],
  ["of one-hot vectors", describedOf({ ...plan, input: "one-hot" })],
];

type Path = readonly string[];

/** Every place of a description, but single numbers of weights and what metadata hold. */
function* places(value: unknown, path: Path = []): Generator<Path> {
  yield path;
  if (typeof value !== "object" || value === null) return;
  if (ArrayBuffer.isView(value) || value instanceof Map) return;
  for (const [key, each] of Object.entries(value)) yield* places(each, [...path, key]);
}

/** A copy with something else in one place. */
function replaced(value: unknown, [key, ...rest]: Path, by: unknown): unknown {
  if (key === undefined) return by;
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<
    string,
    unknown
  >;
  copy[key] = replaced(copy[key], rest, by);
  return copy;
}

const OTHERS: readonly unknown[] = [
  ...[undefined, null, 0, -1, 0.5, 2 ** 53, Number.NaN, "", "x", true, () => 5, Symbol("s"), 5n],
  ...[[], {}, [null], { name: null }, new Float64Array(0), new Map(), Object.create(null)],
];

/** What an error of this package begins with: the function, or the reader of a part. */
const PLACE = /^(loadLanguageModel|loadTagger|load|createRecurrent|metadata|linear memory): \S/;

describe.each(files)("a description %s", (_, file) => {
  it.each([loadLanguageModel, loadTagger])(
    "%o: whatever stands in whatever place, the error is of this package",
    async (load) => {
      const before = vacancies(engine);
      const faults: string[] = [];
      for (const path of places(file)) {
        for (const other of OTHERS) {
          const made = load(engine, replaced(file, path, other) as ModelDescription);
          const error = await made.then(
            (opened) => opened.dispose(),
            (thrown: unknown) => thrown,
          );
          if (error === undefined) continue;
          const said = error instanceof Error ? error.message : "no error";
          if (!PLACE.test(said)) faults.push(`${path.join(".")}: ${inspect(other)}: ${said}`);
        }
      }
      expect(faults).toEqual([]);
      expect(vacancies(engine)).toEqual(before);
    },
  );
});
