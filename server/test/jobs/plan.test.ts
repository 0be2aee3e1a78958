import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type JobRequest, outlineOf } from "../../src/jobs/outline.js";
import type { InputRecord } from "../../src/jobs/records.js";
import { recordsOf } from "../../src/jobs/shard_records.js";
import { shardsOf } from "../../src/jobs/shards.js";
import { JobFolder } from "../support/job_files.js";

let folder: JobFolder;
beforeAll(async () => {
  folder = await JobFolder.open();
});
afterAll(() => folder.remove());

/** The shards of inputs, and the records in them, shard by shard. */
async function divided(inputs: readonly string[], more: Partial<JobRequest> = {}) {
  const outline = await outlineOf(await folder.request(inputs, "out", more));
  const shards = await shardsOf(outline);
  const records: InputRecord[][] = [];
  for (const shard of shards) {
    const some: InputRecord[] = [];
    for await (const record of recordsOf(outline, shard)) some.push(record);
    records.push(some);
  }
  return { outline, shards, records };
}

/** Lines, CSV records and blanks of all kinds; no line is valid UTF-8 only by luck. */
const cells = fc.array(
  fc.oneof(
    fc.constantFrom("", "a", 'with "quotes"', "two\nlines", "two\r\nlines", "comma, comma", "é…"),
    fc.string({ maxLength: 12 }),
  ),
  { maxLength: 12 },
);
const quoted = (cell: string): string => `"${cell.replaceAll('"', '""')}"`;

test("text: the lines and their numbers are those of the file, however large the shards are", async () => {
  await fc.assert(
    fc.asyncProperty(
      cells,
      fc.integer({ min: 1, max: 40 }),
      fc.boolean(),
      async (all, bytes, isGzip) => {
        const lines = all.map((line) => line.replaceAll(/[\r\n\ufeff]/g, " "));
        const text = lines.map((line) => `${line}\n`).join("");
        const path = await folder.write("lines.txt", isGzip ? gzipSync(text) : text);
        const { records } = await divided([path], { shardBytes: bytes });
        const expected = lines.map((sequence, i) => ({ line: i + 1, sequence }));
        expect(records.flat()).toEqual(expected);
      },
    ),
    { numRuns: 60, seed: 1 },
  );
});

test("CSV: records keep their numbers, with newlines in cells, however large the shards are", async () => {
  await fc.assert(
    fc.asyncProperty(
      cells,
      fc.integer({ min: 1, max: 60 }),
      fc.boolean(),
      async (all, bytes, isCrlf) => {
        const end = isCrlf ? "\r\n" : "\n";
        let text = `\ufeffid,text${end}`;
        const expected: InputRecord[] = [];
        all.forEach((cell, i) => {
          if (i % 3 === 2) text += end;
          const line = text.split("\n").length;
          expected.push({ line, sequence: cell });
          text += `${i},${quoted(cell)}${end}`;
        });
        const path = await folder.write("records.csv", text);
        const { records } = await divided([path], { shardBytes: bytes });
        expect(records.flat()).toEqual(expected);
      },
    ),
    { numRuns: 60, seed: 2 },
  );
});

test("shards end where a line ends, follow each other, and say how many lines they have", async () => {
  const text = Array.from({ length: 100 }, (_, i) => `${"x".repeat(i % 7)}\n`).join("");
  const path = await folder.write("even.txt", `${text}last`);
  const { shards } = await divided([path], { shardBytes: 64 });
  expect(shards.length).toBeGreaterThan(4);
  let [at, line] = [0, 1];
  for (const shard of shards) {
    expect(shard).toMatchObject({ from: at, line });
    [at, line] = [shard.to, line + shard.lines];
  }
  expect(at).toBe(text.length + 4);
  expect(line).toBe(102);
});

test("Parquet: shards are whole row groups, or parts of a large one", async () => {
  const texts = Array.from({ length: 100 }, (_, i) => `sequence ${i}`);
  const columnData = [
    { name: "id", data: texts.map((_, i) => i) },
    { name: "text", data: texts },
  ];
  const file = new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize: [10, 10, 60, 20] }));
  const path = await folder.write("rows.parquet", file);
  const { shards, records } = await divided([path], { shardBytes: Math.ceil(file.length / 4) });
  expect(shards.map(({ from, to }) => [from, to])).toEqual([
    [0, 20],
    [20, 45],
    [45, 70],
    [70, 80],
    [80, 100],
  ]);
  expect(records.flat()).toEqual(texts.map((sequence, i) => ({ line: i + 1, sequence })));
});

test("JSON lines: texts, lists of ids and objects; a reason for everything else", async () => {
  const lines = [
    '"a text"',
    "[1, 2, 3]",
    '{"id": 1, "text": "in a field"}',
    "",
    '{"id": 1}',
    "{not JSON",
    '{"text": null}',
    "[1, 2.5]",
    "7",
  ];
  const path = await folder.write("mixed.jsonl", `${lines.join("\n")}\n`);
  const broken = await folder.write("broken.txt", Buffer.from([0x61, 0x0a, 0xff, 0x0a, 0x62]));
  const { records } = await divided([path, broken], { shardBytes: 20 });
  expect(records.flat()).toEqual([
    { line: 1, sequence: "a text" },
    { line: 2, sequence: [1, 2, 3] },
    { line: 3, sequence: "in a field" },
    { line: 5, reason: 'there is no field "text"; the fields are "id"' },
    { line: 6, reason: 'expected JSON, got "{not JSON"' },
    { line: 7, reason: 'field "text": expected a text or a list of ids, got null' },
    { line: 8, reason: "expected a text or a list of ids, got another list" },
    { line: 9, reason: "expected a text or a list of ids, got number" },
    { line: 1, sequence: "a" },
    { line: 2, reason: "expected text in UTF-8, got other bytes" },
    { line: 3, sequence: "b" },
  ]);
});

test("inputs that cannot be planned are errors with a code and the place", async () => {
  const open = await folder.write("open.csv", 'text\n"never closed\n');
  const columns = await folder.write("columns.csv", "id,body\n1,a\n");
  const cut = await folder.write("cut.txt.gz", gzipSync("some text\n".repeat(50)).subarray(0, 25));
  const other = await folder.write("other.parquet", "no Parquet");
  await expect(divided([open])).rejects.toMatchObject({
    code: "input",
    message: expect.stringMatching(/open\.csv: record 2 has a quote that is never closed$/),
  });
  await expect(divided([columns])).rejects.toMatchObject({
    code: "input",
    message: expect.stringContaining('no column "text"; the columns are "id", "body"'),
  });
  await expect(divided([cut])).rejects.toMatchObject({ code: "input" });
  await expect(divided([other])).rejects.toMatchObject({ code: "input" });
  await expect(divided(["nowhere/*.txt"])).rejects.toMatchObject({ code: "input" });
});

test("files in the output folder are no inputs", async () => {
  const sub = await JobFolder.open();
  try {
    await sub.write("in.jsonl", '"a"\n');
    const request = await sub.request([`${sub.path}/**/*.jsonl`], ".");
    await expect(outlineOf(request)).rejects.toMatchObject({ code: "input" });
  } finally {
    await sub.remove();
  }
});
