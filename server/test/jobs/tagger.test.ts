import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { parquetReadObjects } from "hyparquet";
import { parquetWriteBuffer } from "hyparquet-writer";
import type { Tagged } from "recurra";
import { afterAll, beforeAll, expect, test } from "vitest";
import { modelOf } from "../../src/jobs/job_model.js";
import { openPlan, runLocally } from "../../src/jobs/local_run.js";
import type { JobRequest } from "../../src/jobs/outline.js";
import { Scorer } from "../../src/jobs/scorer.js";
import { JobFolder } from "../support/job_files.js";
import {
  featureTagger,
  letterTagger,
  listed,
  opened,
  steps,
  TABLE_METADATA,
  tensor,
} from "../support/tagger_files.js";

let folder: JobFolder;
beforeAll(async () => {
  folder = await JobFolder.open();
});
afterAll(() => folder.remove());

let count = 0;

/** Does a job with a model; returns its manifest and what it wrote. */
async function tag(
  model: Uint8Array,
  inputs: readonly string[],
  more: Partial<JobRequest> & { pooling?: "last" | "mean"; kind?: "tagger" } = {},
) {
  const name = `job${count++}`;
  const { pooling, kind, ...others } = more;
  const path = await folder.write(`${name}.safetensors`, model);
  const choice = { ...(pooling ? { pooling } : {}), ...(kind ? { kind } : {}) };
  const request = {
    ...{ model: await modelOf(path, { precision: "f64", ...choice }), inputs },
    ...{ folder: join(folder.path, name), perToken: false, output: "jsonl" as const, ...others },
  };
  const plan = await openPlan(request, true);
  const scorer = await Scorer.open(plan.model, 2);
  try {
    const manifest = await runLocally(request.folder, plan, scorer);
    const parquet = async () => {
      const bytes = await readFile(join(request.folder, "results.parquet"));
      const { buffer, byteOffset, length } = bytes;
      return parquetReadObjects({
        file: buffer.slice(byteOffset, byteOffset + length) as ArrayBuffer,
      });
    };
    const lines = (file: string) => folder.lines(`${name}/${file}.jsonl`);
    return { plan, manifest, lines, parquet, file: plan.inputs[0]?.name, name };
  } finally {
    await scorer.close();
  }
}

const sequences = [steps(5), steps(1, 3), [], steps(9, 2)];

test("JSON lines of rows: the values, classes and labels of tagger.tag bit for bit, normalised as the model says", async () => {
  const path = await folder.write(
    "rows.jsonl",
    sequences
      .map((sequence, i) => `${JSON.stringify(i % 2 ? sequence : { id: i, sequence })}\n`)
      .join(""),
  );
  const model = featureTagger(TABLE_METADATA);
  const { manifest, lines, file } = await tag(model, [path], { shardBytes: 200 });
  const tagged = (await opened(model)).tagSync(sequences.map(tensor));
  expect(await lines("results")).toEqual(
    tagged.map((each, i) => ({
      ...{ file, line: i + 1, steps: sequences[i]?.length },
      ...{ classes: [...each.classes], labels: each.labels, values: listed(each) },
    })),
  );
  expect(manifest).toMatchObject({ tagged: 4, failed: 0, steps: 15 });
  const plain = (await opened(featureTagger())).tagSync(sequences.map(tensor));
  expect(plain.map(listed)).not.toEqual(tagged.map(listed));
});

test("a tagger with one output for a sequence has one class, and an option leaves its values out", async () => {
  const path = await folder.write(
    "pooled.jsonl",
    sequences.map((sequence) => `${JSON.stringify({ sequence })}\n`).join(""),
  );
  const model = featureTagger();
  const { lines, file } = await tag(model, [path], { pooling: "mean" });
  const tagged = (await opened(model, { output: "mean" })).tagSync(sequences.map(tensor));
  expect(await lines("results")).toEqual(
    tagged.map((each, i) => ({
      ...{ file, line: i + 1, steps: sequences[i]?.length },
      ...{ class: each.classes[0], values: listed(each)[0] },
    })),
  );
  const short = await tag(model, [path], { pooling: "mean", values: false });
  expect((await short.lines("results"))[3]).toEqual({
    ...{ file, line: 4, steps: 9 },
    class: tagged[3]?.classes[0],
  });
});

test("a tagger of tokens takes lines of text, and ids", async () => {
  const texts = await folder.write("letters.txt", "abba\nfad\n\ncede");
  const ids = await folder.write("ids.jsonl", "[0, 1, 1, 0]\n[5]\n");
  const { manifest, lines } = await tag(letterTagger(), [texts, ids]);
  const [abba, empty, cede] = (await opened(letterTagger())).tagSync(["abba", "", "cede"]);
  const found = (await lines("results")).map(({ values }) => values);
  expect(found).toEqual([abba, empty, cede, abba].map((each) => listed(each as Tagged)));
  expect((await lines("errors")).map(({ line, reason }) => [line, reason])).toEqual([
    [2, '"f" (U+0066), character 1, is not in the model\'s vocabulary'],
    [2, "expected ids in 0 … 4, got 5"],
  ]);
  expect(manifest).toMatchObject({ tagged: 4, failed: 2, steps: 12 });
});

