import {
  createEngineSync,
  loadTagger,
  type ModelDescription,
  ModelFormatError,
  ShapeError,
  type Tagged,
  type Tagger,
} from "recurra";
import { createTaggerPool, type PoolTaggerStream, type TaggerPoolOptions } from "recurra/pool";
import { afterAll, describe, expect, it } from "vitest";
import { expectRejection } from "../support/errors.js";
import { describedOf, LANGUAGE, type ModelPlan } from "../support/models.js";
import { randomTensor, uniform } from "../support/random.js";

const engine = createEngineSync();
const plan: ModelPlan = {
  name: "gru over features",
  size: 3,
  input: "features",
  dense: [[4, "softmax"]],
  parts: [{ cell: "gru", hiddenSize: 6 }],
};
const description = {
  ...describedOf(plan),
  metadata: new Map([
    ["classes", '["a","b","c","d"]'],
    ["normalisation", '{"mean":[1,2,3],"scale":[2,2,2]}'],
  ]),
};
const disposals: (() => unknown)[] = [];
afterAll(async () => {
  for (const dispose of disposals) await dispose();
});

async function both(source: ModelDescription = description, options: TaggerPoolOptions = {}) {
  const pool = await createTaggerPool(source, { size: 2, ...options });
  const tagger: Tagger = await loadTagger(engine, source);
  disposals.push(
    () => pool.close({ drain: false }),
    () => tagger.dispose(),
  );
  return { pool, tagger };
}

const sequences = Array.from({ length: 150 }, (_, i) => randomTensor(uniform(i), i % 17, 3));
const rows = (count: number, seed: number): number[][] => {
  const { data } = randomTensor(uniform(seed), count, 3);
  return Array.from({ length: count }, (_, i) => [...data.subarray(3 * i, 3 * i + 3)]);
};

describe("a pool of a tagger gives the bits of the tagger", () => {
  it("tag and tagMany, labels and errors among them; what the model says", async () => {
    const { pool, tagger } = await both();
    const want = tagger.tagSync(sequences);
    expect(await pool.tag(sequences)).toEqual(want);
    const got: Tagged[] = [];
    for await (const tagged of pool.tagMany(sequences)) got.push(tagged);
    expect(got).toEqual(want);
    const wrong = [sequences[3], { shape: [1, 2], data: new Float64Array(2) }] as typeof sequences;
    const [first, error] = await pool.tag(wrong, { onError: "return" });
    expect(first).toEqual(want[3]);
    expect(error).toBeInstanceOf(ShapeError);
    await expectRejection(pool.tag(wrong), ShapeError, "tag: sequences[1]: expected (T, nx)…");
    const { classes, normalisation, outputSize, output, precision } = tagger;
    expect(pool.model).toMatchObject({ classes, normalisation, outputSize, output, precision });
  });

  it("streams: push, pushAll, fork, state, from", async () => {
    const { pool, tagger } = await both();
    const streams = Array.from({ length: 9 }, () => pool.stream());
    const here = streams.map(() => tagger.stream());
    for (let t = 0; t < 3; t++) {
      const steps = rows(9, t);
      const got = await pool.pushAll(streams, steps, { states: true });
      const want = here.map((stream, i) => stream.push(steps[i] as number[]));
      expect([...got.values.data]).toEqual(want.flatMap(({ values }) => [...values]));
      expect(got.labels).toEqual(want.map(({ label }) => label));
      expect(got.states).toEqual(here.map(({ state }) => state.toBytes()));
    }
    const [stream, alone] = [streams[4] as PoolTaggerStream, here[4]];
    const fork = stream.fork();
    expect(await stream.push([1, 2, 3])).toEqual(alone?.push([1, 2, 3]));
    const again = pool.stream({ from: await stream.state.toBytes() });
    expect(await again.push([3, 2, 1])).toEqual(alone?.push([3, 2, 1]));
    expect((await fork.push([1, 2, 3])).label).toBeDefined();
    await stream.reset();
    expect(await stream.push([0, 0, 0])).toEqual(tagger.stream().push([0, 0, 0]));
    await expectRejection(stream.push([1, 2]), ShapeError, "push: step: expected 3 numbers, got 2");
    await expectRejection(pool.pushAll([stream], [[1]]), ShapeError, "pushAll: steps[0]: …got 1");
    await expectRejection(pool.pushAll([stream], []), ShapeError, "pushAll: steps: expected 1…");
  });

  it("tokens; and a tagger that cannot stream says so at the first command", async () => {
    const tokens = { ...describedOf(LANGUAGE[2] as ModelPlan), output: "steps" as const };
    const { pool, tagger } = await both(tokens);
    expect(await pool.tag([[1, 2, 3], []])).toEqual(tagger.tagSync([[1, 2, 3], []]));
    const [stream, alone] = [pool.stream(), tagger.stream()];
    expect(await stream.push(4)).toEqual(alone.push(4));
    const mean = await both(description, { output: "mean" });
    await expectRejection(mean.pool.stream().push([1, 2, 3]), TypeError, "stream: …the mean…");
  });

  it("a model that is refused, and an option that is misspelt", async () => {
    const bad = { ...description, metadata: new Map([["classes", "[]"]]) };
    await expectRejection(
      createTaggerPool(bad, { size: 1 }),
      ModelFormatError,
      "metadata: classes: …",
    );
    await expectRejection(
      createTaggerPool(description, { clases: [] } as never),
      TypeError,
      "createTaggerPool: …did you mean classes?",
    );
    await expectRejection(
      createTaggerPool(description, { size: 1, classes: ["a"] }),
      RangeError,
      "createTaggerPool: classes: expected 4 names, got 1",
    );
  });
});
