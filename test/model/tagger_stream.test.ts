import { describe, expect, it } from "vitest";
import {
  createEngineSync,
  loadTagger,
  ModelFormatError,
  ShapeError,
  StateError,
  type Tagger,
  type TaggerOptions,
  type TaggerStream,
  tagAll,
} from "../../src/index.js";
import { coreOf } from "../../src/wasm/engine.js";
import { runDescribed } from "../oracle/model.js";
import { vacancies } from "../support/engines.js";
import { expectError, expectRejection, saying } from "../support/errors.js";
import { describedOf, LANGUAGE, type ModelPlan, textsOf } from "../support/models.js";
import { randomTensor, uniform } from "../support/random.js";

const engine = createEngineSync();
const nx = 3;
const features = { size: nx, input: "features" } as const;

const PLANS: readonly ModelPlan[] = [
  {
    name: "rnn over features",
    ...features,
    dense: [[4, "identity"]],
    parts: [{ cell: "rnn", hiddenSize: 5 }],
  },
  {
    name: "lstm of two layers over features, softmax",
    ...features,
    dense: [[4, "softmax"]],
    parts: [{ cell: "lstm", hiddenSize: 7, layers: 2 }],
  },
  {
    name: "gru below a projected lstm, tanh, logSoftmax",
    ...features,
    dense: [
      [6, "tanh"],
      [3, "logSoftmax"],
    ],
    parts: [
      { cell: "gru", hiddenSize: 4 },
      { cell: "lstm", hiddenSize: 6, projectionSize: 2 },
    ],
  },
  {
    name: "no linear layer",
    ...features,
    dense: [],
    parts: [{ cell: "gru", hiddenSize: 4, layers: 2 }],
  },
  {
    name: "one output for the sequence, from the last step",
    ...features,
    dense: [[2, "softmax"]],
    output: "last",
    parts: [{ cell: "lstm", hiddenSize: 5 }],
  },
  {
    name: "LayerNorm and residuals over features",
    ...features,
    dense: [[2, "identity"]],
    output: "last",
    parts: [
      { cell: "lstm", hiddenSize: nx, residual: true, layerNorm: true },
      { cell: "gru", hiddenSize: 4, layers: 2, residual: true },
    ],
  },
  ...LANGUAGE.filter((_, i) => i % 4 === 0),
];
const plan = PLANS[1] as ModelPlan;
const described = describedOf(plan);
const classes = ["a", "b", "c", "d"];

const rowsOf = (count: number, seed: number): number[][] => {
  const { data } = randomTensor(uniform(seed), count, nx);
  return Array.from({ length: count }, (_, t) => [...data.subarray(t * nx, (t + 1) * nx)]);
};
const sequenceOf = ({ input, size }: ModelPlan, count: number, seed: number) =>
  input === "features" ? rowsOf(count, seed) : (textsOf([count], seed, size)[0] as number[]);
const tagOf = (tagger: Tagger, sequence: readonly (number | readonly number[])[]) => {
  const isTokens = typeof sequence[0] === "number";
  const data = Float64Array.from(sequence.flat());
  const given = isTokens ? (sequence as number[]) : { shape: [sequence.length, nx], data };
  return tagger.tagSync([given])[0];
};

describe.each(["f64", "f32"] as const)("a tagger's stream, %s", (precision) => {
  it.each(PLANS)("$name: push gives the bits of tagSync, step by step", async (plan) => {
    const tagger = await loadTagger(engine, describedOf(plan), { precision });
    const stream = tagger.stream();
    const sequence = sequenceOf(plan, 7, 3);
    const ny = tagger.outputSize;
    sequence.forEach((step, t) => {
      const got = stream.push(step);
      const whole = tagOf(tagger, sequence.slice(0, t + 1));
      const row = plan.output === "last" ? 0 : t;
      expect([...got.values]).toEqual([...(whole?.values.data.slice(row * ny).slice(0, ny) ?? [])]);
      expect(got.class).toBe(whole?.classes[row]);
      expect(Object.keys(got)).toEqual(["values", "class"]);
    });
    stream.reset();
    const again = tagOf(tagger, sequence.slice(0, 1));
    expect([...stream.push(sequence[0] as number).values]).toEqual([...(again?.values.data ?? [])]);
    tagger.dispose();
  });

  // Below, at and above a tile of rows and the streams that are computed together.
  it.each(PLANS)("$name: tagAll of 1 to 65 streams gives the bits of push", async (plan) => {
    const tagger = await loadTagger(engine, describedOf(plan), { precision });
    for (const count of [1, 3, 4, 5, 64, 65]) {
      const [all, alone] = [0, 1].map(() => Array.from({ length: count }, () => tagger.stream()));
      for (let t = 0; t < 3; t++) {
        const steps = sequenceOf(plan, count, 5 + t);
        const { values, classes } = tagAll(tagger, all as TaggerStream[], steps as number[]);
        const want = alone?.map((stream, i) => stream.push(steps[i] as number));
        expect(values.shape).toEqual([count, tagger.outputSize]);
        expect([...values.data]).toEqual(want?.flatMap((each) => [...each.values]));
        expect([...classes]).toEqual(want?.map((each) => each.class));
      }
      expect(all?.map(({ state }) => state.toBytes())).toEqual(
        alone?.map(({ state }) => state.toBytes()),
      );
      for (const stream of [...(all ?? []), ...(alone ?? [])]) stream.dispose();
    }
    tagger.dispose();
  });
});