/** A table whose columns do not stand in the order of the model's inputs. */
const csvOf = (rows: readonly (readonly [string, readonly number[]])[]): string =>
  `c,id,a,b\n${rows.map(([id, [a, b, c]]) => `${c},${id},${a},${b}\n`).join("")}`;

const GROUPED = [
  ...steps(6).map((row) => ["x", row] as const),
  ...steps(3, 1).map((row) => ["y.z", row] as const),
  ...steps(5, 2).map((row) => ["x", row] as const),
];

test("a CSV table by groups: a result for each row, with the bits of each group alone", async () => {
  const path = await folder.write("groups.csv", csvOf(GROUPED));
  const model = featureTagger(TABLE_METADATA);
  const { manifest, lines, file, plan } = await tag(model, [path], {
    ...{ group: "id", with: ["id", "c"], shardBytes: 60 },
  });
  expect(plan.shards.length).toBe(3);
  const groups = [steps(6), steps(3, 1), steps(5, 2)];
  const tagged = (await opened(model)).tagSync(groups.map(tensor));
  const expected = tagged.flatMap((each) =>
    listed(each).map((values, t) => ({
      ...{ class: each.classes[t], label: each.labels?.[t], values },
    })),
  );
  expect(await lines("results")).toEqual(
    expected.map((each, i) => ({
      ...{ file, line: i + 2, id: GROUPED[i]?.[0], c: String(GROUPED[i]?.[1][2]) },
      ...each,
    })),
  );
  expect(manifest).toMatchObject({ tagged: 3, failed: 0, steps: 14 });
});

test("a table without groups: sequences of the window in the model, or of another one, or the whole file", async () => {
  const rows = steps(10);
  const path = await folder.write("windows.csv", csvOf(rows.map((row) => ["x", row])));
  const columns = ["a", "b", "c"].map((name, i) => ({ name, data: rows.map((row) => row[i]) }));
  const parquet = await folder.write(
    "windows.parquet",
    new Uint8Array(parquetWriteBuffer({ columnData: columns as never, rowGroupSize: 3 })),
  );
  const model = featureTagger(TABLE_METADATA);
  const tagger = await opened(model);
  for (const [window, size] of [
    [undefined, 4],
    [7, 7],
    ["file", 10],
  ] as const) {
    const cut = Array.from({ length: Math.ceil(10 / size) }, (_, i) =>
      rows.slice(i * size, (i + 1) * size),
    );
    const expected = tagger.tagSync(cut.map(tensor)).flatMap(listed);
    for (const input of [path, parquet]) {
      const { lines, manifest } = await tag(model, [input], { window, shardBytes: 30 });
      expect((await lines("results")).map(({ values }) => values)).toEqual(expected);
      expect(manifest).toMatchObject({ tagged: cut.length, steps: 10 });
    }
  }
});

test("Parquet: lists of rows in a column, or a table by groups; results in Parquet hold the same numbers", async () => {
  const schema = [
    { name: "root", num_children: 2 },
    { name: "id", type: "INT64", repetition_type: "REQUIRED" },
    ...["sequence", "element"].flatMap((name) => [
      { name, repetition_type: "OPTIONAL", num_children: 1, converted_type: "LIST" } as const,
      { name: "list", repetition_type: "REPEATED", num_children: 1 } as const,
    ]),
    { name: "element", type: "DOUBLE", repetition_type: "OPTIONAL" },
  ] as const;
  const columnData = [
    { name: "id", data: sequences.map((_, i) => 2n ** 53n + BigInt(i)) },
    { name: "sequence", data: sequences },
  ];
  const nested = await folder.write(
    "nested.parquet",
    new Uint8Array(parquetWriteBuffer({ columnData, schema: schema as never })),
  );
  const model = featureTagger(TABLE_METADATA);
  const tagged = (await opened(model)).tagSync(sequences.map(tensor));
  const { parquet, file } = await tag(model, [nested], { output: "parquet", with: ["id"] });
  const plain = (rows: Record<string, unknown>[]): unknown =>
    JSON.parse(
      JSON.stringify(rows, (_, value) => (typeof value === "bigint" ? `${value}` : value)),
    );
  expect(plain(await parquet())).toEqual(
    tagged.map((each, i) => ({
      ...{
        file,
        line: `${i + 1}`,
        id: `${2n ** 53n + BigInt(i)}`,
        steps: `${sequences[i]?.length}`,
      },
      ...{ classes: [...each.classes], labels: each.labels, values: listed(each) },
    })),
  );

  const table = [
    { name: "id", data: GROUPED.map(([id]) => id) },
    ...["a", "b", "c"].map((name, i) => ({ name, data: GROUPED.map(([, row]) => row[i]) })),
  ];
  const rows = await folder.write(
    "table.parquet",
    new Uint8Array(parquetWriteBuffer({ columnData: table as never, rowGroupSize: 4 })),
  );
  const both = await tag(model, [rows], { output: "parquet", group: "id", shardBytes: 100 });
  const groups = [steps(6), steps(3, 1), steps(5, 2)];
  const expected = (await opened(model)).tagSync(groups.map(tensor)).flatMap(listed);
  expect((await both.parquet()).map(({ values }) => values)).toEqual(expected);
});

