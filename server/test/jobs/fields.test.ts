import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parquetReadObjects } from "hyparquet";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fieldsOf, jsonOf, plainTextOf } from "../../src/jobs/fields.js";
import { openPlan, runLocally } from "../../src/jobs/local_run.js";
import type { JobRequest } from "../../src/jobs/outline.js";
import { Scorer } from "../../src/jobs/scorer.js";
import { JobFolder, jobModel } from "../support/job_files.js";

let folder: JobFolder;
let scorer: Scorer;
beforeAll(async () => {
  folder = await JobFolder.open();
  scorer = await Scorer.open(await jobModel(), 1);
});
afterAll(async () => {
  await scorer.close();
  await folder.remove();
});

async function run(inputs: readonly string[], output: string, more: Partial<JobRequest>) {
  const request = await folder.request(inputs, output, more);
  const plan = await openPlan(request, true);
  await runLocally(request.folder, plan, scorer);
  return plan;
}

const withoutScores = (text: string): string[] =>
  text
    .split("\n")
    .slice(0, -1)
    .map((line) => line.slice(line.indexOf('"line"')).replace(/,"logProb".*/, ""));

test("a field of a JSON object keeps its text; the last of two, and null for one that is not there", () => {
  const text = ' {"a": 1.50, "b" : {"a": [1, "}"]}, "c":"\\u00e9", "a": 12345678901234567890 } ';
  const values = fieldsOf(text, ["a", "b", "c", "d", "__proto__"]);
  expect(values.map(jsonOf)).toEqual([
    "12345678901234567890",
    '{"a": [1, "}"]}',
    '"\\u00e9"',
    "null",
    "null",
  ]);
  expect(values.map(plainTextOf)).toEqual([
    "12345678901234567890",
    '{"a": [1, "}"]}',
    "é",
    null,
    null,
  ]);
  expect(fieldsOf('[{"a": 1}]', ["a"])).toEqual([null]);
});

const JSONL = [
  '{"id": 9007199254740993, "text": "To be", "name": "x\\n"}',
  '{"text": "or not", "id": {"n": [1, 2]}}',
  '{"id": 7, "text": 5}',
  "{broken",
];
const CSV = 'name,text,id\n"a ""b""\nc",To be,007\n,or not,\nshort\n';

test("JSON lines and CSV: fields stand after the line, in results and errors", async () => {
  const jsonl = await folder.write("in.jsonl", JSONL.join("\n"));
  const csv = await folder.write("in.csv", CSV);
  await run([jsonl, csv], "json", { with: ["id", "name"], shardBytes: 40 });
  expect(withoutScores(await folder.read("json/results.jsonl"))).toEqual([
    '"line":1,"id":9007199254740993,"name":"x\\n"',
    '"line":2,"id":{"n": [1, 2]},"name":null',
    '"line":2,"id":"007","name":"a \\"b\\"\\nc"',
    '"line":4,"id":"","name":""',
  ]);
  expect((await folder.lines("json/errors.jsonl")).map(({ file: _, ...each }) => each)).toEqual([
    {
      ...{ line: 3, id: 7, name: null },
      reason: 'field "text": expected a text or a list of ids, got number',
    },
    { line: 4, id: null, name: null, reason: 'expected JSON, got "{broken"' },
    {
      ...{ line: 5, id: null, name: null },
      reason: "expected 3 fields, as many as the first record has, got 1",
    },
  ]);
});

/** The rows of a Parquet file of results. */
async function rowsOf(name: string): Promise<Record<string, unknown>[]> {
  const { buffer, byteOffset, length } = await readFile(join(folder.path, name, "results.parquet"));
  const file = buffer.slice(byteOffset, byteOffset + length) as ArrayBuffer;
  return parquetReadObjects({ file });
}

test("Parquet results of JSON lines and CSV: a text is itself, everything else its JSON", async () => {
  const jsonl = await folder.write("to.jsonl", JSONL.join("\n"));
  const csv = await folder.write("to.csv", CSV);
  await run([jsonl, csv], "columns", { with: ["id", "name"], output: "parquet" });
  const rows = await rowsOf("columns");
  expect(rows.map(({ id, name }) => [id, name])).toEqual([
    ["9007199254740993", "x\n"],
    ['{"n": [1, 2]}', null],
    ["007", 'a "b"\nc'],
    ["", ""],
  ]);
});

test("Parquet inputs: columns of plain types keep them; in JSON a long integer has all its digits", async () => {
  const time = new Date("2026-01-02T03:04:05.678Z");
  const columnData = [
    { name: "text", data: ["To be", "or not", "7", null] },
    { name: "id", data: [2n ** 60n + 1n, -5n, null, 4n] },
    { name: "share", data: [0.1, null, 3, Number.NaN] },
    { name: "flag", data: [true, false, null, true] },
    { name: "time", data: [time, null, time, time] },
    { name: "more", data: [{ a: [1, 2] }, null, { a: [] }, {}] },
  ];
  const path = await folder.write(
    "in.parquet",
    new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize: 2 })),
  );
  const names = ["id", "share", "flag", "time", "more"];
  await run([path], "typed", { with: names, output: "parquet" });
  expect((await rowsOf("typed")).map((row) => names.map((name) => row[name]))).toEqual([
    [2n ** 60n + 1n, 0.1, true, "2026-01-02T03:04:05.678Z", '{"a":[1,2]}'],
    [-5n, null, false, null, null],
  ]);
  await run([path], "digits", { with: names });
  expect(withoutScores(await folder.read("digits/results.jsonl"))).toEqual([
    '"line":1,"id":1152921504606846977,"share":0.1,"flag":true,"time":"2026-01-02T03:04:05.678Z","more":{"a":[1,2]}',
    '"line":2,"id":-5,"share":null,"flag":false,"time":null,"more":null',
  ]);
  expect(await folder.lines("digits/errors.jsonl")).toMatchObject([
    { line: 3, id: null, share: 3, reason: expect.stringContaining('"7" (U+0037)') },
    { line: 4, id: 4, share: null, reason: "expected a text or a list of ids, got null" },
  ]);
});

test("fields that lines of text or a file do not have are errors", async () => {
  const text = await folder.write("in.txt", "To be\n");
  const csv = await folder.write("few.csv", CSV);
  await expect(run([text], "none", { with: ["id"] })).rejects.toMatchObject({
    code: "usage",
    message: expect.stringContaining("lines of text have no fields"),
  });
  await expect(run([csv], "none", { with: ["id", "no"] })).rejects.toMatchObject({
    code: "input",
    message: expect.stringMatching(
      /there is no column "no"; the columns are "name", "text", "id": choose with --with$/,
    ),
  });
});