it("the oracle's values to 1e-13, f64", async () => {
  for (const plan of PLANS) {
    const description = describedOf(plan);
    const tagger = await loadTagger(engine, description);
    const stream = tagger.stream();
    const sequence = sequenceOf(plan, 6, 11);
    sequence.forEach((step, t) => {
      const want = runDescribed(description, sequence.slice(0, t + 1)).at(-1) as number[];
      const { values } = stream.push(step);
      want.forEach((value, j) => {
        expect(Math.abs((values[j] as number) - value)).toBeLessThan(1e-13);
      });
    });
    tagger.dispose();
  }
});

describe("state", () => {
  it("fork, toBytes and fromBytes go on with the same bits; labels are named", async () => {
    const tagger = await loadTagger(engine, described, { classes });
    const twin = await loadTagger(createEngineSync(), described);
    const [stream, other] = [tagger.stream(), twin.stream()];
    const rows = rowsOf(9, 2);
    for (const row of rows.slice(0, 5)) stream.push(row);
    const fork = stream.fork();
    other.state.fromBytes(stream.state.toBytes());
    for (const row of rows.slice(5)) {
      const got = stream.push(row);
      expect(fork.push(Float64Array.from(row))).toEqual(got);
      expect(other.push(row).values).toEqual(got.values);
      expect(got.label).toBe(classes[got.class]);
    }
    tagger.dispose();
    twin.dispose();
  });

  it("bytes of another tagger, or of the same network with another normalisation, are refused", async () => {
    const normalisation = { mean: [1, 2, 3], scale: [1, 2, 4] };
    const tagger = await loadTagger(engine, described);
    const scaled = await loadTagger(engine, described, { normalisation });
    const bytes = tagger.stream().state.toBytes();
    expectError(
      () => scaled.stream().state.fromBytes(bytes),
      StateError,
      "fromBytes: the state of another model…",
    );
    const damaged = bytes.slice();
    damaged[40] = (damaged[40] as number) ^ 1;
    expectError(
      () => tagger.stream().state.fromBytes(damaged),
      ModelFormatError,
      "fromBytes: the state is damaged…",
    );
    tagger.dispose();
    scaled.dispose();
  });

  it("2,000 pushes allocate nothing in linear memory; all of it is given back", async () => {
    const own = createEngineSync();
    const cycle = async (): Promise<unknown> => {
      const tagger = await loadTagger(own, described);
      const stream = tagger.stream();
      const fork = stream.fork();
      tagAll(tagger, [stream, fork], rowsOf(2, 1));
      const { arena } = coreOf(own);
      const allocate = arena.allocate.bind(arena);
      let count = 0;
      arena.allocate = (bytes) => {
        count++;
        return allocate(bytes);
      };
      for (let i = 0; i < 1000; i++) {
        stream.push([1, 2, i]);
        tagAll(tagger, [stream, fork], rowsOf(2, i));
      }
      expect(count).toBe(0);
      arena.allocate = allocate;
      stream.dispose();
      tagger.dispose();
      fork.dispose();
      return vacancies(own);
    };
    const places = await cycle();
    expect(await cycle()).toEqual(places);
  });
});