test("a sequence with a row that is none fails with its line; the others are tagged", async () => {
  const rows = csvOf(GROUPED).split("\n");
  rows[3] = "1,x,?,3";
  rows[8] = "1,2";
  const path = await folder.write("bad.csv", rows.join("\n"));
  const model = featureTagger(TABLE_METADATA);
  const { manifest, lines } = await tag(model, [path], { group: "id", with: ["id"] });
  expect(await lines("errors")).toMatchObject([
    { line: 2, id: "x", reason: 'line 4: column "a": expected a finite number, got "?"' },
    {
      line: 8,
      id: "y.z",
      reason: "line 9: expected 4 fields, as many as the first record has, got 2",
    },
  ]);
  expect(manifest).toMatchObject({ tagged: 1, failed: 2, steps: 5 });
  const json = await folder.write(
    "bad.jsonl",
    '{"sequence": [[1, 2]]}\n{"sequence": [[1, 2, null]]}\n"text"\n[[1, 2, 1e999]]\n{"id": 1}\n',
  );
  const bad = await tag(model, [json]);
  expect((await bad.lines("errors")).map(({ reason }) => reason)).toEqual([
    'field "sequence": row 1: expected 3 numbers, got 2',
    'field "sequence": row 1, number 3: expected a finite number, got null',
    "expected a list of rows, 3 numbers each, got string",
    "row 1, number 3: expected a finite number, got Infinity",
    'there is no field "sequence"; the fields are "id"',
  ]);
});

const EXAMPLE: ("1,x,2,3" | "1,2")[] = ["1,x,2,3", "1,x,2,3", "1,2", "1,x,2,3"];

test("tables are divided into the same sequences however large the shards are, with rows that are broken", async () => {
  const model = featureTagger(TABLE_METADATA);
  const path = await folder.write("model.safetensors", model);
  const known = await modelOf(path, { precision: "f64" });
  const { outlineOf } = await import("../../src/jobs/outline.js");
  const { shardsOf } = await import("../../src/jobs/shards.js");
  const { recordsOf } = await import("../../src/jobs/shard_records.js");
  const row = fc.constantFrom("1,x,2,3", "1,y,2,3", "1,x,?,3", "1,2", "", '4,"x\n",5,6');
  await fc.assert(
    fc.asyncProperty(
      fc.array(row, { maxLength: 14 }),
      fc.integer({ min: 1, max: 60 }),
      fc.constantFrom({ group: "id" }, { group: "id", window: 2 }, { window: 3 }),
      async (rows, shardBytes, how) => {
        const input = await folder.write("table.csv", `c,id,a,b\n${rows.join("\n")}`);
        const found = async (bytes: number) => {
          const request = {
            ...{ model: known, inputs: [input], folder: join(folder.path, "none") },
            ...{ perToken: false, output: "jsonl" as const, shardBytes: bytes, ...how },
          };
          const outline = await outlineOf(request);
          const records: unknown[] = [];
          for (const shard of await shardsOf(outline)) {
            for await (const record of recordsOf(outline, shard)) records.push(record);
          }
          return records;
        };
        expect(await found(shardBytes)).toEqual(await found(1e6));
      },
    ),
    // A window ends in front of a row whose group is not known.
    { numRuns: 80, seed: 3, examples: [[EXAMPLE, 1, { group: "id", window: 2 }]] },
  );
});

test("options that do not go with the model or the input are errors that say what to pass", async () => {
  const csv = await folder.write("open.csv", csvOf([["x", [1, 2, 3]]]));
  const text = await folder.write("open.txt", "1 2 3\n");
  const plain = featureTagger();
  const message = (inputs: string[], model: Uint8Array, more: Partial<JobRequest> = {}) =>
    tag(model, inputs, more).then(
      () => "no error",
      (error: Error & { code: string }) => `${error.code}: ${error.message}`,
    );
  expect(await message([csv], plain)).toBe(
    'usage: --features: name the 3 columns that the model reads, in the order of training; the columns are "c", "id", "a", "b"',
  );
  expect(await message([csv], plain, { features: ["a"] })).toBe(
    "usage: --features: expected 3 columns, as many as the model's inputs, got 1",
  );
  expect(await message([csv], plain, { features: ["a", "b", "d"] })).toContain(
    'there is no column "d"; the columns are "c", "id", "a", "b": choose with --features',
  );
  expect(await message([text], plain)).toContain("lines of text hold no rows of numbers");
  expect(await message([csv], plain, { perToken: true })).toMatch(/^usage: --per-token: /);
  expect(await message([csv], letterTagger(), { group: "id" })).toBe(
    "usage: --group: the model takes texts or ids, not rows of numbers",
  );
  expect(await message([csv], plain, { with: ["line"] })).toBe(
    'usage: --with: "line" is a field of the results already',
  );
});