describe("normalisation and names in the metadata", () => {
  const normalisation = { mean: [0.5, -1, 2], scale: [2, 0.25, 3] };
  const targetNormalisation = { mean: [10, 20, 30, 40], scale: [1, 2, 3, 4] };
  const metadata = new Map(
    Object.entries({ normalisation, targetNormalisation, classes }).map(([name, value]) => [
      name,
      JSON.stringify(value),
    ]),
  );
  const open = (pairs: Record<string, string>, options: TaggerOptions = {}) =>
    loadTagger(engine, { ...described, metadata: new Map(Object.entries(pairs)) }, options);

  it("are done to the rows, undone on the values, and shown; tag and push agree", async () => {
    const tagger = await loadTagger(engine, { ...described, metadata });
    expect(tagger).toMatchObject({ normalisation, targetNormalisation, classes });
    const rows = rowsOf(5, 4);
    const scaled = rows.map((row) =>
      row.map((x, j) => (x - (normalisation.mean[j] ?? 0)) / (normalisation.scale[j] ?? 0)),
    );
    const want = runDescribed(described, scaled).flatMap((row) =>
      row.map(
        (y, j) => y * (targetNormalisation.scale[j] ?? 0) + (targetNormalisation.mean[j] ?? 0),
      ),
    );
    const tagged = tagOf(tagger, rows);
    tagged?.values.data.forEach((value, i) => {
      expect(Math.abs(value - (want[i] as number))).toBeLessThan(1e-12);
    });
    const stream = tagger.stream();
    const pushed = rows.map((row) => stream.push(row));
    expect(pushed.flatMap(({ values }) => [...values])).toEqual([...(tagged?.values.data ?? [])]);
    expect(pushed.map(({ label }) => label)).toEqual(tagged?.labels);
    const all = tagAll(tagger, [tagger.stream()], [rows[0] as number[]]);
    expect([...all.values.data]).toEqual([...(pushed[0]?.values ?? [])]);
    expect(all.labels).toEqual([pushed[0]?.label]);
    tagger.dispose();
  });

  it("options come before the metadata", async () => {
    const own = { mean: [0, 0, 0], scale: [1, 1, 1] };
    const names = ["w", "x", "y", "z"];
    const options = { normalisation: own, classes: names };
    const tagger = await loadTagger(engine, { ...described, metadata }, options);
    expect(tagger).toMatchObject({ normalisation: own, targetNormalisation, classes: names });
    tagger.dispose();
  });

  it.each([
    ["normalisation", "no JSON", "…normalisation: expected JSON, { mean: [], scale: [] }…"],
    ["normalisation", "null", "…normalisation: …null"],
    ["normalisation", '{"mean":[1,2,3]}', "…normalisation: scale: expected a list…undefined"],
    ["normalisation", '{"mean":[1],"scale":[1]}', "…mean: expected 3 numbers, …got 1"],
    ["normalisation", '{"mean":[1,2,null],"scale":[1,1,1]}', "…mean[2]: …finite number, got null"],
    [
      "normalisation",
      '{"mean":[1,2,3],"scale":[1,0,1]}',
      "…scale[1]: expected a finite number > 0…",
    ],
    ["targetNormalisation", '{"mean":[1],"scale":[1]}', "…targetNormalisation: mean: expected 4…"],
    ["classes", '["a"]', "…classes: expected 4 names, got 1"],
    ["classes", "a,b", "…classes: expected JSON, a list of names…"],
  ])("%s %s is an error of the file", async (name, text, said) => {
    await expect(open({ [name]: text })).rejects.toThrow(saying(said));
    await expect(open({ [name]: text })).rejects.toMatchObject({ code: "metadata" });
  });

  it("a normalisation for a network that takes tokens is a TypeError", async () => {
    const tokens = describedOf(LANGUAGE[0] as ModelPlan);
    await expectRejection(
      loadTagger(engine, tokens, { normalisation }),
      TypeError,
      "loadTagger: normalisation: the model takes tokens, not numbers",
    );
  });
});

describe("what cannot stream, and wrong steps", () => {
  it("a direction that reads from the end, and a mean over the steps, are refused", async () => {
    const both = { ...plan, parts: [{ cell: "gru", hiddenSize: 4, bidirectional: true }] } as const;
    const backwards = await loadTagger(engine, describedOf(both));
    const mean = await loadTagger(engine, described, { output: "mean" });
    expectError(() => backwards.stream(), TypeError, "stream: …reads from the end…");
    expectError(() => mean.stream(), TypeError, "stream: …the mean over all steps");
    backwards.dispose();
    mean.dispose();
  });

  it("nothing moves if a step or a stream is wrong", async () => {
    const tagger = await loadTagger(engine, described);
    const [a, b, gone] = [tagger.stream(), tagger.stream(), tagger.stream()];
    gone.dispose();
    a.push([1, 2, 3]);
    const before = a.state.toBytes();
    const row = [1, 2, 3];
    const cases = [
      [() => a.push(1), TypeError, "push: step: expected 3 numbers, got number"],
      [() => a.push([1, 2]), ShapeError, "push: step: expected 3 numbers, got 2"],
      [
        () => a.push([1, 2, "3"] as never),
        TypeError,
        "push: step[2]: expected a number, got string",
      ],
      [() => tagAll(tagger, [a, a], [row, row]), TypeError, "tagAll: streams[1]: …once…"],
      [() => tagAll(tagger, [a, gone], [row, row]), StateError, "tagAll: streams[1]: …disposed"],
      [
        () => tagAll(tagger, [a, b], [row]),
        ShapeError,
        "tagAll: steps: expected 2 rows of 3 numbers, got 1",
      ],
      [
        () => tagAll(tagger, [a, b], [row, [1]]),
        ShapeError,
        "tagAll: steps[1]: expected 3 numbers, got 1",
      ],
      [
        () => tagAll(tagger, [a], { shape: [3, 1], data: new Float64Array(3) }),
        ShapeError,
        "tagAll: steps: expected 1 rows of 3 numbers, got (3, 1)",
      ],
      [() => tagAll(tagger, [a], 5 as never), TypeError, "tagAll: steps: …got number"],
      [() => tagAll({} as Tagger, [a], [row]), TypeError, "tagAll: tagger: …"],
      [() => gone.push(row), StateError, "push: the stream is disposed"],
    ] as const;
    for (const [call, kind, said] of cases) expectError(call, kind, said);
    expect(a.state.toBytes()).toEqual(before);
    tagger.dispose();
    expectError(() => a.push(row), StateError, "push: …tagger is disposed");
  });
});
